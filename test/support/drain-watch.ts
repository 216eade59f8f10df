// SPDX-License-Identifier: Apache-2.0
import type { DrainState__Output as DrainState } from '../../build/proto/distributor/v1/DrainState.ts';
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { WatchDrainResponse__Output as WatchDrainResponse } from '../../build/proto/distributor/v1/WatchDrainResponse.ts';
import { waitUntil, type WaitOptions } from './wait-until.ts';

/** The drain of one amphora, as WatchDrain tells it from the call on. */
export class DrainWatch {
  readonly #amphora: string;
  readonly #told: DrainStatus[] = [];
  #ended = false;
  #error: Error | null = null;

  constructor(amphora: string, messages: AsyncIterable<WatchDrainResponse>) {
    this.#amphora = amphora;
    void this.#read(messages);
  }

  /** All that has been told so far. */
  get told(): readonly DrainStatus[] {
    return this.#told;
  }

  /** Each once, in the order in which they came. */
  get states(): readonly DrainState[] {
    return this.#told
      .map(({ state }) => state)
      .filter((state, index, all) => state !== all[index - 1]);
  }

  /** Resolves when what was told last satisfies the condition; `what` is for the message. */
  async until(
    what: string,
    condition: (status: DrainStatus) => boolean,
    options: WaitOptions = {},
  ): Promise<DrainStatus> {
    let latest: DrainStatus | undefined;
    await waitUntil(
      `the drain of ${this.#amphora}: ${what}`,
      () => {
        if (this.#error !== null) throw this.#error;
        latest = this.#told.at(-1);
        return latest !== undefined && condition(latest);
      },
      options,
    );
    if (latest === undefined) throw new Error('unreachable');
    return latest;
  }

  /** Resolves with what was told last when the daemon has ended the stream. */
  end(options: WaitOptions = {}): Promise<DrainStatus> {
    return this.until('the end of the stream', () => this.#ended, options);
  }

  async #read(messages: AsyncIterable<WatchDrainResponse>): Promise<void> {
    try {
      for await (const { drains } of messages)
        this.#told.push(...drains.filter(({ amphora_id }) => amphora_id === this.#amphora));
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    }
    this.#ended = true;
  }
}
