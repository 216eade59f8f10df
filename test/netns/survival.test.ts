// SPDX-License-Identifier: Apache-2.0
// The data path outlives the daemon: whatever becomes of that, connections and packets go on.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DaemonProcess, smallMaps } from '../support/daemon-process.ts';
import { run, spawnIn } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { waitUntil } from '../support/wait-until.ts';

const families = [4, 6] as const;
const connections = 250;
/** Traffic goes on for so long while the daemon hangs. */
const hangMs = 30_000;
const clients = Array.from({ length: 100 }, (_, index) => 10_000 + index);

let bed: TestBed;
let daemon: DaemonProcess;
let distributor: TestDistributor;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 4 });
});
afterAll(() => bed.remove());

beforeEach(async () => {
  daemon = await DaemonProcess.start(bed);
  const amphorae = bed.amphorae.slice(0, 3);
  distributor = await TestDistributor.create(bed, daemon, { amphorae });
  for (const family of families)
    await bed.clients.openConnections({ family, count: connections, stallMs: 20_000 });
  // Most slots change their owner: flows have entries, and those without belong to `previous`.
  await distributor.drain(bed.amphora(1));
  await distributor.register([bed.amphora(4)]);
});
afterEach(async () => {
  await bed.clients.forget({});
  await distributor.delete();
  await daemon.stop();
});

async function expectNoneBroken(): Promise<void> {
  const reports = await bed.clients.waitForExchange({ deadlineMs: 20_000 });
  expect(reports).toHaveLength(2 * connections);
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
}

/** New connections, of which none goes to the draining amphora. */
async function expectNewOnes(): Promise<void> {
  for (const family of families) {
    const results = await bed.clients.probe({ family, clients });
    expect(results.filter(({ error }) => error !== null)).toEqual([]);
    expect(results.map(({ amphora }) => amphora)).not.toContain(bed.amphora(1).name);
  }
}

/** What the API tells of the distributor that does not depend on the daemon's own life. */
async function state() {
  const { amphorae, vips, revision } = await distributor.status();
  const members = amphorae.map(({ id, state, position, weight, mac, unsettled_slots }) => ({
    ...{ id, state, position, weight, mac, unsettled_slots },
  }));
  return { members, vips, revision };
}

async function restart(
  options: Parameters<typeof DaemonProcess.start>[2] = {},
  config = smallMaps,
) {
  daemon = await DaemonProcess.start(bed, config, options);
  distributor = distributor.at(daemon);
}

describe('connections and packets go on', () => {
  test('while the daemon is stopped, and after it has come back', async () => {
    const before = await state();
    expect(await daemon.stop()).toBe(0);
    await expectNewOnes();
    await expectNoneBroken();
    await restart();
    expect(daemon.log).toContain('kernel state adopted');
    expect(await state()).toEqual(before);
    await expectNoneBroken();
    await distributor.register([bed.amphora(1)]);
    await distributor.drain(bed.amphora(2));
    await expectNoneBroken();
  });

  test('while the daemon hangs', async () => {
    process.kill(daemon.pid, 'SIGSTOP');
    try {
      const end = performance.now() + hangMs;
      while (performance.now() < end) {
        await expectNewOnes();
        await expectNoneBroken();
      }
    } finally {
      process.kill(daemon.pid, 'SIGCONT');
    }
    await distributor.status();
    await expectNoneBroken();
  });

  test('when the daemon is replaced by one whose maps are laid out differently, and back', async () => {
    const before = await state();
    for (const build of ['next', 'this', 'next', 'this'] as const) {
      expect(await daemon.stop()).toBe(0);
      await restart({ build });
      expect(carriedBy(daemon)).toEqual(expect.arrayContaining(['flows', 'openings', 'vips']));
      expect(await state()).toEqual(before);
      await expectNoneBroken();
      await expectNewOnes();
    }
    await distributor.register([bed.amphora(1)]);
    await distributor.drain(bed.amphora(2));
    await expectNoneBroken();
  });

  test('when the stored state is lost, and imported again', async () => {
    const { members } = await state();
    const file = join(bed.directory, 'export.json');
    await daemon.ctl('state', 'export', '--output', file);
    expect(await daemon.stop()).toBe(0);
    rmSync(join(bed.directory, 'state'), { recursive: true });
    await restart();
    expect(daemon.log).toContain('the store is new');
    await expectNewOnes();
    await expectNoneBroken();
    await daemon.ctl('state', 'import', file);
    expect((await state()).members).toEqual(members);
    await expectNoneBroken();
    await distributor.register([bed.amphora(1)]);
    await distributor.drain(bed.amphora(2));
    await expectNoneBroken();
  });

  test('when capacities change', async () => {
    const before = await state();
    expect(await daemon.stop()).toBe(0);
    await restart({}, 'capacity: {vips: 100, slots: 524288, flows: 100000, fragments: 1000}\n');
    expect(carriedBy(daemon)).toEqual(expect.arrayContaining(['flows', 'slots', 'vips']));
    expect(await state()).toEqual(before);
    await expectNoneBroken();
    expect(await daemon.stop()).toBe(0);
    await expect(
      DaemonProcess.start(bed, 'capacity: {vips: 100, slots: 256}\ntables: {initialSlots: 256}\n'),
    ).rejects.toThrow(/capacity\.slots is 256, and places up to \d+ are in use/);
    await expectNoneBroken();
    await restart();
    await expectNoneBroken();
  });
});

/** The maps that a start has copied. */
function carriedBy({ log }: DaemonProcess): readonly string[] {
  const line = log.split('\n').find((each) => each.includes('kernel state adopted'));
  return (JSON.parse(line ?? '{}') as { carried?: string[] }).carried ?? [];
}

test('a second daemon on the same state directory, or the same pins, does not start', async () => {
  const { client } = bed.namespaces;
  await expect(DaemonProcess.start(bed, smallMaps, { namespace: client })).rejects.toThrow(
    'another distributord runs on its directory',
  );
  await expectNoneBroken();
});

test('pins that somebody removed are made again', async () => {
  for (const entry of readdirSync(bed.pins)) rmSync(join(bed.pins, entry), { recursive: true });
  await waitUntil('the pins to be back', () => daemon.log.includes('pins were missing'));
  await daemon.stop();
  await expectNoneBroken();
  daemon = await DaemonProcess.start(bed);
  distributor = distributor.at(daemon);
  expect(daemon.log).toContain('kernel state adopted');
  await expectNoneBroken();
});

test('who takes the name of the lock keeps no daemon from starting', async () => {
  await daemon.stop();
  const squat =
    'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("\\0distributord"); ' +
    's.listen(); print("has it", flush=True); time.sleep(600)';
  const squatter = spawnIn(
    bed.namespaces.distributor,
    ['setpriv', '--reuid=65534', '--clear-groups', '/usr/bin/python3', '-c', squat],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const began = squatter.stdout === null ? [] : [once(squatter.stdout, 'data')];
    await Promise.race([...began, once(squatter, 'exit')]);
    expect(squatter.exitCode).toBeNull();
    daemon = await DaemonProcess.start(bed);
    distributor = distributor.at(daemon);
    expect(daemon.log).toContain('held by a process that is no distributord');
    await expectNoneBroken();
  } finally {
    squatter.kill();
  }
});

test('teardown removes every trace, and refuses while a daemon runs', async () => {
  const inHost = (...argv: readonly string[]) => run(bed.namespaces.distributor, argv);
  const teardown = () => daemon.ctl('teardown', '--config', daemon.configPath, '--purge');
  await expect(teardown()).rejects.toThrow('another distributord runs');
  await daemon.stop();
  expect(await inHost('ip', 'link', 'show', 'fe0')).toContain('xdp');
  expect(await inHost('ip', '-6', 'maddr', 'show', 'dev', 'fe0')).toContain('ff02::1:ff00:100');
  const maps = pinnedIds(bed.pins);
  expect(maps.length).toBeGreaterThan(10);
  expect(await teardown()).toContain('removed: the program from 1 ports');
  expect(await inHost('ip', 'link', 'show', 'fe0')).not.toContain('xdp');
  expect(await inHost('ip', '-6', 'address', 'show', 'dev', 'fe0')).not.toContain('ff02::');
  expect(existsSync(bed.pins)).toBe(false);
  expect(readdirSync(bed.directory)).not.toContain('state');
  await waitUntil('the maps to be freed', () => {
    const left = JSON.parse(
      execFileSync('bpftool', ['-j', 'map', 'show'], { encoding: 'utf8' }),
    ) as { id: number }[];
    return !left.some(({ id }) => maps.includes(id));
  });
  await bed.clients.forget({});
  daemon = await DaemonProcess.start(bed);
  distributor = await TestDistributor.create(bed, daemon, {});
});

function pinnedIds(directory: string): number[] {
  const [set = ''] = readdirSync(directory).filter((name) => name.startsWith('maps-'));
  return readdirSync(`${directory}/${set}`).map((name) => {
    const argv = ['-j', 'map', 'show', 'pinned', `${directory}/${set}/${name}`];
    return (JSON.parse(execFileSync('bpftool', argv, { encoding: 'utf8' })) as { id: number }).id;
  });
}
