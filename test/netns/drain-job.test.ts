// SPDX-License-Identifier: Apache-2.0
// What a drain says of an amphora's connections is what the amphora has, and it ends when they have.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { Amphora } from '../support/amphora.ts';
import type { OpenOptions } from '../support/client-protocol.ts';
import { countedConnections } from '../support/counted-connections.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { kernelConnections } from '../support/kernel-connections.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { waitUntil } from '../support/wait-until.ts';

const families = [4, 6] as const;
const idleMs = 8000;
const config = `
capacity: {vips: 64, slots: 262144, flows: 65536}
timeouts: {tcpIdleSeconds: ${(idleMs / 1000).toString()}, otherIdleSeconds: 4, learningWindowSeconds: 2}
`;
/** Silent for longer than the learning window. */
const seldomMs = 3000;
/** Silent for nearly as long as a connection may be. */
const rarelyMs = 6000;
const never = 3_600_000;
/** A frozen service, or a busy machine, must not look like a broken connection. */
const stallMs = 30_000;
const clients = Array.from({ length: 300 }, (_, index) => 10_000 + index);

let bed: TestBed;
let daemon: DaemonProcess;
let distributor: TestDistributor;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 5 });
  daemon = await DaemonProcess.start(bed, config);
});
afterAll(() => bed.remove());

/** Connections of either family. */
async function open(options: Omit<OpenOptions, 'family'>): Promise<void> {
  for (const family of families) await bed.clients.openConnections({ ...options, family, stallMs });
}

/** Clients with a connection to the amphora. */
async function clientsOf({ name }: Amphora): Promise<number[]> {
  const reports = await bed.clients.report({ amphora: name });
  return [...new Set(reports.filter(({ alive }) => alive).map(({ client }) => client))];
}

const counted = (amphora: Amphora) => countedConnections(distributor, amphora);

function timeOf(time: DrainStatus['deadline']): number {
  if (time === null) throw new RangeError('no time');
  return time.seconds * 1000 + time.nanos / 1_000_000;
}

/** Resolves when a connection that is not counted is none, and two counts more have been made. */
async function untilExact(amphora: Amphora): Promise<void> {
  await waitUntil(
    'every connection to be counted',
    async () => {
      const { exact_from } = await distributor.drainOf(amphora);
      return exact_from !== null && Date.now() > timeOf(exact_from) + 2000;
    },
    { deadlineMs: 3 * idleMs },
  );
}

/** Of all connections to the amphora leaves one, of those clients. */
async function leaveOne({ name }: Amphora, from: number, to: number): Promise<void> {
  const reports = await bed.clients.report({ amphora: name });
  const chosen = reports.find(({ client }) => client >= from && client < to);
  if (chosen === undefined) throw new Error(`no connection of these clients reached ${name}`);
  for (const { client, family } of reports)
    if (client !== chosen.client || family !== chosen.family)
      await bed.clients.forget({ amphora: name, family, clients: [client] });
}

/** New connections of either family, by the amphora that they reach. */
async function reached(): Promise<Set<string | null>> {
  const results = [];
  for (const family of families) results.push(...(await bed.clients.probe({ family, clients })));
  return new Set(results.map(({ amphora }) => amphora));
}

async function expectNoneBroken(): Promise<void> {
  const reports = await bed.clients.waitForExchange({ deadlineMs: stallMs });
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
}

describe('with flow entries only for what has changed', () => {
  beforeAll(async () => {
    distributor = await TestDistributor.create(bed, daemon);
  });
  afterAll(() => distributor.delete());
  afterEach(async () => {
    await bed.clients.forget({});
    await distributor.register(bed.amphorae);
  });

  test('keeps connections, and slots unsettled, while VIPs are unplugged for a moment', async () => {
    const amphora = bed.amphora(1);
    await open({ count: 100, intervalMs: 500 });
    await distributor.drain(amphora);
    await expectNoneBroken();
    const { unsettled_slots: before } = await distributor.status();
    const watch = distributor.watchDrain(amphora);
    const distributor_id = distributor.id;
    const vips = [bed.vip.ipv4, bed.vip.ipv6].map((address) => ({
      ...{ address, attachment: { interface: bed.distributorPort, port: 'interface' as const } },
    }));
    for (const vip of vips) await daemon.client.call('RemoveVip', { distributor_id, vip });
    // The daemon looks at drains and at slots in the same turn.
    await watch.until('looks without a VIP', () => watch.told.length >= 4);
    expect((await distributor.status()).unsettled_slots).toBe(before);
    for (const vip of vips) await daemon.client.call('AddVip', { distributor_id, vip });
    await expectNoneBroken();
  });

  test('is over when the last connection is, and counts what is left until then', async () => {
    const amphora = bed.amphora(1);
    await open({ count: 300, intervalMs: 500 });
    await open({ firstClient: 300, count: 40, intervalMs: seldomMs });
    await distributor.drain(amphora);
    const watch = distributor.watchDrain(amphora);
    await expectNoneBroken();
    expect((await counted(amphora)).tcp).toBeGreaterThan(50);
    expect(await reached()).not.toContain(amphora.name);

    const orderly = await clientsOf(amphora);
    const some = orderly.slice(0, orderly.length / 2);
    await bed.clients.close({ amphora: amphora.name, clients: some });
    const { tcp } = await counted(amphora);
    const abrupt = await clientsOf(amphora);
    await bed.clients.abort({ amphora: amphora.name, clients: abrupt.slice(0, abrupt.length / 2) });
    expect((await counted(amphora)).tcp).toBeLessThan(tcp);

    // Both directions are told apart: the client has closed its own, the service has not.
    const halfClosed = (await clientsOf(amphora)).slice(0, 10);
    amphora.pause();
    const closing = bed.clients.close({ amphora: amphora.name, clients: halfClosed });
    try {
      await waitUntil(
        'connections to be half closed',
        async () => (await counted(amphora)).closing > 0,
      );
    } finally {
      amphora.resume();
    }
    expect((await closing).filter(({ broken }) => broken !== null)).toEqual([]);
    expect((await counted(amphora)).closing).toBe(0);

    await untilExact(amphora);
    expect(watch.states).toEqual(['DRAIN_STATE_DRAINING']);
    expect((await counted(amphora)).tcp).toBeGreaterThan(0);

    await bed.clients.close({ amphora: amphora.name });
    const { remaining } = await watch.end();
    expect(watch.states).toEqual(['DRAIN_STATE_DRAINING', 'DRAIN_STATE_DRAINED']);
    expect(remaining).toMatchObject({ tcp: 0, closing: 0 });
    expect(await kernelConnections(amphora, 'established')).toBe(0);
    expect((await distributor.drainOf(amphora)).state).toBe('DRAIN_STATE_DRAINED');
    expect((await distributor.members())[0]?.state).toBe('DRAINING');
    await expectNoneBroken();
  });

  test('is not over while a connection says little, or only keeps itself alive', async () => {
    const silent = { amphora: bed.amphora(2), pace: { intervalMs: rarelyMs } };
    const idle = { amphora: bed.amphora(3), pace: { intervalMs: never, keepAliveMs: rarelyMs } };
    await open({ firstClient: 0, count: 50, ...silent.pace });
    await open({ firstClient: 50, count: 50, ...idle.pace });
    await leaveOne(silent.amphora, 0, 50);
    await leaveOne(idle.amphora, 50, 100);
    const jobs = [silent.amphora, idle.amphora];
    await distributor.drain(...jobs);
    const watches = jobs.map((amphora) => distributor.watchDrain(amphora));
    for (const amphora of jobs) await untilExact(amphora);
    for (const [index, amphora] of jobs.entries()) {
      expect(watches[index]?.states, amphora.name).toEqual(['DRAIN_STATE_DRAINING']);
      expect(await counted(amphora), amphora.name).toEqual({ tcp: 1, closing: 0 });
    }
    const reports = await bed.clients.close({});
    expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
    for (const watch of watches)
      expect((await watch.end({ deadlineMs: 2 * idleMs })).state).toBe('DRAIN_STATE_DRAINED');
  });

  test('passes at its deadline, and the amphora goes if that was asked', async () => {
    await open({ count: 100, intervalMs: 500 });
    const [kept, dropped] = [bed.amphora(3), bed.amphora(4)];
    const deadline = new Date(Date.now() + 2000);
    await distributor.drainUntil(kept, { deadline, then: 'DRAIN_END_KEEP' });
    await distributor.drainUntil(dropped, { deadline, then: 'DRAIN_END_UNREGISTER' });
    const watches = [kept, dropped].map((amphora) => distributor.watchDrain(amphora));
    for (const watch of watches) {
      const last = await watch.end();
      expect(last.state).toBe('DRAIN_STATE_DEADLINE_PASSED');
      expect(timeOf(last.deadline)).toBe(deadline.getTime());
      expect(timeOf(last.finished)).toBeGreaterThanOrEqual(deadline.getTime());
      expect(last.remaining?.tcp).toBeGreaterThan(0);
    }
    const members = await distributor.members();
    expect(members.find(({ id }) => id === kept.name)?.state).toBe('DRAINING');
    expect(members.map(({ id }) => id)).not.toContain(dropped.name);
    expect(await reached()).not.toContain(kept.name);
    const lost = await bed.clients.forget({ amphora: dropped.name });
    expect(lost.length).toBeGreaterThan(0);
    await expectNoneBroken();
  });

  test('is cancelled by registering the amphora again, and its connections go on', async () => {
    await open({ count: 100, intervalMs: 500 });
    const amphora = bed.amphora(5);
    await distributor.drain(amphora);
    const watch = distributor.watchDrain(amphora);
    await watch.until('connections are left', ({ remaining }) => (remaining?.tcp ?? 0) > 0);
    await distributor.register([amphora]);
    expect((await watch.end()).state).toBe('DRAIN_STATE_CANCELLED');
    expect(await reached()).toContain(amphora.name);
    await expectNoneBroken();
  });

  test('ends when the amphora is unregistered', async () => {
    const amphora = bed.amphora(5);
    await distributor.drain(amphora);
    const watch = distributor.watchDrain(amphora);
    await watch.until('it has begun', () => true);
    await distributor.unregister(amphora);
    expect((await watch.end()).state).toBe('DRAIN_STATE_UNREGISTERED');
  });
});

test('with an entry for every flow those that say nothing are counted, too', async () => {
  distributor = await TestDistributor.create(bed, daemon, { tracking: 'TRACKING_FULL' });
  const amphora = bed.amphora(1);
  // Says nothing after its greeting: all that it has is there before the drain begins.
  await open({ count: 100, intervalMs: never });
  await distributor.drain(amphora);
  const watch = distributor.watchDrain(amphora);
  expect((await counted(amphora)).tcp).toBeGreaterThan(0);
  await bed.clients.close({ amphora: amphora.name });
  // The VIP is young: connections from before it was plugged might be silent for two timeouts.
  expect((await watch.end({ deadlineMs: 4 * idleMs })).state).toBe('DRAIN_STATE_DRAINED');
});
