// SPDX-License-Identifier: Apache-2.0
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { callContext } from './call-context.ts';

/** What the daemon logs with. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Writes JSON lines. */
export function createLog(
  level: (typeof logLevels)[number],
  destination: DestinationStream,
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

/** Of lines that are not read yet. */
const maxBufferedBytes = 2 ** 24;

/**
 * Standard error, where lines are made readable if it is a terminal. Nobody waits for who reads
 * it: lines are kept for a slow reader, and dropped when there are too many of them.
 */
export class LogOutput {
  readonly stream: DestinationStream;
  #dropped = 0;

  constructor() {
    if (process.stderr.isTTY) {
      this.stream = pretty({ destination: 2, sync: true });
      return;
    }
    const stream = pino.destination({ dest: 2, sync: false, maxLength: maxBufferedBytes });
    stream.on('drop', () => this.#dropped++);
    this.stream = stream;
  }

  /** Lines, since the start. */
  get dropped(): number {
    return this.#dropped;
  }
}

/** Every line that is written for a call names it, from whatever depth. */
function requestOf(): object {
  const context = callContext.getStore();
  return context === undefined ? {} : { requestId: context.requestId };
}
