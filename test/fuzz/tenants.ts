// SPDX-License-Identifier: Apache-2.0
// The data path under test with all of its tenants, and what of their state the checks go by.
import {
  native,
  type NativeDatapath,
  type NativeFlow,
  type NativeSlotTable,
} from '../../src/datapath/native.ts';
import { ROUTER_MAC } from '../packets/distributors.ts';
import { ACKNOWLEDGEMENTS, clientAddress, SERVICE_PORTS, type Cast } from './corpus.ts';
import { datagramOfKey, flowKeyOf, flowOfKey } from './flow-key.ts';
import { marksStarts, SCTP, TCP, UDP } from './ip-walk.ts';
import { macText } from './mac.ts';
import { Memory } from './pins.ts';
import type { Random } from './random.ts';
import { Violation } from './violation.ts';
import * as world from './world.ts';

/** Of all flows; few, so that there often is no room for another. */
const FLOWS = 48;
const FRAGMENTS = 1024;
const OWNERS = world.POSITIONS;
const OWNER_GONE = 0xffff;
/** Owners that a slot may be given: the others' positions stay empty for good. */
const USED_OWNERS = OWNERS - 2;
const MOST_GENERATIONS = 0x7fff;
/** s: longer than any part of a run. */
const LONG = 3600;

export interface SlotOwners {
  readonly current: number;
  readonly previous: number;
}

/** Who holds a position: 0 = nobody, else its MAC. */
type Macs = Float64Array;

export class Tenants {
  readonly datapath: NativeDatapath;
  readonly memory = new Memory();
  /** By index of the VIP: it was defended last between these, in ms; -Infinity = never. */
  readonly defendedFrom = new Float64Array(world.vips.length);
  readonly defendedUntil = new Float64Array(world.vips.length);
  readonly #ifindexes: readonly number[];
  readonly #tables: readonly NativeSlotTable[];
  readonly #current = new Uint16Array(world.distributors.length * world.SLOTS);
  readonly #previous = new Uint16Array(world.distributors.length * world.SLOTS);
  readonly #macs: Macs = new Float64Array(world.distributors.length * OWNERS);
  readonly #versions = new Uint16Array(world.distributors.length * OWNERS);
  readonly #generations = new Uint16Array(world.distributors.length * OWNERS);
  readonly #learning = new Uint8Array(world.distributors.length);
  readonly #vipIds = new Uint32Array(world.vips.length);
  #lastVipId = 0;

  /** `ifindexes`: of the two ports, which are up and native. */
  constructor(ifindexes: readonly number[]) {
    this.#ifindexes = ifindexes;
    this.datapath = new native.Datapath({
      vips: world.vips.length,
      slots: world.distributors.length * world.SLOTS,
      positions: world.distributors.length * world.POSITIONS,
      flows: FLOWS,
      fragments: FRAGMENTS,
      pins: null,
    });
    for (const ifindex of ifindexes)
      if (this.datapath.attach({ ifindex }) !== 'native') throw new Error('XDP is not native here');
    this.#tables = world.distributors.map(({ index }) =>
      this.datapath.table({ base: index * world.SLOTS, size: world.SLOTS }),
    );
    for (const vip of world.vips) this.#putVip(vip);
  }

  ifindex(port: number): number {
    return this.#ifindexes[port] ?? 0;
  }

  isLearning(distributor: number): boolean {
    return this.#learning[distributor] === 1;
  }

  slot(distributor: number, slot: number): SlotOwners {
    const at = distributor * world.SLOTS + slot;
    return { current: this.#current[at] ?? 0, previous: this.#previous[at] ?? 0 };
  }

  /** 48 bits; 0 where there is no amphora. */
  amphoraMac(distributor: number, owner: number): number {
    if (owner < 1 || owner > OWNERS) return 0;
    return this.#macs[distributor * OWNERS + owner - 1] ?? 0;
  }

  /** The owner with this MAC in the distributor, or 0. */
  ownerWithMac(distributor: number, mac: number): number {
    for (let owner = 1; owner <= OWNERS; owner++)
      if (this.amphoraMac(distributor, owner) === mac) return mac === 0 ? 0 : owner;
    return 0;
  }

  /** The entry of a flow, if it has one; '' is no flow. */
  entryOf(flow: string): NativeFlow | null {
    if (flow === '') return null;
    const { vip, ...key } = flowOfKey(flow);
    const known = this.datapath.getFlow({ ...key, vipId: this.#vipIds[vip] ?? 0 });
    return known?.confirmed === true ? known : null;
  }

  /** Whether the flow's entry counts. */
  isLive(flow: string, { owner, generation, lastSeen }: NativeFlow): boolean {
    const { vip, protocol } = flowOfKey(flow);
    const { index } = world.vipAt(vip).distributor;
    const idle = marksStarts(protocol) ? world.TCP_IDLE : world.OTHER_IDLE;
    return (
      this.amphoraMac(index, owner) !== 0 &&
      this.#generations[index * OWNERS + owner - 1] === generation &&
      ((native.now() - lastSeen) | 0) <= idle
    );
  }

  /** Source MACs that frames may come from: the router's most often, amphorae of `distributor`. */
  macs(random: Random, distributor: number): string[] {
    const amphora = () => macText(this.amphoraMac(distributor, random.between(1, USED_OWNERS)));
    const others = ['02:00:00:00:00:77', '01:00:5e:00:00:01', amphora(), amphora(), amphora()];
    return [...Array.from({ length: 12 }, () => ROUTER_MAC), ...others];
  }

  /** All state anew: nothing of what was before counts. */
  async reset(random: Random): Promise<void> {
    await this.#forget();
    this.defendedFrom.fill(-Infinity);
    this.defendedUntil.fill(-Infinity);
    this.#versions.fill(0);
    for (const { index } of world.distributors) {
      for (let owner = 1; owner <= OWNERS; owner++)
        this.#occupy(index, owner, owner <= USED_OWNERS && !random.oneIn(6));
      this.#setLearning(index, random.oneIn(2));
      for (let slot = 0; slot < world.SLOTS; slot++) this.#putSlot(index, slot, random);
      this.#readTable(index);
    }
    for (const { element } of world.vips) this.datapath.resetVip(element);
    // Seldom: the data path then waits until no packet can still be using the VIP before.
    if (random.oneIn(8)) this.#putVip(random.pick(world.vips));
  }

  /** One change such as the daemon makes, or that time makes. */
  change(random: Random, cast: Cast): void {
    const { index } = random.pick(cast.vips).distributor;
    switch (random.below(6)) {
      case 0: {
        this.#occupy(index, random.between(1, USED_OWNERS), !random.oneIn(3));
        return;
      }
      case 1: {
        this.#setLearning(index, random.oneIn(2));
        return;
      }
      case 2: {
        this.#reassign(index, random);
        return;
      }
      case 3: {
        this.#putSlots(index, random);
        return;
      }
      default: {
        this.#putFlows(random, cast);
        return;
      }
    }
  }

  #occupy(distributor: number, owner: number, occupied: boolean): void {
    const at = distributor * OWNERS + owner - 1;
    const version = ((this.#versions[at] ?? 0) + 1) & 0xffff;
    this.#versions[at] = version;
    const octets = [2, 0xaa, version >>> 8, version & 0xff, distributor, owner];
    const mac = occupied ? octets.reduce((sum, octet) => sum * 256 + octet, 0) : 0;
    this.#macs[at] = mac;
    this.#generations[at] = ((this.#generations[at] ?? 0) % MOST_GENERATIONS) + 1;
    this.datapath.setPosition({
      index: distributor * world.POSITIONS + owner - 1,
      mac: occupied ? macText(mac) : null,
      sameAmphora: false,
      amphora: null,
    });
    this.memory.forgetOwner(owner, (vip) => world.vipAt(vip).distributor.index === distributor);
  }

  #setLearning(distributor: number, learning: boolean): void {
    this.#learning[distributor] = learning ? 1 : 0;
    const until = native.now() + (learning ? LONG : 0);
    this.datapath.setLearning({ index: distributor * world.POSITIONS, until });
  }

  #putSlots(distributor: number, random: Random): void {
    for (let count = 0; count < 8; count++)
      this.#putSlot(distributor, random.below(world.SLOTS), random);
    this.#readTable(distributor);
  }

  #putSlot(distributor: number, slot: number, random: Random): void {
    const owner = () => (random.oneIn(24) ? 0 : random.between(1, USED_OWNERS));
    const previous = random.oneIn(3) ? 0 : random.oneIn(8) ? OWNER_GONE : owner();
    const clock = (native.now() - random.below(2 * world.TCP_IDLE)) >>> 0;
    this.#tables[distributor]?.put(slot, { current: owner(), previous, clock });
  }

  #reassign(distributor: number, random: Random): void {
    const table = this.#tables[distributor];
    if (table === undefined) return;
    const owners = Uint16Array.from({ length: world.SLOTS }, () => random.between(1, USED_OWNERS));
    const retired = random.oneIn(2) ? [random.between(1, USED_OWNERS)] : [];
    const now = native.now();
    table.apply({ owners, retired: Uint16Array.from(retired), now });
    if (random.oneIn(2)) table.settle({ now: (now + world.TCP_IDLE) >>> 0, idle: 1 });
    this.#readTable(distributor);
  }

  #readTable(distributor: number): void {
    const table = this.#tables[distributor];
    for (let slot = 0; slot < world.SLOTS; slot++) {
      const at = distributor * world.SLOTS + slot;
      const owners = table?.at(slot);
      this.#current[at] = owners?.current ?? 0;
      this.#previous[at] = owners?.previous ?? 0;
    }
  }

  /** Flows of any owner and age, confirmed or not; or known ones become older. */
  #putFlows(random: Random, cast: Cast): void {
    for (let count = 0; count < 8; count++) {
      const vip = random.pick(cast.vips);
      const protocol = random.pick([TCP, UDP, SCTP]);
      const key = {
        vipId: this.#vipIds[vip.index] ?? 0,
        source: clientAddress(vip.family, random.pick(cast.clients)),
        sourcePort: random.pick(cast.clientPorts),
        destinationPort: random.pick(SERVICE_PORTS),
        protocol,
      };
      const idle = protocol === UDP ? world.OTHER_IDLE : world.TCP_IDLE;
      const age = random.oneIn(2) ? random.below(idle - 5) : idle + random.between(2, 60);
      const lastSeen = (native.now() - age) >>> 0;
      const owner = random.between(1, USED_OWNERS);
      const closing = random.oneIn(4);
      const number = random.pick(ACKNOWLEDGEMENTS) & 0x7fff_ffff;
      const over = random.oneIn(4);
      const mayConfirm = random.oneIn(2);
      // From here on nothing is left to chance: what is known follows from more than the seed.
      const counters = vip.element;
      const known = this.datapath.getFlow(key);
      if (known !== null) {
        this.datapath.putFlow({ ...key, ...known, lastSeen, counters });
        continue;
      }
      const generation = this.#generations[vip.distributor.index * OWNERS + owner - 1] ?? 0;
      const confirmed = mayConfirm && this.datapath.flowUse(0).used < FLOWS;
      const acknowledged = protocol === TCP ? number : 0;
      const ends = { closing, acknowledged, over: over && protocol !== UDP };
      const pin = { owner, generation, confirmed, ...ends };
      this.datapath.putFlow({ ...key, ...pin, lastSeen, counters });
      this.memory.mayPin(flowKeyOf(vip.index, key), owner);
    }
  }

  /**
   * Every flow becomes old enough to go, and every datagram; flow entries that are then left, no packet
   * explains. Openings stay, and mean nothing once the positions have other amphorae.
   */
  async #forget(): Promise<void> {
    const lastSeen = (native.now() - LONG) >>> 0;
    for (const key of this.memory.datagrams()) {
      const { vip, protocol, ...datagram } = datagramOfKey(key);
      const named = { ...datagram, keyProtocol: protocol, vipId: this.#vipIds[vip] ?? 0 };
      const nothing = { sourcePort: 0, destinationPort: 0, protocol: 0 };
      this.datapath.putFragment({ ...named, ...nothing, seen: lastSeen });
    }
    for (const key of this.memory.flows()) {
      const { vip, ...flow } = flowOfKey(key);
      const named = { ...flow, vipId: this.#vipIds[vip] ?? 0 };
      const known = this.datapath.getFlow(named);
      if (known?.confirmed === true)
        this.datapath.putFlow({ ...named, ...known, lastSeen, counters: vip + 1 });
    }
    this.memory.clear();
    const positions = Uint32Array.from({ length: this.#macs.length }, (_, index) => index);
    const { kept, tallies } = await this.datapath.sweepFlows({ closing: LONG, positions });
    const { used } = this.datapath.flowUse(0);
    const counted = tallies.some((tally) =>
      Object.values<number>({ ...tally }).some((count) => count !== 0),
    );
    if (kept !== 0 || used !== 0 || counted)
      throw new Violation(`${kept} flow entries kept, ${used} in use, of flows that sent nothing`);
  }

  #putVip(vip: world.Vip): void {
    const { distributor, attachment, address, element } = vip;
    const vipId = ++this.#lastVipId;
    this.#vipIds[vip.index] = vipId;
    this.datapath.putVip({
      ifindex: this.ifindex(attachment.port),
      outerVlan: attachment.tags[0],
      innerVlan: attachment.tags[1],
      address,
      seed: distributor.seed,
      slotBase: distributor.index * world.SLOTS,
      tableSize: world.SLOTS,
      positionBase: distributor.index * world.POSITIONS,
      vipId,
      counters: element,
      tcpIdle: world.TCP_IDLE,
      otherIdle: world.OTHER_IDLE,
      affinity: distributor.byPort ? 1 : 0,
      tracking: world.TRACKINGS.indexOf(distributor.tracking),
      mac: world.portAt(attachment.port).mac,
      distributorId: '00000000-0000-4000-8000-000000000001',
      since: 0,
      port: 'port',
    });
  }
}
