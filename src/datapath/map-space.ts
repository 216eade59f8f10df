// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { positionCapacity } from '../model/table-size.ts';
import { vipKey, type VipPlace } from '../model/vip.ts';
import type { VipOnPort } from './datapath.ts';
import type { NativeDatapath, NativeSlotTable, NativeTableEntry } from './native.ts';
import { RangeAllocator } from './range-allocator.ts';

/** Where a distributor's table lies in the kernel's maps. */
export interface Place {
  readonly table: NativeSlotTable;
  readonly slotBase: number;
  readonly positionBase: number;
}

/** Gives out room in the kernel's maps. @throws CAPACITY_EXHAUSTED naming what is full */
export class MapSpace {
  readonly #datapath: NativeDatapath;
  readonly #slots: RangeAllocator;
  readonly #positions: RangeAllocator;
  readonly #counters: RangeAllocator;
  /** Tables that packets under way may still read. */
  readonly #releasing = new Set<Promise<void>>();
  readonly #keys = new Set<string>();
  readonly #byCounters = new Map<number, VipOnPort>();

  constructor(
    datapath: NativeDatapath,
    capacity: { readonly vips: number; readonly slots: number },
  ) {
    this.#datapath = datapath;
    this.#slots = new RangeAllocator(capacity.slots);
    this.#positions = new RangeAllocator(positionCapacity(capacity.slots));
    this.#counters = new RangeAllocator(capacity.vips);
  }

  /**
   * A table of `size` slots with whatever they held before, and its positions, empty. Waits for
   * tables that are being released if there is no room without them.
   */
  async allocateTable(size: number): Promise<Place> {
    while (!this.#slots.hasRoomFor(size) && this.#releasing.size > 0)
      await Promise.race(this.#releasing);
    const slotBase = allocate(this.#slots, size, 'slots');
    // There is a position for every 256 slots, so these cannot run out before.
    const positionBase = allocate(this.#positions, positionCapacity(size), 'slots');
    const count = positionCapacity(size);
    for (let index = positionBase; index < positionBase + count; index++)
      this.#datapath.setPosition({ index, mac: null, sameAmphora: false, amphora: null });
    this.#datapath.setWeights({ index: positionBase, weights: new Uint32Array(count) });
    return { table: this.#datapath.table({ base: slotBase, size }), slotBase, positionBase };
  }

  /** A table that is there already. @throws DATAPATH_FAILED if it overlaps another */
  adoptTable({
    slotBase,
    positionBase,
    size,
  }: Pick<NativeTableEntry, 'slotBase' | 'positionBase' | 'size'>): Place {
    if (
      !this.#slots.reserve(slotBase, size) ||
      !this.#positions.reserve(positionBase, positionCapacity(size))
    )
      throw new DistributordError(
        'DATAPATH_FAILED',
        `the table at slot ${slotBase} is in the way of another`,
      );
    return { table: this.#datapath.table({ base: slotBase, size }), slotBase, positionBase };
  }

  /** For others, when `unread` resolves: no packet can read the table any more. */
  async releaseTable(place: Place, unread: Promise<void>): Promise<void> {
    const { table, slotBase, positionBase } = place;
    const releasing = unread.then(() => {
      this.#slots.release(slotBase, table.size);
      this.#positions.release(positionBase, positionCapacity(table.size));
    });
    const ended = releasing
      .catch(() => undefined) // whoever releases it is told
      .then(() => void this.#releasing.delete(ended));
    this.#releasing.add(ended);
    await releasing;
  }

  /**
   * Counters for one VIP; element 0 of the map counts packets for none.
   * @throws VIP_IN_USE while another distributor, about to remove it, still has the VIP
   */
  allocateVip(owned: VipOnPort): number {
    const { vip } = owned;
    const key = vipKey(vip);
    if (this.#keys.has(key))
      throw new DistributordError(
        'VIP_IN_USE',
        `vip.address ${vip.address} on ${vip.interface} still belongs to another distributor`,
        { field: 'vip.address', value: vip.address },
      );
    const counters = allocate(this.#counters, 1, 'vips') + 1;
    this.#keys.add(key);
    this.#byCounters.set(counters, owned);
    return counters;
  }

  /** Counters that a VIP has already. */
  adoptVip(owned: VipOnPort, counters: number): void {
    this.#counters.reserve(counters - 1, 1);
    this.#keys.add(vipKey(owned.vip));
    this.#byCounters.set(counters, owned);
  }

  releaseVip(vip: VipPlace, counters: number): void {
    this.#keys.delete(vipKey(vip));
    this.#byCounters.delete(counters);
    this.#counters.release(counters - 1, 1);
  }

  /** Whose counters these are. */
  vipAt(counters: number): VipOnPort | null {
    return this.#byCounters.get(counters) ?? null;
  }

  /** VIPs by their counters. */
  get vips(): ReadonlyMap<number, VipOnPort> {
    return this.#byCounters;
  }
}

function allocate(allocator: RangeAllocator, size: number, capacity: string): number {
  const start = allocator.allocate(size);
  if (start !== null) return start;
  throw new DistributordError(
    'CAPACITY_EXHAUSTED',
    `capacity.${capacity} is exhausted: no room for ${size} more`,
    { field: `capacity.${capacity}`, value: size },
  );
}
