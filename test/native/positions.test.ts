// SPDX-License-Identifier: Apache-2.0
// Positions as the program sees them: a VIP that tracks every flow tells generations apart.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { native, type NativeDatapath } from '../../src/datapath/native.ts';
import { ipv4 } from '../packets/packet-builder.ts';
import { capacity, flowKey, vip } from './datapath-calls.ts';

const MAC = '02:aa:00:00:00:01';
const OTHER_MAC = '02:aa:00:00:00:02';
const ack = ipv4({ from: flowKey.source, to: vip.address }).tcp({
  ...{ flags: 'A', from: flowKey.sourcePort, to: flowKey.destinationPort },
});

let datapath: NativeDatapath;
beforeEach(() => {
  datapath = new native.Datapath(capacity);
  datapath.putVip(vip);
  const table = datapath.table({ base: vip.slotBase, size: vip.tableSize });
  table.apply({
    owners: new Uint16Array(vip.tableSize).fill(1),
    retired: new Uint16Array(0),
    now: native.now(),
  });
});
afterEach(() => datapath.close());

/** Where the client's packet goes, and how it was decided. */
function send(): { readonly verdict: string; readonly mac: string | null } {
  datapath.resetVip(vip.counters);
  const { action, frame } = datapath.testRun({ frame: ack.bytes, ifindex: 0 });
  const { packets } = datapath.vipCounters(vip.counters);
  const verdict = native.verdicts[packets.findIndex((count) => count > 0)] ?? 'none';
  const octets = [...frame.subarray(0, 6)].map((octet) => octet.toString(16).padStart(2, '0'));
  return { verdict, mac: action === 3 ? octets.join(':') : null };
}

const generation = () => datapath.getFlow(flowKey)?.generation;
const set = (mac: string | null, sameAmphora: boolean) =>
  datapath.setPosition({ index: vip.positionBase, mac, sameAmphora, amphora: null });

describe('setPosition', () => {
  test('the first amphora gets a generation of its own', () => {
    set(MAC, false);
    expect(send()).toEqual({ verdict: 'tx_previous', mac: MAC });
    expect(generation()).toBe(1);
    expect(send()).toEqual({ verdict: 'tx_pinned', mac: MAC });
  });

  test('another MAC of the same amphora keeps its flows', () => {
    set(MAC, false);
    send();
    set(OTHER_MAC, true);
    expect(send()).toEqual({ verdict: 'tx_pinned', mac: OTHER_MAC });
  });

  test('another amphora voids the flows of the one before, even with the same MAC', () => {
    set(MAC, false);
    send();
    set(MAC, false);
    expect(send()).toEqual({ verdict: 'tx_previous', mac: MAC });
    expect(generation()).toBe(2);
  });

  test('no amphora gets nothing, and the next one voids the flows of the last', () => {
    set(MAC, false);
    send();
    set(null, false);
    expect(send()).toEqual({ verdict: 'drop_no_amphora', mac: null });
    set(MAC, false);
    expect(send().verdict).toBe('tx_previous');
    expect(generation()).toBe(3);
  });

  test('an amphora that is out of reach for a while keeps its flows', () => {
    set(MAC, false);
    send();
    set(null, true);
    expect(send().verdict).toBe('drop_no_amphora');
    set(MAC, true);
    expect(send()).toEqual({ verdict: 'tx_pinned', mac: MAC });
  });

  test('generations start again after 32767, without 0', () => {
    for (let amphora = 0; amphora < 0x7fff; amphora++) set(MAC, false);
    send();
    expect(generation()).toBe(0x7fff);
    set(MAC, false);
    send();
    expect(generation()).toBe(1);
  });
});

describe('movePositions', () => {
  const target = 4;

  test('keeps amphorae, generations and counters', () => {
    set(MAC, false);
    set(MAC, false);
    send();
    send();
    const counted = datapath.positionCounters(vip.positionBase);
    expect(counted).toMatchObject({ packets: 2, bytes: 2 * ack.length });

    datapath.movePositions({ from: vip.positionBase, to: target, count: 4 });
    expect(datapath.positionCounters(target)).toEqual(counted);

    datapath.putVip({ ...vip, positionBase: target });
    expect(send()).toEqual({ verdict: 'tx_pinned', mac: MAC });
    expect(generation()).toBe(2);
  });

  test('leaves the old range as it was, for packets on their way', () => {
    set(MAC, false);
    send();
    datapath.movePositions({ from: vip.positionBase, to: target, count: 4 });
    expect(send()).toEqual({ verdict: 'tx_pinned', mac: MAC });
    expect(datapath.positionCounters(target).packets).toBe(1);
  });

  test('of none moves none', () => {
    set(MAC, false);
    datapath.movePositions({ from: vip.positionBase, to: target, count: 0 });
    expect(datapath.positionCounters(target).packets).toBe(0);
  });
});
