// SPDX-License-Identifier: Apache-2.0
// Owners of settled slots are kept once more in a byte each: those that do not fit count, too.
import { afterAll, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { amphoraMac } from '../../bench/world.ts';
import { PORT_MAC, SETTLED } from './distributors.ts';
import { ipv4 } from './packet-builder.ts';

const POSITIONS = 1000;
const XDP_TX = 3;
const VIP = '10.0.0.1';

const datapath = new native.Datapath({
  ...{ vips: 1, slots: 2, positions: POSITIONS, flows: 16, fragments: 16, pins: null },
});
afterAll(() => datapath.close());
for (let position = 0; position < POSITIONS; position++) {
  const mac = amphoraMac(position);
  datapath.setPosition({ index: position, mac, sameAmphora: false, amphora: null });
}
datapath.putVip({
  ...{ ifindex: 1, outerVlan: 0, innerVlan: 0, address: VIP, mac: PORT_MAC, seed: 1n },
  ...{ slotBase: 0, tableSize: 2, positionBase: 0, vipId: 1, counters: 1 },
  ...{ tcpIdle: 900, otherIdle: 60, affinity: 0, tracking: 0, since: 0, port: 'port' },
  distributorId: '00000000-0000-4000-8000-000000000001',
});
const table = datapath.table({ base: 0, size: 2 });
const { bytes } = ipv4({ from: '10.0.0.2', to: VIP }).tcp({ flags: 'A', from: 1234, to: 80 });

// One after the other: the byte of an owner that fits must not outlive it.
test.each([1, 254, 255, 256, 257, 1000, 255, 512, 2])('owner %i of a settled slot', (owner) => {
  for (const slot of [0, 1]) table.put(slot, { current: owner, previous: SETTLED, clock: 0 });
  const before = datapath.vipCounters(1).packets;
  const { action, frame } = datapath.testRun({ frame: bytes, ifindex: 0 });
  expect(action).toBe(XDP_TX);
  expect(frame.subarray(0, 6).toString('hex')).toBe(amphoraMac(owner - 1).replaceAll(':', ''));
  const settled = native.verdicts.indexOf('tx_settled');
  expect(datapath.vipCounters(1).packets[settled]).toBe((before[settled] ?? 0) + 1);
});
