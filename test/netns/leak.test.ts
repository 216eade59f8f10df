// SPDX-License-Identifier: Apache-2.0
// Ten thousand times a VIP with its amphorae comes and goes: the daemon, and the kernel, are as
// they were.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { waitUntil } from '../support/wait-until.ts';

const CYCLES = 10_000;
const WARM_UP = 500;
/** At a time. */
const LANES = 8;
/** A heap of this size is collected often: what grows then is a leak. */
const SMALL_HEAP = '--max-semi-space-size=1 --max-old-space-size=96';
/** Less than 4 kB a cycle. */
const RSS_MARGIN = 32 * 2 ** 20;
const RESTARTS = 10;
const config = `
capacity: {vips: 64, slots: 65536, flows: 65536}
tables: {initialSlots: 256}
limits: {ratePerClient: {callsPerSecond: 1000000, burst: 1000000}}
log: {level: info}
`;

let bed: TestBed;
let daemon: DaemonProcess;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 1 });
  daemon = await DaemonProcess.start(bed, config, { environment: { NODE_OPTIONS: SMALL_HEAP } });
});
afterAll(() => bed.remove());

/** One distributor a lane. */
const distributors: string[] = [];

/** A VIP with two amphorae comes and goes. */
async function cycle(lane: number): Promise<void> {
  const { client } = daemon;
  const distributor_id = distributors[lane] ?? '';
  const number = ++started;
  const address = number % 2 === 0 ? `10.20.1.${lane.toString()}` : `fd00:20::1:${lane.toString()}`;
  const vip = {
    address,
    attachment: { interface: bed.distributorPort, port: 'interface' as const },
  };
  await client.call('AddVip', { distributor_id, vip });
  const names = ['one', 'two'].map((name) => `${lane.toString()}-${name}`);
  await client.call('RegisterAmphorae', {
    distributor_id,
    amphorae: names.map((id, index) => ({
      ...{ id, ip: `10.20.2.${(2 * lane + index).toString()}` },
      ...(index === 0 ? {} : { mac: '02:00:00:00:00:09' }), // the first one's is looked for
    })),
  });
  const [, drained = ''] = names;
  await client.call('DrainAmphorae', { distributor_id, amphora_ids: [drained], force: true });
  await client.call('UnregisterAmphorae', { distributor_id, amphora_ids: names });
  await client.call('RemoveVip', { distributor_id, vip: { address } });
}
let started = 0;

async function createAll(): Promise<void> {
  for (let lane = 0; lane < LANES; lane++) {
    const load_balancer = { id: randomUUID() };
    const created = await daemon.client.call('CreateDistributor', { load_balancer });
    distributors[lane] = created.distributor_id;
  }
}

async function deleteAll(): Promise<void> {
  for (const { id } of (await daemon.client.call('ListDistributors', {})).distributors)
    await daemon.client.call('DeleteDistributor', { distributor_id: id, cascade: true });
}

async function cycles(count: number): Promise<void> {
  let left = count;
  await createAll();
  const lanes = distributors.map(async (_, lane) => {
    while (left-- > 0) await cycle(lane);
  });
  await Promise.all(lanes);
  await deleteAll();
}

/** What the daemon holds, and what it has left in the kernel. */
async function holdings() {
  const inHost = (...argv: readonly string[]) => run(bed.namespaces.distributor, argv);
  const descriptors = readdirSync(`/proc/${daemon.pid.toString()}/fd`).length;
  const [set = ''] = readdirSync(bed.pins).filter((name) => name.startsWith('maps-'));
  const elements = ['tables', 'vips'].map((map) => {
    const argv = ['-j', 'map', 'dump', 'pinned', `${bed.pins}/${set}/${map}`];
    return (JSON.parse(execFileSync('bpftool', argv, { encoding: 'utf8' })) as unknown[]).length;
  });
  return {
    descriptors,
    elements,
    pins: [readdirSync(bed.pins).length, readdirSync(`${bed.pins}/${set}`).length],
    links: readdirSync(`${bed.pins}/ports`),
    groups: await inHost('ip', '-6', 'maddr', 'show', 'dev', 'fe0'),
    addresses: (await inHost('ip', '-6', 'address', 'show', 'dev', 'fe0')).match(/inet6 \S+/g),
    neighbours: (await inHost('ip', 'neigh', 'show')).match(/.*managed.*/g),
    xdp: (await inHost('ip', 'link', 'show', 'fe0')).includes('xdp'),
  };
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${daemon.pid.toString()}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

function kernelObjects(kind: 'map' | 'prog' | 'link'): number {
  const argv = ['-j', kind, 'show'];
  return (JSON.parse(execFileSync('bpftool', argv, { encoding: 'utf8' })) as unknown[]).length;
}

test(`${CYCLES.toString()} cycles leave nothing behind`, async () => {
  await cycles(WARM_UP);
  const before = await holdings();
  const rss = residentBytes();
  await cycles(CYCLES);
  expect(await holdings()).toEqual(before);
  process.stdout.write(
    `leak: RSS ${(rss / 2 ** 20).toFixed()} MiB before, ${(residentBytes() / 2 ** 20).toFixed()} MiB after\n`,
  );
  expect(residentBytes()).toBeLessThan(rss + RSS_MARGIN);
}, 600_000);

test('daemons that are killed, one after the other, leave what one leaves', async () => {
  const before = await holdings();
  const counts = () => (['map', 'prog', 'link'] as const).map(kernelObjects);
  const objects = counts();
  for (let restart = 0; restart < RESTARTS; restart++) {
    await createAll();
    const changes = cycle(1).catch(() => undefined);
    await daemon.killAfter(20 * restart);
    await changes;
    daemon = await DaemonProcess.start(bed, config);
  }
  await deleteAll();
  const { descriptors: _, ...after } = await holdings();
  expect(after).toEqual({ ...before, descriptors: undefined });
  // The kernel frees a program a moment after its last link has left it.
  await waitUntil('the kernel to have no more objects than before', () =>
    counts().every((count, index) => count <= (objects[index] ?? 0)),
  );
}, 120_000);
