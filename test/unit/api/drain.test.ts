// SPDX-License-Identifier: Apache-2.0
// The job of draining: what it says, and when and how it ends.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DrainAmphoraeRequest } from '../../../build/proto/distributor/v1/DrainAmphoraeRequest.ts';
import type { DrainStatus__Output as DrainStatus } from '../../../build/proto/distributor/v1/DrainStatus.ts';
import type { Vip } from '../../../build/proto/distributor/v1/Vip.ts';
import { ApiBed } from './api-bed.ts';

const idle = 900;
const some = { tcp: 3, udp: 2, sctp: 1, other: 1, closing: 4 };
const none = { tcp: 0, udp: 0, sctp: 0, other: 0, closing: 0 };

let bed: ApiBed;
let id: string;

/** A distributor with a VIP and amphorae a1 (position 0), to which packets went, and a2. */
beforeEach(async () => {
  bed = await ApiBed.start();
  const load_balancer = { id: '00000000-0000-4000-8000-000000000001' };
  id = (await bed.client.call('CreateDistributor', { load_balancer })).distributor_id;
  await register('a1', 'a2');
  bed.datapath.packetsTo.set(0, 100);
});
afterEach(() => bed.stop());

async function register(...names: readonly string[]): Promise<void> {
  await bed.client.call('RegisterAmphorae', {
    distributor_id: id,
    amphorae: names.map((name) => ({
      id: name,
      ip: `10.0.0.1${name.slice(1)}`,
      mac: `02:00:00:00:00:1${name.slice(1)}`,
    })),
  });
}

async function addVip(vip: Vip = {}): Promise<void> {
  const attachment = { interface: 'eth0', port: 'interface' } as const;
  const address = '10.0.0.100';
  await bed.client.call('AddVip', { distributor_id: id, vip: { address, attachment, ...vip } });
}

async function drain(request: DrainAmphoraeRequest = {}): Promise<DrainStatus> {
  const answer = await bed.client.call('DrainAmphorae', {
    ...{ distributor_id: id, amphora_ids: ['a1'] },
    ...request,
  });
  return answer.drains[0] as DrainStatus;
}

async function amphora(name: string) {
  const { amphorae } = await bed.client.call('GetDistributor', { distributor_id: id });
  return amphorae.find((candidate) => candidate.id === name);
}

async function stateOfDrain(): Promise<string | undefined> {
  return (await amphora('a1'))?.drain?.state;
}

const seconds = (time: number) => ({ seconds: time / 1000, nanos: 0 });

describe('a drain', () => {
  test('is answered at once with the job', async () => {
    await addVip();
    const deadline = bed.now + 60_000;
    expect(await drain({ deadline: seconds(deadline) })).toMatchObject({
      ...{ amphora_id: 'a1', state: 'DRAIN_STATE_DRAINING', then: 'DRAIN_END_KEEP' },
      ...{ started: seconds(bed.now), deadline: seconds(deadline), finished: null },
      remaining: null,
    });
  });

  test('counts what is left, and says until when that may miss silent connections', async () => {
    await addVip();
    await drain();
    bed.datapath.tallies.set(0, some);
    await bed.pass(1);
    const started = bed.now;
    bed.datapath.packetsTo.set(0, 130);
    await bed.pass(1);
    bed.datapath.packetsTo.set(0, 150);
    await bed.pass(1);
    await bed.pass(1);
    expect((await amphora('a1'))?.drain).toMatchObject({
      ...{ remaining: some, packets: 0, interval_ms: 1000, seconds_since_last_packet: 1 },
      ...{ exact_from: seconds(started + idle * 1000), inexact: false },
    });
  });

  test('ends when no connection is left, once every one of them must have been counted', async () => {
    await addVip();
    await drain();
    await bed.pass(idle);
    bed.datapath.packetsTo.set(0, 101); // somebody speaks still, and closes
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
    await bed.pass(2);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
    expect(await amphora('a1')).toMatchObject({ state: 'AMPHORA_STATE_DRAINING' });
  });

  test('goes on while a connection is left, however long', async () => {
    await addVip();
    await drain();
    bed.datapath.tallies.set(0, { ...none, closing: 1 });
    for (let round = 1; round <= 4; round++) {
      await bed.pass(idle);
      bed.datapath.packetsTo.set(0, 100 + round);
    }
    await bed.pass(1);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
    bed.datapath.tallies.set(0, none);
    await bed.pass(2);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
  });

  test('waits for the second packet of a connection whose first came late', async () => {
    await addVip();
    await drain();
    await bed.pass(idle - 10);
    bed.datapath.packetsTo.set(0, 101);
    bed.datapath.openingsTo.set(0, 1);
    await bed.pass(100);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
    bed.datapath.packetsTo.set(0, 102);
    bed.datapath.tallies.set(0, { ...none, tcp: 1 });
    await bed.pass(2);
    bed.datapath.tallies.set(0, none);
    await bed.pass(idle - 1);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
  });

  test.each<[string, Vip, number]>([
    ['with full tracking, once no flow of one packet is left', { tracking: 'TRACKING_FULL' }, 62],
    ['with stateless tracking, where none is kept', { tracking: 'TRACKING_STATELESS' }, 2],
    ['with the idle timeout of the VIP', { tcp_idle_seconds: 100 }, 102],
  ])('ends %s', async (_, vip, after) => {
    await addVip(vip);
    await drain();
    await bed.pass(after - 1);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
    await bed.pass(1);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
  });

  test('may miss connections from before the amphora was registered here', async () => {
    await addVip();
    bed.datapath.packetsTo.set(0, 0);
    bed.datapath.tenure = 10;
    await drain();
    await bed.pass(100);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
  });

  test.each(['TRACKING_ADAPTIVE', 'TRACKING_FULL'] as const)(
    'may miss connections from before the VIP was plugged again, %s',
    async (tracking) => {
      await addVip({ tracking });
      await drain();
      await bed.pass(30);
      bed.datapath.packetsTo.set(0, 101);
      const state = bed.datapath.vipStateNow;
      if (state !== null) bed.datapath.vipStateNow = { ...state, age: 1 };
      await bed.pass(800);
      bed.datapath.packetsTo.set(0, 102);
      await bed.pass(100);
      expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
    },
  );

  test('may miss connections that found no room before, with full tracking', async () => {
    await addVip({ tracking: 'TRACKING_FULL' });
    bed.datapath.unpinned = 50;
    await drain();
    await bed.pass(idle - 10);
    expect((await amphora('a1'))?.drain).toMatchObject({
      ...{ state: 'DRAIN_STATE_DRAINING', inexact: false },
    });
    await bed.pass(12);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
  });

  test('without any VIP waits as with one: it may be plugged again', async () => {
    await drain();
    await bed.pass(idle - 1);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
    await bed.pass(3);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
  });

  test('of an amphora that never got a packet ends at once', async () => {
    await addVip();
    bed.datapath.packetsTo.set(0, 0);
    await drain();
    await bed.pass(2);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
  });

  test('ends by silence alone where connections found no room in the flow table', async () => {
    await addVip();
    await drain();
    await bed.pass(1);
    bed.datapath.unpinned = 1;
    for (let round = 1; round <= 3; round++) {
      bed.datapath.packetsTo.set(0, 100 + round);
      await bed.pass(idle - 1);
    }
    expect((await amphora('a1'))?.drain).toMatchObject({
      ...{ state: 'DRAIN_STATE_DRAINING', inexact: true },
    });
    await bed.pass(3);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINED');
  });

  test('ends at its deadline', async () => {
    await addVip();
    await drain({ deadline: seconds(bed.now + 10_000) });
    bed.datapath.tallies.set(0, some);
    await bed.pass(9);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
    await bed.pass(1);
    expect((await amphora('a1'))?.drain).toMatchObject({
      ...{ state: 'DRAIN_STATE_DEADLINE_PASSED', finished: seconds(bed.now), remaining: some },
    });
  });

  test('ends at its deadline though the data path cannot follow', async () => {
    await addVip();
    bed.datapath.sweepFlows = () => Promise.reject(new Error('no such thing'));
    await drain({ deadline: seconds(bed.now + 2000) });
    await bed.pass(3);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DEADLINE_PASSED');
  });

  test.each([
    ['DRAINED', none, 'TRACKING_STATELESS'],
    ['DEADLINE_PASSED', some, 'TRACKING_ADAPTIVE'],
  ] as const)('that ends %s unregisters the amphora if asked', async (state, left, tracking) => {
    await addVip({ tracking });
    await drain({ then: 'DRAIN_END_UNREGISTER', deadline: seconds(bed.now + 5000) });
    bed.datapath.tallies.set(0, left);
    const drains = bed.client.stream('WatchDrain', { distributor_id: id, amphora_ids: ['a1'] });
    await bed.pass(6);
    expect(await amphora('a1')).toBeUndefined();
    let last: DrainStatus | undefined;
    for await (const response of drains) last = response.drains[0];
    expect(last).toMatchObject({ amphora_id: 'a1', state: `DRAIN_STATE_${state}` });
  });

  test('is joined by another call, which may set deadline and end', async () => {
    await addVip();
    const first = await drain();
    await bed.pass(5);
    const { revision } = await bed.client.call('GetDistributor', { distributor_id: id });
    expect(await drain()).toMatchObject({ started: first.started, deadline: null });
    const deadline = seconds(bed.now + 10_000);
    expect(await drain({ deadline, then: 'DRAIN_END_UNREGISTER' })).toMatchObject({
      ...{ started: first.started, deadline, then: 'DRAIN_END_UNREGISTER' },
    });
    expect(await drain()).toMatchObject({ deadline, then: 'DRAIN_END_UNREGISTER' });
    const after = await bed.client.call('GetDistributor', { distributor_id: id });
    expect(after.revision).toBe(revision + 1);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['registration', () => register('a1'), 'CANCELLED'],
    [
      'a weight',
      () =>
        bed.client.call('SetWeights', {
          distributor_id: id,
          weights: [{ amphora_id: 'a1', weight: 5 }],
        }),
      'CANCELLED',
    ],
    [
      'the amphora’s removal',
      () => bed.client.call('UnregisterAmphorae', { distributor_id: id, amphora_ids: ['a1'] }),
      'UNREGISTERED',
    ],
    [
      'the distributor’s deletion',
      () => bed.client.call('DeleteDistributor', { distributor_id: id, cascade: true }),
      'UNREGISTERED',
    ],
  ])('is ended by %s', async (_, end, state) => {
    await addVip();
    await drain();
    bed.datapath.tallies.set(0, some);
    await bed.pass(1);
    const states: string[] = [];
    const drains = bed.client.stream('WatchDrain', { distributor_id: id, amphora_ids: [] });
    for await (const response of drains) {
      const [{ state: now } = { state: 'none' }] = response.drains;
      states.push(now);
      if (states.length === 1) await end();
    }
    expect(states).toEqual(['DRAIN_STATE_DRAINING', `DRAIN_STATE_${state}`]);
  });

  test('by weight 0 is one like any other', async () => {
    await addVip();
    const weights = [{ amphora_id: 'a1', weight: 0 }];
    await bed.client.call('SetWeights', { distributor_id: id, weights });
    expect(await amphora('a1')).toMatchObject({
      ...{ state: 'AMPHORA_STATE_DRAINING', weight: 1, drain: { state: 'DRAIN_STATE_DRAINING' } },
    });
    await register('a1');
    expect(await amphora('a1')).toMatchObject({ state: 'AMPHORA_STATE_ACTIVE', weight: 1 });
  });

  test('of the last amphora that serves must be forced, though others have no MAC', async () => {
    await addVip();
    await bed.client.call('UnregisterAmphorae', { distributor_id: id, amphora_ids: ['a2'] });
    const amphorae = [{ id: 'a3', ip: '10.0.0.13' }];
    await bed.client.call('RegisterAmphorae', { distributor_id: id, amphorae });
    await expect(drain()).rejects.toMatchObject({ reason: 'LAST_AMPHORA', value: 'a1' });
    await drain({ amphora_ids: ['a3'] });
  });

  test('of the last active amphora must be forced', async () => {
    await addVip();
    await drain({ amphora_ids: ['a2'] });
    await expect(drain()).rejects.toMatchObject({ reason: 'LAST_AMPHORA' });
    await drain({ force: true });
    const { status, conditions } = await bed.client.call('GetDistributor', { distributor_id: id });
    expect(status).toBe('STATUS_DOWN');
    expect(conditions.map(({ type }) => type)).toEqual(['NO_AMPHORA']);
  });
});

describe('WatchDrain', () => {
  test('of a drain that was long over tells how it ended', async () => {
    await addVip({ tracking: 'TRACKING_STATELESS' });
    await drain();
    await bed.pass(3);
    const states: string[] = [];
    const drains = bed.client.stream('WatchDrain', { distributor_id: id, amphora_ids: ['a1'] });
    for await (const response of drains) states.push(response.drains[0]?.state ?? '');
    expect(states).toEqual(['DRAIN_STATE_DRAINED']);
  });

  test('of an amphora that does not drain is refused by name', async () => {
    const drains = bed.client.stream('WatchDrain', { distributor_id: id, amphora_ids: ['a2'] });
    await expect(drains[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      ...{ reason: 'DRAIN_NOT_FOUND', field: 'amphora_ids[0]', value: 'a2' },
    });
  });

  test('of a job that was cancelled tells so, though another has begun', async () => {
    await addVip();
    await drain();
    const states: string[] = [];
    const drains = bed.client.stream('WatchDrain', { distributor_id: id, amphora_ids: ['a1'] });
    for await (const response of drains) {
      states.push(response.drains[0]?.state ?? '');
      if (states.length > 1) continue;
      await register('a1');
      bed.clock++;
      await drain();
    }
    expect(states).toEqual(['DRAIN_STATE_DRAINING', 'DRAIN_STATE_CANCELLED']);
    expect(await stateOfDrain()).toBe('DRAIN_STATE_DRAINING');
  });
});
