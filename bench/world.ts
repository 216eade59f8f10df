// SPDX-License-Identifier: Apache-2.0
import { native, type NativeDatapath } from '../src/datapath/native.ts';
import { growTable, positionCapacity } from '../src/model/table-size.ts';
import { PORT_MAC } from '../test/packets/distributors.ts';
import { VIP, type Family } from './frames.ts';

const affinities = ['source-ip', 'source-ip-and-port'] as const;
const trackings = ['adaptive', 'full', 'stateless'] as const;

/** What the packets meet. */
export interface World {
  readonly family: Family;
  /** Each is a distributor's of its own. */
  readonly vips: number;
  /** Of each distributor. */
  readonly amphorae: number;
  readonly affinity: (typeof affinities)[number];
  readonly tracking: (typeof trackings)[number];
  /** Every slot as it is after a change, with another owner before. */
  readonly unsettled: boolean;
  /** Of each distributor; the fewest that the amphorae need, unless it says otherwise. */
  readonly slots?: number;
  /** How many there is room for; where none is needed, next to none unless it says otherwise. */
  readonly flowEntries?: number;
  /** s: of TCP; IDLE unless it says otherwise. */
  readonly tcpIdle?: number;
}

/** s */
export const IDLE = 900;

const smallestTable = 1024;

export function tableSize({ amphorae, slots }: World): number {
  return slots ?? growTable(smallestTable, amphorae);
}

/** A map of 200 MB takes a second to make: where no flow needs an entry there is none. */
function flowCapacity({ flowEntries, unsettled, tracking }: World): number {
  return flowEntries ?? (unsettled || tracking === 'full' ? 2 ** 21 : 2 ** 10);
}

/** The first one's counts up to the others'. */
export function amphoraMac(position: number): string {
  const octet = (shift: number) => ((position >> shift) & 0xff).toString(16).padStart(2, '0');
  return `02:00:00:01:${octet(8)}:${octet(0)}`;
}

/** `number` after the first. */
function addressOf(family: Family, number: number): string {
  const first = VIP[family];
  if (family === 6) return `2001:db8::${(1 + number).toString(16)}`;
  const [a, , , d = '0'] = first.split('.');
  const low = Number(d) + number;
  return `${a ?? ''}.0.${(low >> 8).toString()}.${(low & 0xff).toString()}`;
}

/** The shipped program over maps that hold all of it, on that port; to be closed. */
export async function createWorld(world: World, ifindex: number): Promise<NativeDatapath> {
  const size = tableSize(world);
  const positions = positionCapacity(size);
  const { vips, amphorae } = world;
  const capacity = {
    vips,
    slots: vips * size,
    positions: vips * positions,
    flows: flowCapacity(world),
  };
  const datapath = new native.Datapath({ ...capacity, fragments: 1024, pins: null });
  const weights = new Uint32Array(amphorae).fill(1);
  const owners = await native.buildTable({ seed: 1n, weights, size });
  for (let index = 0; index < vips; index++) {
    const [slotBase, positionBase] = [index * size, index * positions];
    const table = datapath.table({ base: slotBase, size });
    if (world.unsettled)
      for (let slot = 0; slot < size; slot++)
        table.put(slot, { current: 1, previous: 1 + (slot % amphorae), clock: native.now() });
    table.apply({ owners, retired: new Uint16Array(), now: native.now() });
    for (let position = 0; position < amphorae; position++)
      datapath.setPosition({
        ...{ index: positionBase + position, mac: amphoraMac(position) },
        ...{ sameAmphora: false, amphora: null },
      });
    datapath.putVip({
      ...{ ifindex, outerVlan: 0, innerVlan: 0, address: addressOf(world.family, index) },
      ...{ mac: PORT_MAC, seed: BigInt(index) * 0x9e37_79b9n, slotBase, tableSize: size },
      ...{
        positionBase,
        vipId: index + 1,
        counters: index + 1,
        tcpIdle: world.tcpIdle ?? IDLE,
        otherIdle: 60,
      },
      affinity: affinities.indexOf(world.affinity),
      tracking: trackings.indexOf(world.tracking),
      ...{ distributorId: '00000000-0000-4000-8000-000000000001', since: 0, port: 'port' },
    });
  }
  return datapath;
}
