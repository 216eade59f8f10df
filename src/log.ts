// SPDX-License-Identifier: Apache-2.0
import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

/** What the daemon logs with. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** JSON lines on standard error; readable ones if that is a terminal. */
export function createLog(level: (typeof logLevels)[number]): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return process.stderr.isTTY
    ? pino(options, pretty({ destination: 2, sync: true }))
    : pino(options, pino.destination({ dest: 2, sync: true }));
}
