// SPDX-License-Identifier: Apache-2.0
import { Slices } from '../slices.ts';
import { neighbourKey, type WatchedNeighbour } from '../plan/wanted.ts';
import { attempt, errorCode } from './native-failure.ts';
import type { Native, NativeNeighbourWatch } from './native.ts';

interface Watched {
  readonly neighbour: WatchedNeighbour;
  mac: string | null;
  users: number;
}

/** What the kernel says of a port that is down or gone. */
const portIsAway = new Set(['ENETDOWN', 'ENODEV', 'EINVAL', 'ENETUNREACH']);

/**
 * The MACs of watched addresses, kept resolved by the kernel. One that stops to answer
 * keeps its last MAC: that it is silent is for health checks to judge.
 */
export class NeighbourTable {
  readonly #watch: NativeNeighbourWatch;
  readonly #byKey = new Map<string, Watched>();
  /** Those that the kernel has given up: to be watched anew. */
  readonly #lost = new Set<Watched>();
  #isKeepingUp = false;
  readonly #listeners: ((neighbour: WatchedNeighbour) => void)[] = [];

  constructor(native: Native) {
    this.#watch = new native.NeighbourWatch(({ ifindex, ip, mac, deleted }) => {
      const watched = this.#byKey.get(neighbourKey({ ifindex, ip }));
      if (watched === undefined) return;
      if (deleted) this.#lost.add(watched);
      this.#hear(watched, mac);
    });
  }

  #hear(watched: Watched, mac: string | null): void {
    if (mac === null || mac === watched.mac) return;
    watched.mac = mac;
    for (const listener of this.#listeners) listener(watched.neighbour);
  }

  /**
   * Watches anew what was lost to a flush or a port that went down, once that is possible: that
   * may be thousands, among which others have their turns.
   */
  async keepUp(): Promise<void> {
    if (this.#isKeepingUp) return;
    this.#isKeepingUp = true;
    const slices = new Slices();
    for (const watched of this.#lost) {
      try {
        this.#begin(watched);
      } catch {
        // The kernel has no room for it: tried again the next time.
      }
      await slices.turn();
    }
    this.#isKeepingUp = false;
  }

  onChange(listener: (neighbour: WatchedNeighbour) => void): void {
    this.#listeners.push(listener);
  }

  mac(neighbour: WatchedNeighbour): string | null {
    return this.#byKey.get(neighbourKey(neighbour))?.mac ?? null;
  }

  /** For one more amphora; two distributors may watch the same address. */
  acquire(neighbour: WatchedNeighbour): void {
    const key = neighbourKey(neighbour);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.users++;
      return;
    }
    const watched: Watched = { neighbour, mac: null, users: 1 };
    this.#byKey.set(key, watched);
    this.#lost.add(watched);
    try {
      attempt(`watch ${key}`, () => this.#begin(watched));
    } catch (error) {
      this.#byKey.delete(key);
      this.#lost.delete(watched);
      throw error;
    }
  }

  /** Leaves it lost while its port is away. */
  #begin(watched: Watched): void {
    try {
      const mac = this.#watch.add(watched.neighbour);
      this.#lost.delete(watched);
      this.#hear(watched, mac);
    } catch (error) {
      if (!portIsAway.has(errorCode(error) ?? '')) throw error;
    }
  }

  release(neighbour: WatchedNeighbour): void {
    const key = neighbourKey(neighbour);
    const known = this.#byKey.get(key);
    if (known === undefined || --known.users > 0) return;
    attempt(`forget ${key}`, () => this.#watch.remove(neighbour));
    this.#byKey.delete(key);
    this.#lost.delete(known);
  }

  close(): void {
    this.#watch.close();
  }
}
