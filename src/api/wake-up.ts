// SPDX-License-Identifier: Apache-2.0

/** Says that there is something new; however often that is said, it is heard once. */
export class WakeUp {
  #isDue = false;
  #wake: (() => void) | null = null;

  notify(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  /** Resolves when there was a notify() since the last time. @throws if the signal is aborted */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isDue) {
      const { promise, resolve, reject } = Promise.withResolvers<null>();
      const abort = () => reject(signal.reason as Error);
      this.#wake = () => resolve(null);
      signal.addEventListener('abort', abort, { once: true });
      try {
        await promise;
      } finally {
        this.#wake = null;
        signal.removeEventListener('abort', abort);
      }
    }
    this.#isDue = false;
  }
}
