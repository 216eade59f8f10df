// SPDX-License-Identifier: Apache-2.0

/** Runs work that the first Ctrl-C asks to end; the second ends the process. */
export async function untilInterrupted<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt);
  try {
    return await work(interrupted.signal);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Asked anew each time; the compiler takes a property that it has narrowed for constant. */
export function isAborted(signal: AbortSignal | null): boolean {
  return signal?.aborted === true;
}
