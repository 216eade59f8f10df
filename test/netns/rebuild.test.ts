// SPDX-License-Identifier: Apache-2.0
// A distributor that is built again, here or on another host, sends every client where it was.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';

const families = [4, 6] as const;
const clients = Array.from({ length: 1000 }, (_, client) => client);

let bed: TestBed;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 6 });
});
afterAll(() => bed.remove());

async function placement(): Promise<Map<string, string | null>> {
  const placed = new Map<string, string | null>();
  for (const family of families)
    for (const { client, amphora } of await bed.clients.probe({ family, clients }))
      placed.set(`IPv${family.toString()} client ${client.toString()}`, amphora);
  return placed;
}

test('the same id, positions and weights make the same table', async () => {
  const daemon = await DaemonProcess.start(bed);
  const original = await TestDistributor.create(bed, daemon, {
    amphorae: bed.amphorae.slice(0, 4),
  });
  // A past that a second one does not have: holes, a successor, a drain, weights.
  await original.unregister(bed.amphora(2));
  await original.register([bed.amphora(5)], { weight: 3 });
  await original.register([bed.amphora(6)], { role: 'STANDBY' });
  await original.failover(bed.amphora(1));
  await original.setWeights(new Map([['amphora-4', 5]]));
  await original.drain(bed.amphora(3));
  const before = await placement();
  const members = await original.members();
  expect(new Set(before.values())).toEqual(new Set(['amphora-6', 'amphora-4', 'amphora-5']));
  expect(await daemon.stop()).toBe(0);
  await daemon.ctl('teardown', '--config', daemon.configPath, '--purge');

  const second = await DaemonProcess.start(bed);
  const rebuilt = await TestDistributor.create(bed, second, { id: original.id, amphorae: [] });
  expect(rebuilt.id).toBe(original.id);
  const placed = members.filter(({ position }) => position !== null);
  for (const { id, position, weight, state } of placed.toReversed())
    await rebuilt.register([bed.amphora(id)], {
      weight: state === 'DRAINING' ? 0 : weight,
      ...(position === null ? {} : { position }),
    });
  expect([...(await placement())]).toEqual([...before]);
  const statesOf = async (distributor: TestDistributor) =>
    (await distributor.members()).map(({ id, state, position }) => ({ id, state, position }));
  expect(await statesOf(rebuilt)).toEqual(
    placed.map(({ id, state, position }) => ({ id, state, position })),
  );
});
