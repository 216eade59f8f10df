// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { positionCapacity } from '../model/table-size.ts';
import { vipKey, type VipPlace } from '../model/vip.ts';
import type { Operation } from '../plan/operation.ts';
import type { DatapathState, DatapathVip, Occupant } from '../plan/wanted.ts';
import type {
  Listening,
  PositionCounts,
  SettleResult,
  SlotCounts,
  VipCounts,
  VipState,
} from './datapath.ts';
import type { MapSpace, Place } from './map-space.ts';
import { attempt } from './native-failure.ts';
import {
  native,
  type NativeDatapath,
  type NativeOccupant,
  type NativeSolicitedNodes,
  type NativeTableEntry,
  type NativeVip,
} from './native.ts';
import type { PortSet } from './port-set.ts';
import { seedOf } from './seed.ts';
import type { VipElements } from './vip-elements.ts';

/** What all distributors share. */
export interface Surroundings {
  readonly datapath: NativeDatapath;
  readonly space: MapSpace;
  readonly ports: PortSet;
  /** Seconds; may change. */
  readonly timing: { readonly learningWindow: number };
  readonly solicitedNodes: NativeSolicitedNodes;
  readonly vipElements: VipElements;
}

interface VipEntry {
  readonly vip: DatapathVip;
  readonly vipId: number;
  readonly counters: number;
  /** See VipState. */
  readonly listens: Listening;
  /** Seconds of native.now(). */
  readonly since: number;
}

type OperationOf<Kind extends Operation['kind']> = Operation & { readonly kind: Kind };

/** By number, as in bpf/abi.h. */
const affinities = ['SOURCE_IP', 'SOURCE_IP_AND_PORT'] as const;
const trackings = ['ADAPTIVE', 'FULL', 'STATELESS'] as const;

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
  static async create(
    distributorId: string,
    size: number,
    shared: Surroundings,
  ): Promise<DistributorMaps> {
    const maps = new DistributorMaps(distributorId, shared, await shared.space.allocateTable(size));
    maps.#place.table.clear();
    maps.#learnUntil(maps.#learningUntil);
    try {
      maps.#note({ assigned: true });
    } catch (error) {
      await shared.space.releaseTable(maps.#place, Promise.resolve());
      throw error;
    }
    return maps;
  }

  /** A table that is in the maps already; its VIPs are adopted one by one. */
  static adopt(entry: NativeTableEntry, shared: Surroundings): DistributorMaps {
    const { distributorId, idle } = entry;
    const maps = new DistributorMaps(distributorId, shared, shared.space.adoptTable(entry));
    maps.#idle = idle;
    for (const { position, amphora } of maps.#occupants())
      if (amphora !== null) maps.#occupied.set(position, amphora.since);
    return maps;
  }

  private constructor(distributorId: string, shared: Surroundings, place: Place) {
    this.#distributorId = distributorId;
    this.#shared = shared;
    this.#seed = seedOf(distributorId);
    this.#place = place;
  }

  #occupants(): readonly NativeOccupant[] {
    const { table, positionBase } = this.#place;
    const count = positionCapacity(table.size);
    return this.#shared.datapath.occupants({ index: positionBase, count });
  }

  /** One that is in the maps already. */
  adoptVip(entry: NativeVip): void {
    const { ports, space } = this.#shared;
    const { counters, vipId, since } = entry;
    const vip = datapathVip(entry);
    space.adoptVip({ distributorId: this.#distributorId, vip }, counters);
    ports.adoptUser(vip.interface, vip);
    this.#vips.set(vipKey(vip), { vip, vipId, counters, since, listens: this.#join(vip) });
  }

  /** Ends a growth that was interrupted after some of the VIPs had changed over. */
  async finishGrowth(entries: readonly NativeVip[]): Promise<void> {
    const before = entries.find(({ slotBase }) => slotBase !== this.#place.slotBase);
    if (before === undefined) return;
    const { datapath } = this.#shared;
    const smaller = datapath.table({ base: before.slotBase, size: before.tableSize });
    this.#place.table.splitFrom({ smaller, now: native.now() });
    this.#learnUntil(this.#learningUntil + this.#shared.timing.learningWindow);
    for (const entry of this.#vips.values()) await this.#writeVip(entry);
    await this.#shared.vipElements.settled();
  }

  /** What is in the maps, as the plan has it. `isAssigned`: see NativeTableEntry. */
  state(isAssigned: boolean): DatapathState {
    const positions = new Map<number, Occupant>();
    const weights: number[] = [];
    for (const { position, weight, amphora } of this.#occupants()) {
      if (amphora !== null)
        positions.set(position, { amphoraId: amphora.id, ip: amphora.ip, mac: amphora.mac });
      if (weight === 0) continue;
      while (weights.length < position) weights.push(0);
      weights.push(weight);
    }
    return {
      tableSize: this.#place.table.size,
      weights: isAssigned ? weights : null,
      positions,
      vips: new Map([...this.#vips].map(([key, { vip }]) => [key, vip])),
      neighbours: new Map(),
    };
  }

  /** @throws DATAPATH_FAILED while it has VIPs, which would lead into another's table */
  async drop(): Promise<void> {
    if (this.#vips.size > 0)
      throw new DistributordError('DATAPATH_FAILED', 'the table still has VIPs');
    const { datapath, space, vipElements } = this.#shared;
    const distributorId = this.#distributorId;
    attempt('delete table', () => datapath.deleteTable({ distributorId }));
    await space.releaseTable(this.#place, vipElements.settled());
  }

  /** Writes its place down for the daemon after this one. */
  #note({ assigned }: { readonly assigned: boolean }): void {
    const { table, slotBase, positionBase } = this.#place;
    const entry = { distributorId: this.#distributorId, slotBase, positionBase, size: table.size };
    const idle = this.#idle;
    attempt('put table', () => this.#shared.datapath.putTable({ ...entry, assigned, idle }));
  }

  /** The VIPs change over to the larger table one by one; until then both answer alike. */
  async grow({ size }: OperationOf<'grow-table'>): Promise<void> {
    const { datapath, space, vipElements } = this.#shared;
    const before = this.#place;
    const after = await space.allocateTable(size);
    after.table.splitFrom({ smaller: before.table, now: native.now() });
    datapath.movePositions({
      from: before.positionBase,
      to: after.positionBase,
      count: positionCapacity(before.table.size),
    });
    this.#place = after;
    this.#learnUntil(this.#learningUntil);
    this.#note({ assigned: true });
    for (const entry of this.#vips.values()) await this.#writeVip(entry);
    // In the background: the change need not wait for packets under way.
    void space.releaseTable(before, vipElements.settled()).catch(() => undefined);
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
    const { datapath } = this.#shared;
    const index = this.#place.positionBase;
    const now = native.now();
    this.#note({ assigned: false });
    // First the window, then the slots: no packet may see a changed slot without it.
    this.#learnUntil(now + this.#shared.timing.learningWindow);
    const retiredOwners = Uint16Array.from(retired, (position) => position + 1);
    table.apply({ owners, retired: retiredOwners, now });
    const all = new Uint32Array(positionCapacity(table.size));
    all.set(weights);
    datapath.setWeights({ index, weights: all });
    this.#note({ assigned: true });
  }

  putPosition({ position, occupant, sameAmphora }: OperationOf<'put-position'>): void {
    const { datapath } = this.#shared;
    const { amphoraId: id, ip, mac } = occupant;
    const index = this.#place.positionBase + position;
    const since = (sameAmphora ? this.#occupied.get(position) : undefined) ?? native.now();
    if (!sameAmphora) attempt('reset counters', () => datapath.resetPositionCounters(index));
    this.#occupied.set(position, since);
    datapath.setPosition({ index, mac, sameAmphora, amphora: { id, ip, since } });
  }

  clearPosition({ position }: OperationOf<'clear-position'>): void {
    const index = this.#place.positionBase + position;
    this.#shared.datapath.setPosition({ index, mac: null, sameAmphora: false, amphora: null });
    this.#occupied.delete(position);
  }

  async putVip({ vip }: OperationOf<'put-vip'>): Promise<void> {
    const known = this.#vips.get(vipKey(vip));
    if (known === undefined) await this.#addVip(vip);
    else if (known.vip.ifindex === vip.ifindex) await this.#writeVip({ ...known, vip });
    else await this.#moveVip(known, vip);
  }

  /** Its port is another one now: flows and counters go with it. */
  async #moveVip(known: VipEntry, vip: DatapathVip): Promise<void> {
    const { vipElements, ports } = this.#shared;
    ports.acquire(vip.interface, vip);
    try {
      const entry = { ...known, vip, listens: this.#join(vip) };
      const from = known.vip.ifindex;
      await vipElements.move({ ...this.#nativeVip(entry), from });
      this.#vips.set(vipKey(vip), entry);
    } catch (error) {
      ports.release(vip.ifindex);
      throw error;
    }
    this.#leave(known.vip);
    ports.release(known.vip.ifindex);
  }

  async deleteVip({ vip }: OperationOf<'delete-vip'>): Promise<void> {
    const { vipElements, ports, space } = this.#shared;
    const entry = this.#vips.get(vipKey(vip));
    if (entry === undefined) return;
    this.#idle = Math.max(this.#idle, longestIdle(entry.vip));
    await vipElements.delete(this.#nativeVip(entry));
    this.#vips.delete(vipKey(vip));
    this.#leave(entry.vip);
    space.releaseVip(vip, entry.counters);
    ports.release(entry.vip.ifindex);
    this.#note({ assigned: true });
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

  async #addVip(vip: DatapathVip): Promise<void> {
    const { datapath, ports, space, vipElements } = this.#shared;
    const counters = space.allocateVip({ distributorId: this.#distributorId, vip });
    const undo = [() => space.releaseVip(vip, counters)];
    try {
      ports.acquire(vip.interface, vip);
      undo.push(() => ports.release(vip.ifindex));
      await vipElements.settled(); // packets of the VIP that had the counters before
      attempt('reset counters', () => datapath.resetVip(counters));
      const listens = this.#join(vip);
      undo.push(() => this.#leave(vip));
      const since = native.now();
      await this.#writeVip({ vip, vipId: datapath.newVipId(), counters, listens, since });
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  /** Lets solicitations for the VIP in at the port; see VipState.listens. */
  #join({ address, ifindex, vlanIds }: DatapathVip): Listening {
    if (!address.includes(':')) return 'always';
    const { reports, persists } = attempt('join the solicited-node group', () =>
      this.#shared.solicitedNodes.join({ ifindex, address }),
    );
    if (!reports || vlanIds.length > 0) return 'unreported'; // reports carry no tags
    return persists ? 'always' : 'for-now';
  }

  #leave({ address, ifindex }: DatapathVip): void {
    if (address.includes(':')) this.#shared.solicitedNodes.leave({ ifindex, address });
  }

  async #writeVip(entry: VipEntry): Promise<void> {
    await this.#shared.vipElements.put(this.#nativeVip(entry));
    this.#vips.set(vipKey(entry.vip), entry);
  }

  #nativeVip({ vip, vipId, counters, since }: VipEntry): NativeVip {
    const [outerVlan = 0, innerVlan = 0] = vip.vlanIds;
    const { table, slotBase, positionBase } = this.#place;
    return {
      ifindex: vip.ifindex,
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
      affinity: affinities.indexOf(vip.affinity),
      tracking: trackings.indexOf(vip.tracking),
      mac: vip.mac,
      distributorId: this.#distributorId,
      since,
      port: vip.interface,
    };
  }
}

function datapathVip(entry: NativeVip): DatapathVip {
  const { address, port, ifindex, mac, outerVlan, innerVlan, tcpIdle, otherIdle } = entry;
  return {
    ...{ address, interface: port, ifindex, mac, tcpIdle, otherIdle },
    vlanIds: [outerVlan, innerVlan].filter((id) => id !== 0),
    affinity: affinities[entry.affinity] ?? 'SOURCE_IP',
    tracking: trackings[entry.tracking] ?? 'ADAPTIVE',
  };
}

/** How long a connection may be silent and count; seconds. */
function longestIdle({ tracking, tcpIdle, otherIdle }: DatapathVip): number {
  return tracking === 'STATELESS' ? 0 : Math.max(tcpIdle, otherIdle);
}
