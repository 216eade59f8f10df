// SPDX-License-Identifier: Apache-2.0
// A standby takes over a failed amphora's clients, and nobody else's.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Amphora } from '../support/amphora.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { kernelConnections } from '../support/kernel-connections.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';

const families = [4, 6] as const;
const connections = 200;
const clients = Array.from({ length: 500 }, (_, index) => 10_000 + index);

let bed: TestBed;
let distributor: TestDistributor;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 5 });
  const daemon = await DaemonProcess.start(bed);
  const amphorae = bed.amphorae.slice(0, 3);
  distributor = await TestDistributor.create(bed, daemon, { amphorae });
  await distributor.setWeights(new Map([['amphora-1', 3]]));
  for (const id of [4, 5])
    await distributor.register([bed.amphora(id)], { role: 'STANDBY', byAddress: id === 4 });
});
afterAll(() => bed.remove());
afterEach(() => bed.clients.forget({}));

/** Whom a new connection of each client reaches, by family and client. */
async function placement(): Promise<Map<string, string | null>> {
  const placed = new Map<string, string | null>();
  for (const family of families)
    for (const { client, amphora } of await bed.clients.probe({ family, clients }))
      placed.set(`IPv${family.toString()} client ${client.toString()}`, amphora);
  return placed;
}

interface TakeOver {
  readonly failed: Amphora;
  readonly successor: Amphora;
  readonly change: () => Promise<void>;
}

/** Under connections, of which those of the failed one are to be reset, and no others. */
async function expectTakeOver({ failed, successor, change }: TakeOver): Promise<void> {
  const before = await placement();
  for (const family of families)
    await bed.clients.openConnections({ family, count: connections, stallMs: 20_000 });
  const doomed = (await bed.clients.report({ amphora: failed.name })).length;
  expect(doomed).toBeGreaterThan(0);
  expect(await kernelConnections(successor, 'established')).toBe(0);
  await change();

  const expected = [...before].map(([client, amphora]) => [
    client,
    amphora === failed.name ? successor.name : amphora,
  ]);
  expect([...(await placement())]).toEqual(expected);
  // Their packets reach the successor, which knows nothing of them.
  const reports = await bed.clients.waitForExchange({ deadlineMs: 20_000 });
  const broken = reports.filter((report) => report.broken !== null);
  expect(new Set(broken.map(({ amphora }) => amphora))).toEqual(new Set([failed.name]));
  expect(new Set(broken.map((report) => report.broken))).toEqual(new Set(['reset']));
  expect(broken).toHaveLength(doomed);
}

describe('a standby', () => {
  test('gets nothing', async () => {
    expect(new Set((await placement()).values())).toEqual(
      new Set(['amphora-1', 'amphora-2', 'amphora-3']),
    );
    const { amphorae } = await distributor.stats();
    for (const name of ['amphora-4', 'amphora-5'])
      expect(amphorae.find(({ amphora_id }) => amphora_id === name)?.packets ?? 0).toBe(0);
  });

  test('takes the place and the weight of one that has failed', async () => {
    const failed = bed.amphora(1);
    await expectTakeOver({
      failed,
      successor: bed.amphora(4),
      change: () => distributor.failover(failed),
    });
    expect(await distributor.members()).toEqual([
      { id: 'amphora-4', state: 'ACTIVE', weight: 3, position: 0 },
      { id: 'amphora-2', state: 'ACTIVE', weight: 1, position: 1 },
      { id: 'amphora-3', state: 'ACTIVE', weight: 1, position: 2 },
      { id: 'amphora-5', state: 'STANDBY', weight: 1, position: null },
      { id: 'amphora-1', state: 'FAILED', weight: 3, position: null },
    ]);
  });

  test('changes nothing when the call is repeated', async () => {
    const before = await distributor.status();
    await distributor.failover(bed.amphora(1));
    expect((await distributor.status()).revision).toBe(before.revision);
  });

  test('is what a failed one becomes that is registered again, behind the others', async () => {
    await distributor.failover(bed.amphora(2));
    await distributor.register([bed.amphora(2)]);
    await distributor.register([bed.amphora(1)]);
    expect((await distributor.members()).slice(3)).toEqual([
      { id: 'amphora-2', state: 'STANDBY', weight: 1, position: null },
      { id: 'amphora-1', state: 'STANDBY', weight: 3, position: null },
    ]);
  });

  test('takes the place of one that is unregistered as failed', async () => {
    const failed = bed.amphora(3);
    await expectTakeOver({
      failed,
      successor: bed.amphora(2),
      change: () => distributor.unregister(failed, { failed: true }),
    });
    expect((await distributor.members()).map(({ id }) => id)).toEqual([
      ...['amphora-4', 'amphora-5', 'amphora-2'],
      'amphora-1',
    ]);
  });

  test('is needed: without one a failover is refused, and nothing changes', async () => {
    await distributor.unregister(bed.amphora(1));
    const before = await placement();
    await bed.clients.openConnections({ family: 4, count: connections });
    await expect(distributor.failover(bed.amphora(4))).rejects.toMatchObject({
      reason: 'NO_STANDBY',
    });
    expect(await placement()).toEqual(before);
    const reports = await bed.clients.waitForExchange();
    expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
  });
});
