// SPDX-License-Identifier: Apache-2.0
// The flow table: who gets room in it, what happens without, and how it empties.
import { describe, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { openDatapath, type DatapathUnderTest } from './datapath-under-test.ts';
import {
  GENERATION,
  OTHER_IDLE,
  owner,
  SETTLED,
  TABLE_SIZE,
  TCP_IDLE,
  vips,
  type Vip,
} from './distributors.ts';
import { checkOn } from './fixture.ts';
import { SCTP, TCP, UDP } from './messages.ts';
import { payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third } = owner;
const unsettled = { current: first, previous: second };
const families = ['v4', 'v6'] as const;
const opening = { owner: third, age: 9, confirmed: false };
const STRANGER = '203.0.113.1';

const tcpTo = (vip: Vip, flags: string) => toVip(vip).tcp({ flags, from: 1234, to: 80 });
const udpTo = (vip: Vip, from = 1234) => toVip(vip).udp({ from, to: 53 });

/** An entry of the flow table, unless it says otherwise; of nobody that a record looks at. */
const strangersFlow = (sourcePort: number) => ({
  ...{ vipId: 0xffff_0000, source: STRANGER, sourcePort, destinationPort: 80, protocol: TCP },
  ...{ lastSeen: native.now(), owner: first, generation: GENERATION, closing: false },
  ...{ acknowledged: 0, over: false },
  ...{ confirmed: true, counters: vips.elsewhere.v4.counters },
});

function counted({ native: datapath }: DatapathUnderTest, vip: Vip, verdict: string): number {
  return datapath.vipCounters(vip.counters).packets[native.verdicts.indexOf(verdict)] ?? 0;
}

async function sweep({ native }: DatapathUnderTest) {
  const { kept, removed } = await native.sweepFlows({ closing: 60, positions: new Uint32Array() });
  return { kept, removed };
}

/** A datapath whose flow table strangers have filled. */
function fullFlowTable({ flows }: { readonly flows: number }): DatapathUnderTest {
  const datapath = openDatapath({ flows });
  for (let port = 1; port <= flows; port++) datapath.native.putFlow(strangersFlow(port));
  return datapath;
}

describe.each(families)('no room in the flow table, IP%s', (family) => {
  const checkFull = checkOn(fullFlowTable({ flows: 16 }));
  const vip = vips.plain[family];
  const tcp = (flags: string) => tcpTo(vip, flags);
  const slot = unsettled;
  const isUnpinned = { verdict: 'tx_unpinned', to: third, movesClock: true } as const;
  test.each<PacketRecord>([
    ...variations(['A', 'PA'], (flags): PacketRecord => ({
      it: `TCP ${flags} stays with its opening`,
      ...{ vip, frame: tcp(flags), slot, entry: opening, ...isUnpinned },
      entryAfter: { owner: third, age: 0 },
    })),
    {
      it: 'TCP FIN closes its opening',
      ...{ vip, frame: tcp('FA'), slot, entry: opening, ...isUnpinned },
      entryAfter: { owner: third, age: 0, closing: true },
    },
    ...variations([udpTo(vip), toVip(vip).ping(7)], (frame): PacketRecord => ({
      it: `protocol ${frame.layout.flow?.protocol ?? 0} stays with its opening`,
      ...{ vip, frame, slot, entry: opening, ...isUnpinned },
      entryAfter: { owner: third, age: 0 },
    })),
    {
      it: 'of the current owner: the slot’s clock stands',
      ...{ vip, frame: tcp('A'), slot, entry: { ...opening, owner: first } },
      ...{ verdict: 'tx_unpinned', to: first, entryAfter: { owner: first, age: 0 } },
    },
    {
      it: 'SYN opens all the same',
      ...{
        vip,
        frame: tcp('S'),
        slot,
        verdict: 'tx_new',
        to: first,
        newFlow: true,
        entryAfter: { owner: first, age: 0 },
      },
    },
    {
      it: 'SYN on its opening needs no room',
      ...{
        vip,
        frame: tcp('S'),
        slot,
        entry: opening,
        verdict: 'tx_pinned',
        to: third,
        movesClock: true,
      },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'an older connection opens all the same',
      ...{
        vip,
        frame: tcp('A'),
        slot,
        verdict: 'tx_previous',
        to: second,
        movesClock: true,
        entryAfter: { owner: second, age: 0 },
      },
    },
    {
      it: 'a later fragment stays with its opening',
      vip,
      frame: toVip(vip, { fragment: { offset: 64 } }).udp({
        ...{ from: 1234, to: 53, payload: payload(100) },
      }),
      ...{ slot, datagram: { age: 1 }, entry: opening, ...isUnpinned },
      entryAfter: { owner: third, age: 0 },
    },
  ])('$it', checkFull);
});

describe('shares', () => {
  const datapath = openDatapath({ flows: 16 });
  const { v4: greedy, v6: modest } = vips.full;
  const table = datapath.tableOf(greedy.distributor);
  for (let slot = 0; slot < TABLE_SIZE; slot++)
    table.put(slot, { current: first, previous: SETTLED, clock: native.now() });
  const sendTwice = (vip: Vip, port: number) => {
    const { bytes } = udpTo(vip, port);
    for (let packet = 0; packet < 2; packet++)
      datapath.native.testRun({ frame: bytes, ifindex: 0 });
  };

  test('a VIP gets no more than is left for others', () => {
    for (let port = 1; port <= 32; port++) sendTwice(greedy, port);
    const { used, full } = datapath.native.flowUse(greedy.counters);
    expect(used).toBeGreaterThanOrEqual(4);
    expect(used).toBeLessThan(16);
    expect(full).toBe(true);
    expect(counted(datapath, greedy, 'tx_pinned')).toBe(used);
    expect(counted(datapath, greedy, 'tx_unpinned')).toBe(32 - used);

    sendTwice(modest, 1);
    expect(counted(datapath, modest, 'tx_pinned')).toBe(1);
    expect(datapath.native.flowUse(modest.counters)).toEqual({ used: 1, full: false });
    expect(datapath.native.flowUse(0).used).toBe(used + 1);
  });
});

describe('many that open at the same time', () => {
  // So many that some would have the same place if there were only one for each.
  const ports = Array.from({ length: 500 }, (_, index) => 10_000 + index);
  const { v4: vip } = vips.plain;

  function withUnsettledSlots(): DatapathUnderTest {
    const datapath = openDatapath({ flows: 1024 });
    datapath.putVip(vip, native.now());
    const table = datapath.tableOf(vip.distributor);
    for (let slot = 0; slot < TABLE_SIZE; slot++) table.put(slot, { ...unsettled, clock: 0 });
    return datapath;
  }
  /** From each port; how many of them ended like this. */
  function send(datapath: DatapathUnderTest, flags: string, verdict: string): number {
    const before = counted(datapath, vip, verdict);
    for (const from of ports) {
      const frame = toVip(vip, { from: STRANGER }).tcp({ flags, from, to: 80 });
      datapath.native.testRun({ frame: frame.bytes, ifindex: 0 });
    }
    return counted(datapath, vip, verdict) - before;
  }
  /** Far more than there are places. */
  function overwrite({ native: datapath }: DatapathUnderTest, age: number): void {
    const lastSeen = (native.now() - age) >>> 0;
    for (let source = 2; source < 14; source++)
      for (let port = 1; port <= 0xffff; port++)
        datapath.putFlow({
          ...strangersFlow(port),
          ...{ source: `203.0.113.${source}`, confirmed: false, lastSeen },
        });
  }

  test('all of them keep their openings', () => {
    const datapath = withUnsettledSlots();
    expect(send(datapath, 'S', 'tx_new')).toBe(ports.length);
    expect(send(datapath, 'A', 'tx_pinned')).toBe(ports.length);
  });

  test('they take the places of the oldest', () => {
    const datapath = withUnsettledSlots();
    overwrite(datapath, TCP_IDLE);
    expect(send(datapath, 'S', 'tx_new')).toBe(ports.length);
    expect(send(datapath, 'A', 'tx_pinned')).toBe(ports.length);
  });

  test('an opening that a stranger overwrites does not count', () => {
    const datapath = withUnsettledSlots();
    send(datapath, 'S', 'tx_new');
    overwrite(datapath, -1);
    expect(send(datapath, 'A', 'tx_previous')).toBe(ports.length);
  });
});

test('an opening that became an entry is gone when the entry is', async () => {
  const datapath = openDatapath({ flows: 4 });
  const { v4: vip } = vips.plain;
  const vipId = datapath.putVip(vip, native.now());
  const flow = { ...strangersFlow(1234), vipId, counters: vip.counters };
  const table = datapath.tableOf(vip.distributor);
  for (let slot = 0; slot < TABLE_SIZE; slot++) table.put(slot, { ...unsettled, clock: 0 });
  datapath.native.putFlow({ ...flow, confirmed: false });
  const ack = toVip(vip, { from: STRANGER }).tcp({ flags: 'A', from: 1234, to: 80 });
  datapath.native.testRun({ frame: ack.bytes, ifindex: 0 });
  expect(datapath.native.getFlow(flow)).toMatchObject({ confirmed: true });

  const lastSeen = (native.now() - TCP_IDLE - 12) >>> 0;
  datapath.native.putFlow({ ...flow, lastSeen });
  expect(await sweep(datapath)).toEqual({ kept: 0, removed: 1 });
  expect(datapath.native.getFlow(flow)).toBeNull();
});

test('an opening that found no room still knows what was acknowledged, once there is room', async () => {
  const datapath = fullFlowTable({ flows: 4 });
  const { v4: vip } = vips.plain;
  const vipId = datapath.putVip(vip, native.now());
  const table = datapath.tableOf(vip.distributor);
  for (let slot = 0; slot < TABLE_SIZE; slot++) table.put(slot, { ...unsettled, clock: 0 });
  const send = (flags: string, acknowledgement: number) => {
    const frame = toVip(vip, { from: STRANGER }).tcp({
      ...{ flags, acknowledgement, from: 1234, to: 80 },
    });
    datapath.native.testRun({ frame: frame.bytes, ifindex: 0 });
    return datapath.native.getFlow({ ...strangersFlow(1234), vipId });
  };
  send('A', 5000);
  expect(send('FA', 6000)).toMatchObject({ confirmed: false, acknowledged: 0, over: false });
  expect(await sweep(datapath), 'those of VIPs that are gone').toEqual({ kept: 0, removed: 4 });
  expect(send('A', 6001)).toMatchObject({ confirmed: true, acknowledged: 6000, over: true });
});

test('what no longer counts is removed, a while later, and its room is free again', async () => {
  const datapath = openDatapath({ flows: 16 });
  const ages = [
    { protocol: TCP, age: TCP_IDLE + 4, stays: true },
    { protocol: TCP, age: TCP_IDLE + 12, stays: false },
    { protocol: SCTP, age: TCP_IDLE + 4, stays: true },
    { protocol: SCTP, age: TCP_IDLE + 12, stays: false },
    { protocol: UDP, age: OTHER_IDLE + 4, stays: true },
    { protocol: UDP, age: OTHER_IDLE + 12, stays: false },
    { protocol: UDP, age: -1, stays: true },
  ];
  const { v4: vip } = vips.elsewhere;
  const vipId = datapath.putVip(vip, native.now());
  const flows = ages.map(({ protocol, age }, index) => {
    const lastSeen = (native.now() - age) >>> 0;
    return { ...strangersFlow(index + 1), vipId, protocol, lastSeen };
  });
  for (const flow of flows) datapath.native.putFlow(flow);
  expect(await sweep(datapath)).toEqual({ kept: 4, removed: 3 });
  expect(flows.map((flow) => datapath.native.getFlow(flow) !== null)).toEqual(
    ages.map(({ stays }) => stays),
  );
  expect(datapath.native.flowUse(0).used).toBe(4);
  expect(datapath.native.flowUse(vip.counters).used).toBe(4);
});
