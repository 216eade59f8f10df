// SPDX-License-Identifier: Apache-2.0
import { neighbourKey, type WatchedNeighbour } from '../plan/wanted.ts';
import { attempt, errorCode } from './native-failure.ts';
import type { Native, NativeNeighbourWatch } from './native.ts';

interface Watched {
  readonly neighbour: WatchedNeighbour;
  mac: string | null;
  users: number;
  /** The kernel has given the entry up: to be watched anew. */
  lost: boolean;
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
  readonly #listeners: ((neighbour: WatchedNeighbour) => void)[] = [];

  constructor(native: Native) {
    this.#watch = new native.NeighbourWatch(({ ifindex, ip, mac, deleted }) => {
      const watched = this.#byKey.get(neighbourKey({ ifindex, ip }));
      if (watched === undefined) return;
      if (deleted) watched.lost = true;
      this.#hear(watched, mac);
    });
  }

  #hear(watched: Watched, mac: string | null): void {
    if (mac === null || mac === watched.mac) return;
    watched.mac = mac;
    for (const listener of this.#listeners) listener(watched.neighbour);
  }

  /** Watches anew what was lost to a flush or a port that went down, once that is possible. */
  keepUp(): void {
    for (const watched of this.#byKey.values()) {
      if (!watched.lost) continue;
      try {
        this.#begin(watched);
      } catch {
        // The kernel has no room for it: tried again the next time.
      }
    }
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
    const watched: Watched = { neighbour, mac: null, users: 1, lost: true };
    this.#byKey.set(key, watched);
    try {
      attempt(`watch ${key}`, () => this.#begin(watched));
    } catch (error) {
      this.#byKey.delete(key);
      throw error;
    }
  }

  /** Leaves it lost while its port is away. */
  #begin(watched: Watched): void {
    try {
      const mac = this.#watch.add(watched.neighbour);
      watched.lost = false;
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
  }

  close(): void {
    this.#watch.close();
  }
}
