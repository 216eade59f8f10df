// SPDX-License-Identifier: Apache-2.0
import { attempt, attemptAsync } from './native-failure.ts';
import type { NativeVip, NativeVipKey } from './native.ts';

/** Where a VIP is, and which one it is. */
type PlacedVip = NativeVipKey & Pick<NativeVip, 'vipId' | 'counters'>;

/** What of the addon writes the VIPs' map. */
export interface VipWriter {
  /** Whether an element was replaced. */
  putVip(vip: NativeVip): boolean;
  moveVip(vip: NativeVip & { readonly from: number }): void;
  deleteVip(vip: PlacedVip): void;
}

interface Write {
  readonly run: () => void;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The elements of the VIPs' map. The kernel gives the memory of one that was replaced or deleted
 * to the next one that is written, at once, while a packet may still read it: that packet would be
 * treated as for another VIP. So a write waits until no packet can, and one such wait serves all
 * writes until the next element is freed: deletions let the writes that wait go first.
 */
export class VipElements {
  readonly #writer: VipWriter;
  readonly #waitForReaders: () => Promise<void>;
  readonly #writes: Write[] = [];
  readonly #deletions: Write[] = [];
  #isWorking = false;
  /** Since readers were waited for. */
  #hasFreed = false;

  constructor(writer: VipWriter, waitForReaders: () => Promise<void>) {
    this.#writer = writer;
    this.#waitForReaders = waitForReaders;
  }

  put(vip: NativeVip): Promise<void> {
    return this.#enqueue(this.#writes, () => {
      const isReplaced = attempt('put VIP', () => this.#writer.putVip(vip));
      this.#hasFreed ||= isReplaced;
    });
  }

  /** `from`: the index of its port before. */
  move(vip: NativeVip & { readonly from: number }): Promise<void> {
    return this.#enqueue(this.#writes, () => {
      this.#hasFreed = true;
      attempt('move VIP', () => this.#writer.moveVip(vip));
    });
  }

  delete(vip: PlacedVip): Promise<void> {
    return this.#enqueue(this.#deletions, () => {
      this.#hasFreed = true;
      attempt('delete VIP', () => this.#writer.deleteVip(vip));
    });
  }

  /** Resolves when no packet reads what an element said before now. */
  settled(): Promise<void> {
    return this.#enqueue(this.#writes, () => undefined);
  }

  #enqueue(queue: Write[], run: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    queue.push({ run, done: () => resolve(undefined), failed: reject });
    if (!this.#isWorking) void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#writes.length + this.#deletions.length > 0) {
      for (const write of this.#writes.splice(0)) await this.#write(write);
      for (const deletion of this.#deletions.splice(0)) settle(deletion);
    }
    this.#isWorking = false;
  }

  async #write(write: Write): Promise<void> {
    if (this.#hasFreed) {
      try {
        await attemptAsync('wait for readers', this.#waitForReaders);
      } catch (error) {
        write.failed(error);
        return;
      }
      this.#hasFreed = false;
    }
    settle(write);
  }
}

function settle({ run, done, failed }: Write): void {
  try {
    run();
    done();
  } catch (error) {
    failed(error);
  }
}
