// SPDX-License-Identifier: Apache-2.0
import { native, type NativeSlotTable } from '../../src/datapath/native.ts';
import {
  closingTime,
  learningWindow,
  tallyOf,
  tcpIdle,
  udpIdle,
  type Packet,
  type Program,
  type Tally,
} from '../support/pinning/program.ts';
import { amphoraMac, PORT_MAC } from './distributors.ts';
import { ipv4 } from './packet-builder.ts';

const seed = 0x5eedn;
const SLOTS = 256;
const POSITIONS = 256;
const PORT = { ifindex: 1, outerVlan: 0, innerVlan: 0 };
const XDP_TX = 3;
const distributor = { positionBase: 0 };

/** Every table has an address of its own: replacing a VIP would wait for packets under way. */
const MOST_ADDRESSES = 2 ** 15;
let addresses = 0;

const datapath = new native.Datapath({
  vips: MOST_ADDRESSES,
  slots: 2 * SLOTS,
  positions: POSITIONS,
  // More than one instance has; a sweep removes those of the ones before.
  flows: 2 ** 12,
  fragments: 1,
  pins: null,
});
let vipIds = 0;
const COUNTERS = 1;
/** How many flows of each protocol there may be. */
const FLOWS = 24;
/** Older than any timeout, with room for the seconds that pass. */
const LONG_AGO = 2 ** 30;
const MOST_GENERATIONS = 0x7fff;
/** By position. */
const generations = new Uint16Array(POSITIONS);

function setPosition(index: number, mac: string | null): void {
  datapath.setPosition({ index, mac, sameAmphora: false, amphora: null });
  generations[index] = ((generations[index] ?? 0) % MOST_GENERATIONS) + 1;
}

/**
 * The program that ships, over maps that are new to every instance. Time passes by making
 * everything in the maps older; the clock itself is the kernel's.
 */
export class ShippedProgram implements Program {
  readonly leeway = 5;
  table: NativeSlotTable;
  readonly #vipId = newVipId();
  #vip = '';
  #base = 0;
  #waited = 0;
  #learningUntil = native.now();
  readonly #flows = new Map<string, Packet>();
  readonly #positionOf = new Map<string, number>();

  constructor(slots: number) {
    this.table = datapath.table({ base: this.#base, size: slots });
    this.table.clear();
    datapath.resetVip(COUNTERS);
    for (let index = 0; index < POSITIONS; index++) setPosition(index, null);
    this.#putVip();
  }

  get now(): number {
    return native.now() + this.#waited;
  }

  occupy(position: number): void {
    const mac = amphoraMac(distributor as Parameters<typeof amphoraMac>[0], position + 1);
    this.#positionOf.set(mac, position);
    setPosition(position, mac);
  }

  vacate(position: number): void {
    setPosition(position, null);
  }

  assign(owners: readonly number[], retired: readonly number[]): void {
    const now = native.now();
    this.#learningUntil = now + learningWindow;
    this.#learn();
    this.table.apply({
      owners: Uint16Array.from(owners),
      retired: Uint16Array.from(retired),
      now,
    });
  }

  double(): void {
    const base = SLOTS - this.#base; // one half of the map, then the other
    const doubled = datapath.table({ base, size: this.table.size * 2 });
    doubled.splitFrom({ smaller: this.table, now: native.now() });
    this.table = doubled;
    this.#base = base;
    this.#putVip();
  }

  wait(seconds: number): void {
    this.#waited += seconds;
    for (let index = 0; index < this.table.size; index++) {
      const slot = this.table.at(index);
      this.table.put(index, { ...slot, clock: (slot.clock - seconds) >>> 0 });
    }
    for (const packet of this.#flows.values()) {
      const key = flowKey(packet, this.#vipId);
      // Both, where a connection has begun beside one that was closing.
      const records = new Map(
        [datapath.getFlow(key), datapath.getOpening(key)]
          .filter((flow) => flow !== null)
          .map((flow) => [flow.confirmed, flow]),
      );
      for (const flow of records.values()) {
        const lastSeen = (flow.lastSeen - seconds) >>> 0;
        datapath.putFlow({ ...key, ...flow, lastSeen, counters: COUNTERS });
      }
    }
    this.#learningUntil = (this.#learningUntil - seconds) >>> 0;
    this.#learn();
    this.table.settle({ now: native.now(), idle: Math.max(tcpIdle, udpIdle) });
  }

  isSettled(packet: Packet): boolean {
    const hash = native.slotHash({ seed, source: sourceOf(packet), sourcePort: 0 });
    return this.table.at(hash >>> (Math.clz32(this.table.size) + 1)).previous === 0;
  }

  send(packet: Packet): number | null {
    this.#flows.set(`${packet.protocol} ${packet.flow}`, packet);
    const ip = ipv4({ from: sourceOf(packet), to: this.#vip });
    const ports = { from: sourcePort, to: destinationPort };
    const flags = packet.starts ? 'S' : packet.ends ? 'FA' : 'A';
    const { protocol, acknowledges: acknowledgement = 0 } = packet;
    const frame = protocol === 'tcp' ? ip.tcp({ ...ports, flags, acknowledgement }) : ip.udp(ports);
    const out = datapath.testRun({ frame: frame.bytes, ifindex: 0 });
    if (out.action !== XDP_TX) return null;
    const mac = [...out.frame.subarray(0, 6)].map((octet) => octet.toString(16).padStart(2, '0'));
    const position = this.#positionOf.get(mac.join(':'));
    if (position === undefined) throw new Error(`sent to ${mac.join(':')}, which is no amphora`);
    return position;
  }

  openings(position: number): number {
    return datapath.positionCounters(distributor.positionBase + position).openings;
  }

  tally(position: number): Tally {
    const recorded = [...this.#flows.values()].flatMap(({ flow, protocol }) => {
      const known = datapath.getFlow(flowKey({ flow, protocol }, this.#vipId));
      if (known?.confirmed !== true || known.owner - 1 !== position) return [];
      if (known.generation !== generations[position]) return [];
      const { closing, over } = known;
      return [{ protocol, age: (native.now() - known.lastSeen) | 0, closing, over }];
    });
    return tallyOf(recorded);
  }

  /** The same by the sweep, which removes what no longer counts; of each position. */
  async sweep(): Promise<readonly Tally[]> {
    const positions = Uint32Array.from({ length: POSITIONS }, (_, position) => position);
    const { tallies } = await datapath.sweepFlows({ closing: closingTime, positions });
    return tallies.map(({ tcp, udp, closing }) => ({ tcp, udp, closing }));
  }

  #putVip(): void {
    this.#vip = `10.9.${++addresses >> 8}.${addresses & 0xff}`;
    datapath.putVip({
      ...PORT,
      address: this.#vip,
      seed,
      slotBase: this.#base,
      tableSize: this.table.size,
      positionBase: distributor.positionBase,
      vipId: this.#vipId,
      counters: COUNTERS,
      tcpIdle,
      otherIdle: udpIdle,
      affinity: 0,
      tracking: 0,
      mac: PORT_MAC,
      distributorId: '00000000-0000-4000-8000-000000000001',
      since: 0,
      port: 'port',
    });
    this.#learn();
  }

  #learn(): void {
    datapath.setLearning({ index: distributor.positionBase, until: this.#learningUntil });
  }
}

const sourcePort = 40_000;
const destinationPort = 80;

type FlowName = Pick<Packet, 'flow' | 'protocol'>;

function sourceOf({ flow }: FlowName): string {
  return `198.51.100.${flow + 1}`;
}

function flowKey(packet: FlowName, vipId: number) {
  const protocol = packet.protocol === 'tcp' ? 6 : 17;
  return { vipId, source: sourceOf(packet), sourcePort, destinationPort, protocol };
}

/** A new id, with a place for the opening of each of its flows among those of instances before. */
function newVipId(): number {
  const vipId = ++vipIds;
  const lastSeen = (native.now() - LONG_AGO) >>> 0;
  const pin = { lastSeen, owner: 0, generation: 1, closing: false };
  const opening = { ...pin, acknowledged: 0, over: false, confirmed: false };
  for (let flow = 0; flow < FLOWS; flow++)
    for (const protocol of ['tcp', 'udp'] as const)
      datapath.putFlow({ ...flowKey({ flow, protocol }, vipId), ...opening, counters: COUNTERS });
  return vipId;
}

export function closeShippedProgram(): void {
  datapath.close();
}
