// SPDX-License-Identifier: Apache-2.0
// From a flow to the amphorae that may get it: docs/pinning.md, seen from outside.
import { datagramKey, flowKey } from './flow-key.ts';
import type { FuzzFrame } from './frame.ts';
import { hasPorts, marksStarts, type Walk } from './ip-walk.ts';
import type { Judgement } from './judgement.ts';
import { ownerBit, type Ports } from './pins.ts';
import { slotOf } from './slot-hash.ts';
import type { SlotOwners, Tenants } from './tenants.ts';
import * as verdicts from './verdicts.ts';
import { POSITIONS, vipAt, type Vip } from './world.ts';

const OWNER_GONE = 0xffff;

/** Two little-endian words of an IPv4-mapped address. */
const MAPPED_LOW = 0xffff_0000n;

export interface Flow {
  source: readonly [bigint, bigint];
  /** The same as a key. */
  sourceKey: string;
  protocol: number;
  sourcePort: number;
  destinationPort: number;
  starts: boolean;
}

export class Placement {
  judgement!: Judgement;
  readonly #tenants: Tenants;
  readonly #flow: Flow = {
    source: [0n, 0n],
    sourceKey: '',
    protocol: 0,
    sourcePort: 0,
    destinationPort: 0,
    starts: false,
  };
  #sourceMac = 0;

  constructor(tenants: Tenants) {
    this.#tenants = tenants;
  }

  begin(frame: FuzzFrame, judgement: Judgement): void {
    this.judgement = judgement;
    this.#sourceMac = frame.mac(6);
  }

  /** The flow whose client's address is at `offset`; the same object each time. */
  flow4(frame: FuzzFrame, offset: number): Flow {
    const address = BigInt(frame.view.getUint32(offset, true));
    this.#flow.source = [0n, (address << 32n) | MAPPED_LOW];
    this.#flow.sourceKey = frame.buffer.toString('latin1', offset, offset + 4);
    return this.#flow;
  }

  flow6(frame: FuzzFrame, offset: number): Flow {
    const { view } = frame;
    this.#flow.source = [view.getBigUint64(offset, true), view.getBigUint64(offset + 8, true)];
    this.#flow.sourceKey = frame.buffer.toString('latin1', offset, offset + 16);
    return this.#flow;
  }

  /** Whether the client's address is an IPv4-mapped one. */
  get isMapped(): boolean {
    const [high, low] = this.#flow.source;
    return high === 0n && (low & 0xffff_ffffn) === MAPPED_LOW;
  }

  /** A packet with its ports and flags. */
  whole(judgement: Judgement, vip: Vip): void {
    this.#place(judgement, vip, this.#slotOf(vip, hasPorts(this.#flow.protocol)));
  }

  firstFragment(judgement: Judgement, vip: Vip, walk: Walk): void {
    const { protocol, sourcePort, destinationPort } = this.#flow;
    const needsPort = vip.distributor.byPort && hasPorts(protocol);
    const owners = this.#slotOf(vip, hasPorts(protocol));
    if (!isSettled(vip, owners) || needsPort) {
      judgement.datagram = this.#datagram(vip, walk);
      judgement.ports = { protocol, source: sourcePort, destination: destinationPort };
    }
    this.#place(judgement, vip, owners);
  }

  /** A first fragment without all of its ports and flags. */
  tinyFragment(judgement: Judgement, vip: Vip, walk: Walk): void {
    const owners = this.#slotOf(vip, false);
    // Where it ends within an extension header, the next one's number may be there or not.
    const needsPort = walk.defects === 0 && this.#needsPort(vip, walk);
    if (!needsPort && isSettled(vip, owners)) this.#place(judgement, vip, owners);
    if (needsPort || walk.defects !== 0 || !isSettled(vip, owners))
      judgement.allow(verdicts.DROP_TINY_FRAGMENT);
  }

  laterFragment(judgement: Judgement, vip: Vip, walk: Walk): void {
    const needsPort = this.#needsPort(vip, walk);
    const owners = this.#slotOf(vip, false);
    if (walk.hidesFlags) {
      judgement.allow(verdicts.DROP_TINY_FRAGMENT);
      return;
    }

    // Its first fragment may have been forgotten.
    const settled = isSettled(vip, owners);
    if (!needsPort && settled) this.#place(judgement, vip, owners);
    else if (!needsPort && this.#tenants.isLearning(vip.distributor.index))
      this.#offer(judgement, verdicts.TX_PREVIOUS, oldestOwner(owners));
    else judgement.allow(verdicts.DROP_FRAGMENT);
    const ports = this.#tenants.memory.firstFragment(this.#datagram(vip, walk));
    if (ports === null || (settled && !vip.distributor.byPort)) return;
    // What the first one said counts, whatever protocol this one names (RFC 8200, 4.5).
    this.#recall(ports);
    this.#place(judgement, vip, this.#slotOf(vip, hasPorts(ports.protocol)));
  }

  error(judgement: Judgement, vip: Vip): void {
    const { protocol } = this.#flow;
    const owners = this.#slotOf(vip, hasPorts(protocol));
    const verdict = verdicts.TX_ICMP_ERROR;
    if (isSettled(vip, owners)) {
      this.#offer(judgement, verdict, owners.current);
      return;
    }
    this.#offer(judgement, verdict, this.#startsAnew(vip) ? owners.current : oldestOwner(owners));
    this.#offerPins(judgement, [verdict], this.#flowKey(vip));
  }

  errorAboutLaterFragment(judgement: Judgement, vip: Vip, inner: Walk): void {
    const owners = this.#slotOf(vip, false);
    const verdict = verdicts.TX_ICMP_ERROR;
    // Nobody is to send such a fragment (RFC 3128): what is said about it may be dropped.
    if (inner.hidesFlags) judgement.allow(verdicts.DROP_ICMP_ERROR);
    if (!this.#needsPort(vip, inner) && isSettled(vip, owners))
      this.#offer(judgement, verdict, owners.current);
    else judgement.allow(verdicts.DROP_ICMP_ERROR);
  }

  #place(judgement: Judgement, vip: Vip, owners: SlotOwners): void {
    if (isSettled(vip, owners)) {
      this.#offer(judgement, verdicts.TX_SETTLED, owners.current);
      return;
    }
    if (this.#startsAnew(vip)) this.#offer(judgement, verdicts.TX_NEW, owners.current);
    else this.#offer(judgement, verdicts.TX_PREVIOUS, oldestOwner(owners));
    judgement.flow = this.#flowKey(vip);
    this.#offerPins(judgement, [verdicts.TX_PINNED, verdicts.TX_UNPINNED], judgement.flow);
  }

  /** Whether a flow that nothing is known of is new. */
  #startsAnew({ distributor }: Vip): boolean {
    const { protocol, starts } = this.#flow;
    return starts || (!marksStarts(protocol) && !this.#tenants.isLearning(distributor.index));
  }

  #offerPins(judgement: Judgement, offered: readonly number[], flow: string): void {
    const owners = this.#tenants.memory.pinnedTo(flow);
    for (let owner = 1; owner <= POSITIONS; owner++)
      if ((owners & ownerBit(owner)) !== 0)
        for (const verdict of offered) this.#offer(judgement, verdict, owner);
  }

  #offer(judgement: Judgement, verdict: number, owner: number): void {
    const mac = this.#tenants.amphoraMac(vipAt(judgement.vip).distributor.index, owner);
    if (mac === 0) judgement.allow(verdicts.DROP_NO_AMPHORA);
    else if (this.#sourceMac === mac) {
      judgement.allow(verdicts.DROP_LOOP);
      judgement.loopOwners |= ownerBit(owner);
    } else judgement.allowForwarding(verdict, owner);
  }

  /** Whether the slot follows from a port that this part of the packet does not show. */
  #needsPort({ distributor, family }: Vip, walk: Walk): boolean {
    return distributor.byPort && (hasPorts(walk.protocol) || (family === 6 && walk.isAtExtension));
  }

  #slotOf({ distributor }: Vip, withPorts: boolean): SlotOwners {
    const port = distributor.byPort && withPorts ? this.#flow.sourcePort : 0;
    const littleEndian = ((port & 0xff) << 8) | (port >>> 8);
    const slot = slotOf(distributor.seed, this.#flow.source, littleEndian);
    return this.#tenants.slot(distributor.index, slot);
  }

  #recall({ protocol, source, destination }: Ports): void {
    this.#flow.protocol = protocol;
    this.#flow.sourcePort = source;
    this.#flow.destinationPort = destination;
  }

  #flowKey(vip: Vip): string {
    const { sourceKey, ...ports } = this.#flow;
    return flowKey(vip.index, ports, sourceKey);
  }

  #datagram({ index, family }: Vip, { identification, protocol }: Walk): string {
    // RFC 8200, section 4.5: IPv6 tells datagrams apart without the protocol.
    const scope = family === 4 ? protocol : 0;
    return datagramKey(index, { identification, protocol: scope }, this.#flow.sourceKey);
  }
}

function isSettled({ distributor }: Vip, { previous }: SlotOwners): boolean {
  if (distributor.tracking === 'stateless') return true;
  return distributor.tracking === 'adaptive' && previous === 0;
}

function oldestOwner({ current, previous }: SlotOwners): number {
  return previous === 0 || previous === OWNER_GONE ? current : previous;
}
