// SPDX-License-Identifier: Apache-2.0
import { vipOfKey } from './flow-key.ts';

/** Owners are positions + 1. */
export function ownerBit(owner: number): number {
  return 1 << owner;
}

export interface Ports {
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
}

/**
 * What the data path may remember: it forgets openings and fragments whenever it likes, but what it
 * does remember it was told by a packet. So a flow that is pinned is pinned to an owner noted here.
 */
export class Memory {
  /** By flow: the owners it may be pinned to, a bit each. */
  readonly #pins = new Map<string, number>();
  /** By datagram: what its first fragment said. */
  readonly #fragments = new Map<string, Ports>();

  pinnedTo(flow: string): number {
    return this.#pins.get(flow) ?? 0;
  }

  mayPin(flow: string, owner: number): void {
    this.#pins.set(flow, this.pinnedTo(flow) | ownerBit(owner));
  }

  firstFragment(datagram: string): Ports | null {
    return this.#fragments.get(datagram) ?? null;
  }

  noteFirstFragment(datagram: string, ports: Ports): void {
    this.#fragments.set(datagram, ports);
  }

  flows(): Iterable<string> {
    return this.#pins.keys();
  }

  datagrams(): Iterable<string> {
    return this.#fragments.keys();
  }

  /** Another amphora, or none, at a position: flows of the one before are pinned no longer. */
  forgetOwner(owner: number, isTheirs: (vip: number) => boolean): void {
    for (const [flow, owners] of this.#pins)
      if (isTheirs(vipOfKey(flow))) this.#pins.set(flow, owners & ~ownerBit(owner));
  }

  clear(): void {
    this.#pins.clear();
    this.#fragments.clear();
  }
}
