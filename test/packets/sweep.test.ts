// SPDX-License-Identifier: Apache-2.0
// The sweep of the flow table: which entries it removes, and how it counts the others.
import { beforeEach, describe, expect, test } from 'vitest';
import { native, type NativeFlow, type NativeTally } from '../../src/datapath/native.ts';
import { openDatapath, type Variation } from './datapath-under-test.ts';
import {
  allDistributors,
  allVips,
  CLIENT,
  GENERATION,
  OTHER_IDLE,
  owner,
  POSITIONS,
  SETTLED,
  TABLE_SIZE,
  TCP_IDLE,
  vips,
  type Distributor,
  type Vip,
} from './distributors.ts';
import type { Frame } from './frame.ts';
import { ICMP, SCTP, TCP, UDP } from './messages.ts';
import { toVip } from './packet-builder.ts';

const GRE = 47;
const CLOSING = 60;
const { first, second, vacant, none } = owner;

const datapath = openDatapath({ flows: 1024 });
const everyPosition = Uint32Array.from(
  { length: allDistributors.length * POSITIONS },
  (_, position) => position,
);

type Kind = keyof NativeTally;

/** What an owner of the distributor's slots has, as `read` says it. */
function counted({ positionBase }: Distributor, of: number, tally: Partial<NativeTally>): string[] {
  const position = positionBase + of - 1;
  return Object.entries(tally).map(([kind, count]) => `position ${position}: ${kind} ${count}`);
}

/** All that is counted anywhere, as text. */
function read(tallies: readonly NativeTally[]): string[] {
  return tallies.flatMap((tally, position) =>
    Object.entries(tally).flatMap(([kind, count]) =>
      count === 0 ? [] : [`position ${position}: ${kind} ${count}`],
    ),
  );
}

async function sweep(closing = CLOSING) {
  const { tallies, ...rest } = await datapath.native.sweepFlows({
    ...{ closing, positions: everyPosition },
  });
  return { ...rest, counted: read(tallies) };
}

interface Entry extends Partial<Omit<NativeFlow, 'confirmed' | 'lastSeen' | 'acknowledged'>> {
  readonly age?: number;
  readonly protocol?: number;
  readonly sourcePort?: number;
}

function putEntry({ counters }: Vip, vipId: number, entry: Entry): void {
  const { age = 5, protocol = TCP, sourcePort = 1234, ...flow } = entry;
  datapath.native.putFlow({
    ...{ vipId, source: CLIENT.v4, sourcePort, destinationPort: 80, protocol },
    ...{ owner: first, generation: GENERATION, closing: false, over: false, ...flow },
    ...{ acknowledged: 0, confirmed: true, lastSeen: (native.now() - age) >>> 0, counters },
  });
}

const { v4: vip, v6: vip6 } = vips.byPort;
const { distributor } = vip;
const put = (which: Vip, as: Variation = {}) => datapath.putVip(which, native.now(), as);

/** All entries are of VIPs that are gone, and go. */
beforeEach(async () => {
  for (const which of allVips) put(which);
  await sweep();
});

interface Case {
  readonly it: string;
  readonly entry: Entry;
  readonly kind: Kind | null;
  /** Unless it says otherwise, it stays. */
  readonly removed?: true;
}

const closing = true;
const over = true;
const cases: readonly Case[] = [
  { it: 'TCP', entry: { protocol: TCP }, kind: 'tcp' },
  { it: 'UDP', entry: { protocol: UDP }, kind: 'udp' },
  { it: 'SCTP', entry: { protocol: SCTP }, kind: 'sctp' },
  { it: 'ICMP', entry: { protocol: ICMP }, kind: 'other' },
  { it: 'GRE', entry: { protocol: GRE }, kind: 'other' },
  { it: 'another owner', entry: { owner: second }, kind: 'tcp' },
  { it: 'stamped with the next second', entry: { age: -1 }, kind: 'tcp' },
  { it: 'TCP just short of idle', entry: { age: TCP_IDLE - 1 }, kind: 'tcp' },
  { it: 'TCP idle', entry: { age: TCP_IDLE + 2 }, kind: null },
  { it: 'TCP idle for longer', entry: { age: TCP_IDLE + 12 }, kind: null, removed: true },
  { it: 'SCTP just short of idle', entry: { protocol: SCTP, age: TCP_IDLE - 1 }, kind: 'sctp' },
  { it: 'SCTP idle', entry: { protocol: SCTP, age: TCP_IDLE + 2 }, kind: null },
  { it: 'UDP just short of idle', entry: { protocol: UDP, age: OTHER_IDLE - 1 }, kind: 'udp' },
  { it: 'UDP idle', entry: { protocol: UDP, age: OTHER_IDLE + 2 }, kind: null },
  {
    it: 'UDP idle for longer',
    ...{ entry: { protocol: UDP, age: OTHER_IDLE + 12 }, kind: null, removed: true },
  },
  { it: 'of the amphora before', entry: { generation: GENERATION - 1 }, kind: null },
  { it: 'of a vacant position', entry: { owner: vacant }, kind: null },
  { it: 'of nobody', entry: { owner: none }, kind: null },
  { it: 'of a position outside of the map', entry: { owner: 0xfffe }, kind: null },
  { it: 'closing', entry: { closing }, kind: 'closing' },
  { it: 'closing, SCTP', entry: { closing, protocol: SCTP }, kind: 'closing' },
  { it: 'closing in the next second', entry: { closing, age: -1 }, kind: 'closing' },
  { it: 'closing for a while', entry: { closing, age: CLOSING - 1 }, kind: 'closing' },
  { it: 'closing for too long', entry: { closing, age: CLOSING + 2 }, kind: null },
  { it: 'closing, of the amphora before', entry: { closing, generation: 1 }, kind: null },
  { it: 'over', entry: { closing, over }, kind: null },
  { it: 'over in the next second', entry: { closing, over, age: -1 }, kind: null },
  { it: 'over, though not closing', entry: { over }, kind: null },
  { it: 'over and idle', entry: { over, age: TCP_IDLE + 12 }, kind: null, removed: true },
];

describe('one entry', () => {
  test.each(cases)('$it', async ({ entry, kind, removed = false }) => {
    putEntry(vip, put(vip), entry);
    const counts = kind === null ? [] : counted(distributor, entry.owner ?? first, { [kind]: 1 });
    expect(await sweep()).toEqual({
      ...{ kept: removed ? 0 : 1, removed: removed ? 1 : 0, counted: counts },
    });
    expect(datapath.native.flowUse(vip.counters).used).toBe(removed ? 0 : 1);
  });

  test.each([
    { silence: 0, age: 2, kind: null },
    { silence: 2 ** 32 - 1, age: TCP_IDLE - 1, kind: 'closing' },
    { silence: 2 ** 32 - 1, age: TCP_IDLE + 2, kind: null },
  ] as const)('closing for $age s, counted for $silence s', async ({ silence, age, kind }) => {
    putEntry(vip, put(vip), { closing, age });
    const counts = kind === null ? [] : counted(distributor, first, { [kind]: 1 });
    expect(await sweep(silence)).toMatchObject({ counted: counts });
  });
});

test('an entry of nobody is not of the position before the first', async () => {
  const index = distributor.positionBase - 1;
  const setMac = (mac: string | null) =>
    datapath.native.setPosition({ index, mac, sameAmphora: true, amphora: null });
  putEntry(vip, put(vip), { owner: none });
  setMac('02:aa:00:00:00:77');
  expect(await sweep()).toEqual({ kept: 1, removed: 0, counted: [] });
  setMac(null);
});

describe('many entries', () => {
  test('are added up by position', async () => {
    const vipId = put(vip);
    const entries: readonly Entry[] = [
      ...Array.from({ length: 40 }, () => ({ protocol: TCP })),
      ...Array.from({ length: 30 }, () => ({ protocol: UDP })),
      ...Array.from({ length: 20 }, () => ({ protocol: TCP, owner: second })),
      ...Array.from({ length: 10 }, () => ({ closing, owner: second })),
      ...Array.from({ length: 5 }, () => ({ closing, over, owner: second })),
    ];
    entries.forEach((entry, index) => putEntry(vip, vipId, { ...entry, sourcePort: index + 1 }));
    const counts = [
      ...counted(distributor, first, { tcp: 40, udp: 30 }),
      ...counted(distributor, second, { tcp: 20, closing: 10 }),
    ];
    expect(await sweep()).toMatchObject({ kept: 105, counted: counts });
    expect(await sweep(), 'and again').toEqual({ kept: 105, removed: 0, counted: counts });
  });

  test('of two VIPs of a distributor are counted together, of two distributors apart', async () => {
    const other = vips.vlan100.v4;
    for (const which of [vip, vip6, other]) putEntry(which, put(which), {});
    const counts = [
      ...counted(distributor, first, { tcp: 2 }),
      ...counted(other.distributor, first, { tcp: 1 }),
    ];
    expect(await sweep()).toMatchObject({ kept: 3, counted: counts });
  });

  test('are told of in the order of the positions asked for', async () => {
    putEntry(vip, put(vip), { owner: second });
    const { positionBase } = distributor;
    const positions = Uint32Array.of(positionBase + 1, positionBase, positionBase + 1);
    const { tallies } = await datapath.native.sweepFlows({ closing: CLOSING, positions });
    expect(tallies.map(({ tcp }) => tcp)).toEqual([1, 0, 1]);
  });

  test('are counted though no position is asked for', async () => {
    putEntry(vip, put(vip), { age: TCP_IDLE + 12 });
    const positions = new Uint32Array(0);
    expect(await datapath.native.sweepFlows({ closing: CLOSING, positions })).toEqual({
      ...{ kept: 0, removed: 1, tallies: [] },
    });
  });
});

describe('each VIP has timeouts of its own', () => {
  test.each([
    { it: 'TCP', protocol: TCP, kind: 'tcp', timeout: 'tcpIdle' },
    { it: 'UDP', protocol: UDP, kind: 'udp', timeout: 'otherIdle' },
  ] as const)('$it', async ({ protocol, kind, timeout }) => {
    const idle = { tcpIdle: 500, otherIdle: 500 };
    putEntry(vip, put(vip, { ...idle, [timeout]: 30 }), { protocol, age: 50 });
    putEntry(vip6, put(vip6, { ...idle, [timeout]: 70 }), { protocol, age: 50 });
    const counts = counted(distributor, first, { [kind]: 1 });
    expect(await sweep()).toEqual({ kept: 1, removed: 1, counted: counts });
  });

  test('that change with it, for the entries that it has', async () => {
    const vipId = put(vip, { tcpIdle: 70 });
    putEntry(vip, vipId, { age: 50 });
    expect(await sweep()).toMatchObject({
      kept: 1,
      counted: counted(distributor, first, { tcp: 1 }),
    });
    put(vip, { vipId, tcpIdle: 30 });
    expect(await sweep()).toEqual({ kept: 0, removed: 1, counted: [] });
  });
});

describe('a VIP', () => {
  const used = () => [0, vip.counters].map((index) => datapath.native.flowUse(index).used);

  test('that moves to other positions keeps its entries, which are counted there', async () => {
    const vipId = put(vip);
    putEntry(vip, vipId, { owner: second });
    const { distributor: larger } = vips.vlan100.v4;
    put(vip, { vipId, positionBase: larger.positionBase });
    expect(await sweep()).toEqual({
      ...{ kept: 1, removed: 0, counted: counted(larger, second, { tcp: 1 }) },
    });
  });

  test('in the place of another one: the entries of that one go at once', async () => {
    const gone = put(vip);
    for (const sourcePort of [1, 2, 3]) putEntry(vip, gone, { sourcePort });
    const vipId = put(vip);
    putEntry(vip, vipId, {});
    expect(await sweep()).toEqual({
      ...{ kept: 1, removed: 3, counted: counted(distributor, first, { tcp: 1 }) },
    });
    expect(used()).toEqual([1, 1]);
  });

  test('that is removed loses its entries at once', async () => {
    const vipId = put(vip);
    putEntry(vip, vipId, {});
    putEntry(vip6, put(vip6), {});
    datapath.native.deleteVip({ ...vip.key, vipId, counters: vip.counters });
    expect(await sweep()).toEqual({
      ...{ kept: 1, removed: 1, counted: counted(distributor, first, { tcp: 1 }) },
    });
    expect(used()).toEqual([1, 0]);
  });
});

test('packet by packet', async () => {
  const { v4: full } = vips.full;
  const table = datapath.tableOf(full.distributor);
  for (let slot = 0; slot < TABLE_SIZE; slot++)
    table.put(slot, { current: second, previous: SETTLED, clock: native.now() });
  put(full);
  const tcp = (flags: string, acknowledgement: number) =>
    toVip(full).tcp({ flags, acknowledgement, from: 1234, to: 80 });
  const udp = toVip(full).udp({ from: 1234, to: 53 });
  const init = toVip(full).sctp({ chunk: 'INIT', from: 1234, to: 80 });
  const data = toVip(full).sctp({ chunk: 'DATA', from: 1234, to: 80 });
  const complete = toVip(full).sctp({ chunk: 'SHUTDOWN_COMPLETE', from: 1234, to: 80 });
  const steps: readonly (readonly [string, Frame, readonly Kind[]])[] = [
    ['SYN', tcp('S', 0), []],
    ['its ACK', tcp('A', 5000), ['tcp']],
    ['a datagram', udp, ['tcp']],
    ['another one', udp, ['tcp', 'udp']],
    ['INIT', init, ['tcp', 'udp']],
    ['DATA', data, ['tcp', 'udp', 'sctp']],
    ['FIN', tcp('FA', 6000), ['udp', 'sctp', 'closing']],
    ['the last ACK', tcp('A', 6001), ['udp', 'sctp']],
    ['SHUTDOWN COMPLETE', complete, ['udp']],
    ['SYN again', tcp('S', 0), ['udp']],
    ['its ACK again', tcp('A', 7000), ['tcp', 'udp']],
    ['RST', tcp('R', 0), ['udp']],
    ['more, for it was forged', tcp('A', 7000), ['udp', 'closing']],
  ];
  for (const [what, frame, kinds] of steps) {
    datapath.native.testRun({ frame: frame.bytes, ifindex: 0 });
    const counts = kinds.flatMap((kind) => counted(full.distributor, second, { [kind]: 1 }));
    expect((await sweep()).counted, what).toEqual(counts);
  }
});
