// SPDX-License-Identifier: Apache-2.0
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { callContext } from './call-context.ts';

/** What the daemon logs with. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** JSON lines on standard error, or as given; readable ones if that is a terminal. */
export function createLog(
  level: (typeof logLevels)[number],
  destination: DestinationStream = standardError(),
): Logger {
  const options = {
    level,
    base: null,
    mixin: requestOf,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, destination);
}

function standardError(): DestinationStream {
  return process.stderr.isTTY
    ? pretty({ destination: 2, sync: true })
    : pino.destination({ dest: 2, sync: true });
}

/** Every line that is written for a call names it, from whatever depth. */
function requestOf(): object {
  const context = callContext.getStore();
  return context === undefined ? {} : { requestId: context.requestId };
}
