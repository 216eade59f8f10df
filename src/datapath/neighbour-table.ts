// SPDX-License-Identifier: Apache-2.0
import { neighbourKey, type WatchedNeighbour } from '../plan/wanted.ts';
import { attempt } from './native-failure.ts';
import type { Native, NativeNeighbourWatch } from './native.ts';

interface Watched {
  readonly neighbour: WatchedNeighbour;
  readonly ifindex: number;
  mac: string | null;
  users: number;
  /** The kernel has given the entry up: to be watched anew. */
  lost: boolean;
}

/**
 * The MACs of watched addresses, kept resolved by the kernel. One that stops to answer
 * keeps its last MAC: that it is silent is for health checks to judge.
 */
export class NeighbourTable {
  readonly #watch: NativeNeighbourWatch;
  readonly #byKey = new Map<string, Watched>();
  readonly #byNative = new Map<string, Watched>();
  readonly #listeners: ((neighbour: WatchedNeighbour) => void)[] = [];

  constructor(native: Native) {
    this.#watch = new native.NeighbourWatch(({ ifindex, ip, mac, deleted }) => {
      const watched = this.#byNative.get(nativeKey(ifindex, ip));
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
      const { ifindex, neighbour } = watched;
      try {
        watched.lost = false;
        this.#hear(watched, this.#watch.add({ ifindex, ip: neighbour.ip }));
      } catch {
        watched.lost = true; // the port is still down
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
  acquire(neighbour: WatchedNeighbour, ifindex: number): void {
    const key = neighbourKey(neighbour);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.users++;
      return;
    }
    const watched: Watched = { neighbour, ifindex, mac: null, users: 1, lost: false };
    watched.mac = attempt(`watch ${key}`, () => this.#watch.add({ ifindex, ip: neighbour.ip }));
    this.#byKey.set(key, watched);
    this.#byNative.set(nativeKey(ifindex, neighbour.ip), watched);
  }

  release(neighbour: WatchedNeighbour): void {
    const key = neighbourKey(neighbour);
    const known = this.#byKey.get(key);
    if (known === undefined || --known.users > 0) return;
    const { ifindex } = known;
    attempt(`forget ${key}`, () => this.#watch.remove({ ifindex, ip: neighbour.ip }));
    this.#byKey.delete(key);
    this.#byNative.delete(nativeKey(ifindex, neighbour.ip));
  }

  close(): void {
    this.#watch.close();
  }
}

function nativeKey(ifindex: number, ip: string): string {
  return `${ifindex} ${ip}`;
}
