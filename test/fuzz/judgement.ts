// SPDX-License-Identifier: Apache-2.0
import type { Says } from './ends-oracle.ts';
import { ownerBit, type Ports } from './pins.ts';
import { namesIn, oneOf } from './verdicts.ts';

/** What may become of one frame; the same object for each. */
export class Judgement {
  /** Index of the VIP that counts it, or -1. */
  vip = -1;
  /** A set of verdicts. */
  allowed = 0;
  networkOffset = 0;
  /** Bytes up to the end of the IP packet, by its own account. */
  accounted = 0;
  /** Whom a neighbour solicitation is answered to, and where the VIP stands in the frame. */
  readonly answer = { to: 0, probe: false, vipAt: 0 };
  /** The flow, if it may be written down, and which owners for. */
  flow = '';
  /** Null where there is no transport header. */
  says: Says | null = null;
  loopOwners = 0;
  /** A first fragment that leaves its ports behind. */
  datagram = '';
  ports: Ports = { protocol: 0, source: 0, destination: 0 };
  /** By verdict: the owners it may be forwarded to. */
  readonly #owners = new Uint32Array(32);

  clear(): void {
    this.vip = -1;
    this.allowed = 0;
    this.networkOffset = 0;
    this.accounted = 0;
    this.flow = '';
    this.says = null;
    this.loopOwners = 0;
    this.datagram = '';
    this.#owners.fill(0);
  }

  allow(...verdicts: readonly number[]): void {
    this.allowed |= oneOf(...verdicts);
  }

  allowForwarding(verdict: number, owner: number): void {
    this.allowed |= 1 << verdict;
    this.#owners[verdict] = this.ownersOf(verdict) | ownerBit(owner);
  }

  ownersOf(verdict: number): number {
    return this.#owners[verdict] ?? 0;
  }

  allows(verdict: number): boolean {
    return ((this.allowed >>> verdict) & 1) === 1;
  }

  get allowedNames(): string {
    return namesIn(this.allowed);
  }
}
