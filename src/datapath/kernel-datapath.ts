// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { DistributordError } from '../errors.ts';
import { positionCapacity } from '../model/table-size.ts';
import { vipKey, type Port } from '../model/vip.ts';
import type { Operation } from '../plan/operation.ts';
import type { DatapathVip, WatchedNeighbour } from '../plan/wanted.ts';
import type { Datapath, PortState, PositionCounts, SlotCounts, VipCounts } from './datapath.ts';
import { attempt } from './native-failure.ts';
import { native, type NativeDatapath, type NativeSlotTable, type NativeVip } from './native.ts';
import { NeighbourTable } from './neighbour-table.ts';
import { PortSet, type AttachedPort } from './port-set.ts';
import { RangeAllocator } from './range-allocator.ts';
import { seedOf } from './seed.ts';

export interface DatapathOptions {
  readonly capacity: {
    readonly vips: number;
    readonly slots: number;
    readonly flows: number;
  };
  /** Seconds. */
  readonly timeouts: {
    readonly tcpIdle: number;
    readonly otherIdle: number;
    readonly learningWindow: number;
  };
}

/** Where a distributor's table lies in the kernel's maps. */
interface Place {
  table: NativeSlotTable;
  slotBase: number;
  positionBase: number;
}

interface Installed extends Place {
  readonly seed: bigint;
  /** Seconds of native.now(). */
  learningUntil: number;
  readonly vips: Map<
    string,
    { readonly vipId: number; readonly counters: number; vip: DatapathVip }
  >;
}

const affinityNumbers = { SOURCE_IP: 0, SOURCE_IP_AND_PORT: 1 } as const;
const trackingNumbers = { ADAPTIVE: 0, FULL: 1, STATELESS: 2 } as const;

/** By then no run of the program can hold a VIP that was replaced: it lasts microseconds. */
const lastReaderMs = 10;

/** The data path in this host's kernel. */
export class KernelDatapath implements Datapath {
  readonly #options: DatapathOptions;
  readonly #datapath: NativeDatapath;
  readonly #ports: PortSet;
  readonly #neighbours: NeighbourTable;
  readonly #installed = new Map<string, Installed>();
  readonly #slots: RangeAllocator;
  readonly #positions: RangeAllocator;
  readonly #counters: RangeAllocator;
  #lastVipId = 0;

  /** @throws DATAPATH_FAILED, with the verifier's log if it refused the program */
  constructor(options: DatapathOptions) {
    const { vips, slots, flows } = options.capacity;
    const positions = positionCapacity(slots);
    this.#options = options;
    this.#slots = new RangeAllocator(slots);
    this.#positions = new RangeAllocator(positions);
    this.#counters = new RangeAllocator(vips);
    this.#datapath = attempt(
      'load the XDP program',
      () => new native.Datapath({ vips, slots, positions, flows }),
    );
    this.#ports = new PortSet(this.#datapath, () => this.ports());
    this.#neighbours = new NeighbourTable(native);
  }

  ports(): readonly Port[] {
    return native.interfaces();
  }

  async execute(distributorId: string, operation: Operation): Promise<void> {
    if (operation.kind === 'create-table') {
      this.#create(distributorId, operation.size);
      return;
    }
    const installed = this.#of(distributorId);
    switch (operation.kind) {
      case 'grow-table':
        return this.#grow(installed, operation.size);
      case 'assign-slots':
        return this.#assign(installed, operation);
      case 'put-position':
        this.#putPosition(installed, operation);
        return;
      case 'clear-position':
        this.#setPosition(installed, operation.position);
        return;
      case 'put-vip':
        this.#putVip(installed, operation.vip);
        return;
      case 'delete-vip':
        this.#deleteVip(installed, operation.vip);
        return;
      case 'watch-neighbour': {
        const { ifindex } = this.#attachedPort(operation.neighbour.interface);
        this.#neighbours.acquire(operation.neighbour, ifindex);
        return;
      }
      case 'forget-neighbour':
        this.#neighbours.release(operation.neighbour);
        return;
      case 'drop-table':
        this.#drop(distributorId, installed);
        return;
    }
  }

  #of(distributorId: string): Installed {
    const installed = this.#installed.get(distributorId);
    if (installed !== undefined) return installed;
    throw new DistributordError(
      'DATAPATH_FAILED',
      `distributor ${distributorId} is not in the data path`,
    );
  }

  #attachedPort(name: string): AttachedPort {
    const port = this.#ports.get(name);
    if (port !== null) return port;
    throw new DistributordError('DATAPATH_FAILED', `interface ${name} is not attached`);
  }

  #allocate(allocator: RangeAllocator, size: number, capacity: string): number {
    const start = allocator.allocate(size);
    if (start !== null) return start;
    throw new DistributordError(
      'CAPACITY_EXHAUSTED',
      `capacity.${capacity} is exhausted: no room for ${size} more`,
      { field: `capacity.${capacity}`, value: size },
    );
  }

  #allocateTable(size: number): Place {
    const slotBase = this.#allocate(this.#slots, size, 'slots');
    // There is a position for every 256 slots, so these cannot run out before.
    const positionBase = this.#allocate(this.#positions, positionCapacity(size), 'slots');
    for (let index = positionBase; index < positionBase + positionCapacity(size); index++)
      this.#datapath.setPosition({ index, mac: null, sameAmphora: false });
    return { table: this.#datapath.table({ base: slotBase, size }), slotBase, positionBase };
  }

  #releaseTable({ table, slotBase, positionBase }: Place): void {
    this.#slots.release(slotBase, table.size);
    this.#positions.release(positionBase, positionCapacity(table.size));
  }

  #create(distributorId: string, size: number): void {
    const place = this.#allocateTable(size);
    place.table.clear();
    this.#installed.set(distributorId, {
      ...place,
      seed: seedOf(distributorId),
      learningUntil: native.now(),
      vips: new Map(),
    });
  }

  #drop(distributorId: string, installed: Installed): void {
    this.#releaseTable(installed);
    this.#installed.delete(distributorId);
  }

  /** The VIPs change over to the larger table one by one; until then both answer alike. */
  async #grow(installed: Installed, size: number): Promise<void> {
    const { table, slotBase, positionBase } = installed;
    const place = this.#allocateTable(size);
    place.table.splitFrom({ smaller: table, now: native.now() });
    const count = positionCapacity(table.size);
    this.#datapath.movePositions({ from: positionBase, to: place.positionBase, count });
    Object.assign(installed, place);
    this.#writeVips(installed);
    await delay(lastReaderMs);
    this.#releaseTable({ table, slotBase, positionBase });
  }

  async #assign(
    installed: Installed,
    { weights, retired }: { weights: readonly number[]; retired: readonly number[] },
  ): Promise<void> {
    const owners = await native.buildTable({
      seed: installed.seed,
      weights: Uint32Array.from(weights),
      size: installed.table.size,
    });
    const now = native.now();
    // First the window, then the slots: no packet may see a changed slot without it.
    installed.learningUntil = now + this.#options.timeouts.learningWindow;
    this.#writeVips(installed);
    const retiredOwners = Uint16Array.from(retired, (position) => position + 1);
    installed.table.apply({ owners, retired: retiredOwners, now });
  }

  #putPosition(
    installed: Installed,
    operation: Operation & { readonly kind: 'put-position' },
  ): void {
    const { position, occupant, sameAmphora } = operation;
    const index = installed.positionBase + position;
    if (!sameAmphora) attempt('reset counters', () => this.#datapath.resetPositionCounters(index));
    this.#datapath.setPosition({ index, mac: occupant.mac, sameAmphora });
  }

  #setPosition(installed: Installed, position: number): void {
    const index = installed.positionBase + position;
    this.#datapath.setPosition({ index, mac: null, sameAmphora: false });
  }

  #putVip(installed: Installed, vip: DatapathVip): void {
    const key = vipKey(vip);
    const known = installed.vips.get(key);
    if (known !== undefined) {
      attempt('put VIP', () =>
        this.#datapath.putVip(this.#nativeVip(installed, { ...known, vip })),
      );
      known.vip = vip;
      return;
    }
    const counters = this.#allocate(this.#counters, 1, 'vips') + 1; // 0 is for no VIP
    try {
      this.#ports.acquire(vip.interface);
      try {
        const entry = { vipId: ++this.#lastVipId, counters, vip };
        attempt('put VIP', () => {
          this.#datapath.resetVipCounters(counters);
          this.#datapath.putVip(this.#nativeVip(installed, entry));
        });
        installed.vips.set(key, entry);
      } catch (error) {
        this.#ports.release(vip.interface);
        throw error;
      }
    } catch (error) {
      this.#counters.release(counters - 1, 1);
      throw error;
    }
  }

  #deleteVip(installed: Installed, vip: DatapathVip): void {
    const key = vipKey(vip);
    const entry = installed.vips.get(key);
    if (entry === undefined) return;
    attempt('delete VIP', () => this.#datapath.deleteVip(this.#nativeVip(installed, entry)));
    installed.vips.delete(key);
    this.#counters.release(entry.counters - 1, 1);
    this.#ports.release(vip.interface);
  }

  #writeVips(installed: Installed): void {
    for (const entry of installed.vips.values())
      attempt('put VIP', () => this.#datapath.putVip(this.#nativeVip(installed, entry)));
  }

  #nativeVip(
    installed: Installed,
    { vip, vipId, counters }: { vip: DatapathVip; vipId: number; counters: number },
  ): NativeVip {
    const port = this.#attachedPort(vip.interface);
    const [outerVlan = 0, innerVlan = 0] = vip.vlanIds;
    const { tcpIdle, otherIdle } = this.#options.timeouts;
    return {
      ifindex: port.ifindex,
      outerVlan,
      innerVlan,
      address: vip.address,
      seed: installed.seed,
      slotBase: installed.slotBase,
      tableSize: installed.table.size,
      positionBase: installed.positionBase,
      vipId,
      counters,
      learningUntil: installed.learningUntil,
      tcpIdle,
      otherIdle,
      affinity: affinityNumbers[vip.affinity],
      tracking: trackingNumbers[vip.tracking],
      mac: port.mac,
    };
  }

  resolvedMac(neighbour: WatchedNeighbour): string | null {
    return this.#neighbours.mac(neighbour);
  }

  onNeighbourChange(listener: (neighbour: WatchedNeighbour) => void): void {
    this.#neighbours.onChange(listener);
  }

  announce(vip: DatapathVip): void {
    const port = this.#attachedPort(vip.interface);
    const [outerVlan = 0, innerVlan = 0] = vip.vlanIds;
    attempt(`announce ${vip.address}`, () =>
      native.announce({
        ifindex: port.ifindex,
        outerVlan,
        innerVlan,
        mac: port.mac,
        address: vip.address,
      }),
    );
  }

  settle(distributorId: string): number {
    const installed = this.#installed.get(distributorId);
    if (installed === undefined) return 0;
    const { tcpIdle, otherIdle } = this.#options.timeouts;
    return installed.table.settle({ now: native.now(), idle: Math.max(tcpIdle, otherIdle) });
  }

  slotCounts(distributorId: string): SlotCounts | null {
    const census = this.#installed.get(distributorId)?.table.census();
    if (census === undefined) return null;
    const previous = new Map<number, number>();
    census.previous.forEach((slots, owner) => {
      if (slots > 0) previous.set(owner - 1, slots);
    });
    return { unsettled: census.unsettled, previous };
  }

  vipCounts(distributorId: string, vip: DatapathVip): VipCounts | null {
    const entry = this.#installed.get(distributorId)?.vips.get(vipKey(vip));
    if (entry === undefined) return null;
    const { packets, bytes } = attempt('read counters', () =>
      this.#datapath.vipCounters(entry.counters),
    );
    const named = native.verdicts.map((name, verdict): [string, number] => [
      name,
      packets[verdict] ?? 0,
    ]);
    return { packets: Object.fromEntries(named), forwardedBytes: bytes };
  }

  positionCounts(distributorId: string, position: number): PositionCounts | null {
    const installed = this.#installed.get(distributorId);
    if (installed === undefined) return null;
    return attempt('read counters', () =>
      this.#datapath.positionCounters(installed.positionBase + position),
    );
  }

  hostPackets(): number {
    const { packets } = attempt('read counters', () => this.#datapath.vipCounters(0));
    return packets.reduce((sum, count) => sum + count, 0);
  }

  portState(interfaceName: string): PortState | null {
    return this.#ports.get(interfaceName);
  }

  close(): void {
    this.#neighbours.close();
    this.#datapath.close();
  }
}
