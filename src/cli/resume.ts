// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { CallError } from './client.ts';
import { isAborted } from './interrupt.ts';

export interface ResumeOptions {
  /** How long to try without a response, in ms; Infinity: until interrupted. */
  readonly patienceMs: number;
  /** Whether the daemon has answered before; if not, failing to reach it is final. */
  readonly reached: boolean;
  readonly signal: AbortSignal;
  readonly tell: (message: string) => void;
}

const firstDelayMs = 100;
const longestDelayMs = 2000;

/**
 * The responses of a stream, which is opened again when the connection is lost or the daemon
 * ends it. Ends when interrupted, or when there was nothing but ended streams for too long.
 * @throws CallError if the daemon refused, or was not reached for too long
 */
export async function* resuming<Response>(
  open: () => AsyncIterable<Response>,
  { patienceMs, reached, signal, tell }: ResumeOptions,
): AsyncGenerator<Response, void> {
  let everReached = reached;
  let lostAt: number | null = null;
  let delayMs = firstDelayMs;
  while (!isAborted(signal)) {
    let failure: CallError | null = null;
    try {
      for await (const response of open()) {
        if (lostAt !== null) tell('connected again');
        everReached = true;
        lostAt = null;
        delayMs = firstDelayMs;
        yield response;
      }
    } catch (error) {
      if (!(error instanceof CallError) || !error.connectionLost || !everReached) throw error;
      failure = error;
    }
    if (isAborted(signal)) return;
    if (lostAt === null) {
      lostAt = performance.now();
      tell(`trying again: ${failure?.message ?? 'the daemon has ended the call'}`);
    } else if (performance.now() - lostAt > patienceMs) {
      if (failure !== null) throw failure;
      return;
    }
    await delay(delayMs, undefined, { signal }).catch(() => undefined);
    delayMs = Math.min(2 * delayMs, longestDelayMs);
  }
}
