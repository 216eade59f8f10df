// SPDX-License-Identifier: Apache-2.0
import type { Datapath } from '../datapath/datapath.ts';
import type { Log } from '../log.ts';

/** Sees to it that what is to outlive the daemon stays pinned. */
export class PinWatch {
  readonly #datapath: Pick<Datapath, 'keepPinned'>;
  readonly #log: Pick<Log, 'warn' | 'error'>;
  #restored = 0;
  #failure: string | null = null;

  constructor(datapath: Pick<Datapath, 'keepPinned'>, log: Pick<Log, 'warn' | 'error'>) {
    this.#datapath = datapath;
    this.#log = log;
  }

  /** Pins that somebody had removed, since the start. */
  get restored(): number {
    return this.#restored;
  }

  /** False while something is not pinned, and cannot be. */
  get areInPlace(): boolean {
    return this.#failure === null;
  }

  keepUp(): void {
    try {
      const pins = this.#datapath.keepPinned();
      this.#restored += pins;
      this.#failure = null;
      if (pins > 0) this.#log.warn({ pins }, 'pins were missing, and are made again');
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#failure)
        this.#log.error({ err: error }, 'not pinned: what is not, ends with the daemon');
      this.#failure = message;
    }
  }
}
