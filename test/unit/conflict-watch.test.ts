// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, test } from 'vitest';
import type { Vip } from '../../src/model/vip.ts';
import { ConflictWatch } from '../../src/reconcile/conflict-watch.ts';
import { MemoryDatapath } from './driver/memory-datapath.ts';

const second = 1_000_000_000n;
const distributorId = '6c4e4a1c-9a3f-4a8e-8d0a-3f4f3a0f5e11';
const vip: Vip = {
  ...{ address: '10.0.0.9', interface: 'eth0', vlanIds: [], subnet: null, gateway: null },
  ...{ affinity: 'SOURCE_IP', tracking: 'ADAPTIVE', tcpIdle: null, otherIdle: null },
};
const thief = '02:00:00:00:00:66';
const otherThief = '02:00:00:00:00:77';

let now: bigint;
let datapath: MemoryDatapath;
let events: { readonly event?: string; readonly mac?: string }[];
let watch: ConflictWatch;

beforeEach(() => {
  now = 1000n * second;
  datapath = new MemoryDatapath();
  events = [];
  const note = (fields: object) => void events.push(fields);
  const log = { debug() {}, info: note, warn: note, error: note };
  watch = new ConflictWatch(datapath, log, () => now);
});

function claim(mac: string): void {
  datapath.claims.push({ distributorId, vip, mac, at: now });
  watch.keepUp();
}

function later(seconds: number): void {
  now += BigInt(seconds) * second;
  watch.keepUp();
}

describe('a claim to a VIP', () => {
  test('names the claimant until nobody has claimed it for a minute', () => {
    expect(watch.claimant(distributorId, vip)).toBeNull();
    claim(thief);
    later(2);
    expect(watch.claimant(distributorId, vip)).toBe(thief);
    later(58);
    expect(watch.claimant(distributorId, vip)).toBe(thief);
    later(1);
    expect(watch.claimant(distributorId, vip)).toBeNull();
  });

  test('is an event when it begins, when another station makes it, and when it is over', () => {
    claim(thief);
    later(5);
    claim(thief);
    later(6);
    claim(otherThief);
    later(61);
    expect(events.map(({ event, mac }) => [event, mac])).toEqual([
      ['vip-conflict', thief],
      ['vip-conflict', otherThief],
      ['vip-conflict-over', otherThief],
    ]);
  });

  test('is nobody’s when another distributor has the VIP', () => {
    claim(thief);
    expect(watch.claimant('0f0f0f0f-9a3f-4a8e-8d0a-3f4f3a0f5e11', vip)).toBeNull();
  });

  test('with ever new MACs is an event once in ten seconds', () => {
    for (let second = 0; second < 25; second++) {
      claim(`02:00:00:00:00:${(16 + second).toString(16)}`);
      later(1);
    }
    expect(events).toHaveLength(3);
  });

  test('keeps the minute running anew with every claim', () => {
    claim(thief);
    later(50);
    claim(thief);
    later(50);
    expect(watch.claimant(distributorId, vip)).not.toBeNull();
  });

  test('is answered as often as the data path says it is due', () => {
    claim(thief);
    later(1);
    expect(datapath.defended).toEqual([vip.address, vip.address]);
  });

  test('does not end the watch when the announcement fails', () => {
    datapath.defend = () => {
      throw new Error('the port is down');
    };
    claim(thief);
    expect(watch.claimant(distributorId, vip)).toBe(thief);
    expect(events).toHaveLength(2);
  });
});
