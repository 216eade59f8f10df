// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { positionCapacity } from '../model/table-size.ts';
import { vipKey, type VipPlace } from '../model/vip.ts';
import type { Operation } from '../plan/operation.ts';
import type { DatapathVip } from '../plan/wanted.ts';
import type { PositionCounts, SettleResult, SlotCounts, VipCounts, VipState } from './datapath.ts';
import type { MapSpace, Place } from './map-space.ts';
import { attempt } from './native-failure.ts';
import {
  native,
  type NativeDatapath,
  type NativeSolicitedNodes,
  type NativeVip,
} from './native.ts';
import type { PortSet } from './port-set.ts';
import { seedOf } from './seed.ts';

/** What all distributors share. */
export interface Surroundings {
  readonly datapath: NativeDatapath;
  readonly space: MapSpace;
  readonly ports: PortSet;
  /** Seconds. */
  readonly learningWindow: number;
  readonly solicitedNodes: NativeSolicitedNodes;
}

interface VipEntry {
  readonly vip: DatapathVip;
  readonly vipId: number;
  readonly counters: number;
  /** See VipState. */
  readonly listens: boolean;
  /** Seconds of native.now(). */
  readonly since: number;
}

type OperationOf<Kind extends Operation['kind']> = Operation & { readonly kind: Kind };

const affinityNumbers = { SOURCE_IP: 0, SOURCE_IP_AND_PORT: 1 } as const;
const trackingNumbers = { ADAPTIVE: 0, FULL: 1, STATELESS: 2 } as const;

/** One distributor's table, positions and VIPs in the kernel's maps. */
export class DistributorMaps {
  readonly #distributorId: string;
  readonly #shared: Surroundings;
  readonly #seed: bigint;
  readonly #vips = new Map<string, VipEntry>();
  /** Since when the amphora at a position is there; seconds of native.now(). */
  readonly #occupied = new Map<number, number>();
  /** Seconds; see settle(). */
  #idle = 0;
  #place: Place;
  /** Seconds of native.now(). */
  #learningUntil = native.now();

  /** @throws CAPACITY_EXHAUSTED */
  constructor(distributorId: string, size: number, shared: Surroundings) {
    this.#distributorId = distributorId;
    this.#shared = shared;
    this.#seed = seedOf(distributorId);
    this.#place = shared.space.allocateTable(size);
    this.#place.table.clear();
    this.#learnUntil(this.#learningUntil);
  }

  /** @throws DATAPATH_FAILED while it has VIPs, which would lead into another's table */
  drop(): void {
    if (this.#vips.size > 0)
      throw new DistributordError('DATAPATH_FAILED', 'the table still has VIPs');
    this.#shared.space.releaseTable(this.#place);
  }

  /** The VIPs change over to the larger table one by one; until then both answer alike. */
  grow({ size }: OperationOf<'grow-table'>): void {
    const { datapath, space } = this.#shared;
    const before = this.#place;
    const after = space.allocateTable(size);
    after.table.splitFrom({ smaller: before.table, now: native.now() });
    datapath.movePositions({
      from: before.positionBase,
      to: after.positionBase,
      count: positionCapacity(before.table.size),
    });
    this.#place = after;
    this.#learnUntil(this.#learningUntil);
    for (const entry of this.#vips.values()) this.#writeVip(entry);
    attempt('wait for readers', () => datapath.synchronize());
    space.releaseTable(before);
  }

  #learnUntil(until: number): void {
    this.#learningUntil = until;
    this.#shared.datapath.setLearning({ index: this.#place.positionBase, until });
  }

  async assign({ weights, retired }: OperationOf<'assign-slots'>): Promise<void> {
    const { table } = this.#place;
    const owners = await native.buildTable({
      seed: this.#seed,
      weights: Uint32Array.from(weights),
      size: table.size,
    });
    const now = native.now();
    // First the window, then the slots: no packet may see a changed slot without it.
    this.#learnUntil(now + this.#shared.learningWindow);
    const retiredOwners = Uint16Array.from(retired, (position) => position + 1);
    table.apply({ owners, retired: retiredOwners, now });
  }

  putPosition({ position, occupant, sameAmphora }: OperationOf<'put-position'>): void {
    const { datapath } = this.#shared;
    const index = this.#place.positionBase + position;
    if (!sameAmphora) {
      attempt('reset counters', () => datapath.resetPositionCounters(index));
      this.#occupied.set(position, native.now());
    }
    datapath.setPosition({ index, mac: occupant.mac, sameAmphora });
  }

  clearPosition({ position }: OperationOf<'clear-position'>): void {
    const index = this.#place.positionBase + position;
    this.#shared.datapath.setPosition({ index, mac: null, sameAmphora: false });
    this.#occupied.delete(position);
  }

  putVip({ vip }: OperationOf<'put-vip'>): void {
    const known = this.#vips.get(vipKey(vip));
    if (known === undefined) this.#addVip(vip);
    else this.#writeVip({ ...known, vip });
  }

  deleteVip({ vip }: OperationOf<'delete-vip'>): void {
    const { datapath, ports, space } = this.#shared;
    const entry = this.#vips.get(vipKey(vip));
    if (entry === undefined) return;
    this.#idle = Math.max(this.#idle, longestIdle(entry.vip));
    attempt('delete VIP', () => datapath.deleteVip(this.#nativeVip(entry)));
    this.#vips.delete(vipKey(vip));
    this.#leave(entry.vip);
    space.releaseVip(vip, entry.counters);
    ports.release(vip.interface);
  }

  /**
   * In the longest idle time of its VIPs no connection is silent that still counts. Without
   * VIPs those of before tell: one is removed and added again where its port was replaced.
   */
  settle(): SettleResult {
    const now = native.now();
    if (this.#vips.size > 0)
      this.#idle = Math.max(...[...this.#vips.values()].map(({ vip }) => longestIdle(vip)));
    const idle = this.#idle;
    const { unsettled, earliest } = this.#place.table.settle({ now, idle });
    return { unsettled, next: Math.max(1, earliest + idle + 1 - now) };
  }

  /** Moves when the table grows. */
  get positionBase(): number {
    return this.#place.positionBase;
  }

  slotCounts(): SlotCounts {
    const census = this.#place.table.census();
    const previous = new Map<number, number>();
    census.previous.forEach((slots, owner) => {
      if (slots > 0) previous.set(owner - 1, slots);
    });
    return { unsettled: census.unsettled, previous };
  }

  vipCounts(vip: VipPlace): VipCounts | null {
    const entry = this.#vips.get(vipKey(vip));
    if (entry === undefined) return null;
    const { packets, bytes } = attempt('read counters', () =>
      this.#shared.datapath.vipCounters(entry.counters),
    );
    const named = native.verdicts.flatMap((name, verdict) =>
      name === null ? [] : [[name, packets[verdict] ?? 0] as const],
    );
    return { packets: Object.fromEntries(named), forwardedBytes: bytes };
  }

  vipState(vip: VipPlace): VipState | null {
    const entry = this.#vips.get(vipKey(vip));
    if (entry === undefined) return null;
    const { used, full } = this.#shared.datapath.flowUse(entry.counters);
    const age = native.now() - entry.since;
    return { flowEntries: used, flowTableFull: full, listens: entry.listens, age };
  }

  /** Whether the VIP is to be announced against another station's claim. */
  isToBeDefended(vip: VipPlace): boolean {
    const entry = this.#vips.get(vipKey(vip));
    return entry !== undefined && this.#shared.datapath.defend(entry.counters);
  }

  positionCounts(position: number): PositionCounts {
    const index = this.#place.positionBase + position;
    const counts = attempt('read counters', () => this.#shared.datapath.positionCounters(index));
    const now = native.now();
    return { ...counts, tenure: now - (this.#occupied.get(position) ?? now) };
  }

  #addVip(vip: DatapathVip): void {
    const { datapath, ports, space } = this.#shared;
    const counters = space.allocateVip({ distributorId: this.#distributorId, vip });
    const undo = [() => space.releaseVip(vip, counters)];
    try {
      ports.acquire(vip.interface);
      undo.push(() => ports.release(vip.interface));
      attempt('reset counters', () => datapath.resetVip(counters));
      const listens = this.#join(vip);
      undo.push(() => this.#leave(vip));
      const since = native.now();
      this.#writeVip({ vip, vipId: space.newVipId(), counters, listens, since });
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  /** Lets solicitations for the VIP in at the port; see VipState.listens. */
  #join({ address, interface: port, vlanIds }: VipPlace): boolean {
    if (!address.includes(':')) return true;
    const { ifindex } = this.#shared.ports.require(port);
    const reports = attempt('join the solicited-node group', () =>
      this.#shared.solicitedNodes.join({ ifindex, address }),
    );
    return reports && vlanIds.length === 0; // reports carry no tags
  }

  #leave({ address, interface: port }: VipPlace): void {
    if (!address.includes(':')) return;
    const { ifindex } = this.#shared.ports.require(port);
    this.#shared.solicitedNodes.leave({ ifindex, address });
  }

  #writeVip(entry: VipEntry): void {
    attempt('put VIP', () => this.#shared.datapath.putVip(this.#nativeVip(entry)));
    this.#vips.set(vipKey(entry.vip), entry);
  }

  #nativeVip({ vip, vipId, counters }: VipEntry): NativeVip {
    const { ports } = this.#shared;
    const { ifindex, mac } = ports.require(vip.interface);
    const [outerVlan = 0, innerVlan = 0] = vip.vlanIds;
    const { table, slotBase, positionBase } = this.#place;
    return {
      ifindex,
      outerVlan,
      innerVlan,
      address: vip.address,
      seed: this.#seed,
      slotBase,
      tableSize: table.size,
      positionBase,
      vipId,
      counters,
      tcpIdle: vip.tcpIdle,
      otherIdle: vip.otherIdle,
      affinity: affinityNumbers[vip.affinity],
      tracking: trackingNumbers[vip.tracking],
      mac,
    };
  }
}

/** How long a connection may be silent and count; seconds. */
function longestIdle({ tracking, tcpIdle, otherIdle }: DatapathVip): number {
  return tracking === 'STATELESS' ? 0 : Math.max(tcpIdle, otherIdle);
}
