// SPDX-License-Identifier: Apache-2.0
// The life of a distributor that Octavia's engine drives on two hosts, under real traffic.
import { randomUUID } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OctaviaBed } from '../../support/octavia-bed.ts';
import type { OctaviaController } from '../../support/octavia-controller.ts';
import { waitUntil } from '../../support/wait-until.ts';

const families = [4, 6] as const;
/** A busy machine must not look like a broken connection. */
const stallMs = 30_000;

let octavia: OctaviaBed;
let controller: OctaviaController;
let distributor_id: string;
/** Where the first four amphorae's clients are. */
let original: ReadonlyMap<string, string | null>;

beforeAll(async () => {
  octavia = await OctaviaBed.create({ amphorae: 5 });
  controller = await octavia.startController();
});
afterAll(() => octavia.remove());

const namesOf = (ids: readonly number[]) => new Set(ids.map((id) => `amphora-${id}`));

test('a distributor is made, both VIPs and four amphorae; all hosts place clients alike', async () => {
  const load_balancer = { id: randomUUID(), name: 'shop' };
  const created = await controller.does('create_distributor', { load_balancer }, true);
  distributor_id = String(created['distributor_id']);
  for (const family of families) {
    const store = { vip: octavia.vip(family), vip_alg: null, vip_persistence: null };
    await controller.does('add_vip', { distributor_id, ...store }, true);
  }
  const store = { distributor_id, amphorae: octavia.amphorae(1, 2, 3, 4) };
  const { registered_amphorae } = await controller.does('register_amphorae', store, true);
  expect(registered_amphorae).toMatchObject(
    [0, 1, 2, 3].map((position) => ({ id: `amphora-${position + 1}`, position, state: 'ACTIVE' })),
  );
  const [here, there] = await octavia.placements();
  expect(new Set(here?.values())).toEqual(namesOf([1, 2, 3, 4]));
  expect(there).toEqual(here);
  original = here ?? new Map<string, string | null>();
  const [a, b] = await octavia.states();
  expect(a).toEqual(b);
});

test('one drains under 500 connections; none breaks', async () => {
  const { bed } = octavia.host(0);
  for (const family of families)
    await bed.clients.openConnections({ family, count: 250, intervalMs: 500, stallMs });
  const store = { distributor_id, amphorae: octavia.amphorae(1) };
  const draining = controller.does('drain_amphorae', store);
  const progress = /amphora amphora-1: draining, (\d+) connections left/g;
  const isUnderWay = () =>
    [...controller.log.matchAll(progress)].some(([, left]) => Number(left) > 50);
  await waitUntil('the drain to be under way', isUnderWay, { deadlineMs: 20_000 });
  const [here] = await octavia.placements();
  expect(new Set(here?.values())).toEqual(namesOf([2, 3, 4]));
  const reports = await bed.clients.waitForExchange({ deadlineMs: stallMs });
  expect(reports).toHaveLength(500);
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
  const closed = await bed.clients.close({ amphora: 'amphora-1' });
  expect(closed.length).toBeGreaterThan(50);
  const { drain_status } = await draining;
  expect(drain_status).toMatchObject([{ amphora_id: 'amphora-1', state: 'DRAINED', remaining: 0 }]);
});

test('a replacement takes the position of one that is unregistered, and nobody else moves', async () => {
  const unregistered = { distributor_id, amphorae: octavia.amphorae(1) };
  const { remaining_amphorae } = await controller.does('unregister_amphorae', unregistered);
  expect(remaining_amphorae).toMatchObject([2, 3, 4].map((id) => ({ id: `amphora-${id}` })));
  const store = { distributor_id, amphorae: octavia.amphorae(5) };
  const { registered_amphorae } = await controller.does('register_amphorae', store);
  expect(registered_amphorae).toMatchObject(
    [5, 2, 3, 4].map((id, position) => ({ id: `amphora-${id}`, position })),
  );
  const expected = [...original].map(([client, amphora]) => [
    client,
    amphora === 'amphora-1' ? 'amphora-5' : amphora,
  ]);
  for (const placed of await octavia.placements()) expect([...placed]).toEqual(expected);
  const reports = await octavia.host(0).bed.clients.waitForExchange({ deadlineMs: stallMs });
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
});

test("the daemon's heartbeat is taken by Octavia's health manager", async () => {
  const key = 'heartbeat key';
  const keyFile = join(octavia.rack.directory, 'heartbeat.key');
  writeFileSync(keyFile, `${key}\n`);
  chmodSync(keyFile, 0o644);
  const id = randomUUID();
  const address = octavia.network.controllerAddress(0);
  const port = await controller.listen(address, key);
  const controllers = `controllers: ["${address}:${port}"]`;
  await octavia
    .host(0)
    .reload(`heartbeat: {id: ${id}, ${controllers}, keyFile: ${keyFile}, intervalSeconds: 1}\n`);
  for (const seq of [0, 1]) {
    const { message, source } = await controller.hear();
    expect(message).toMatchObject({ id, seq, ver: 3, listeners: {}, pools: {}, distributors: 1 });
    expect(source).toBe(octavia.network.addressOf(0));
  }
  expect(octavia.host(0).daemon.log).not.toContain(key);
  await octavia.host(0).reload('');
});

test("Octavia's no-op network driver does, where hosts know interfaces and resolve amphorae", async () => {
  const settings = { interface_mappings: '*:fe0', amphora_macs: 'resolve' };
  const noop = await octavia.startController(settings);
  await noop.setNetwork({});
  const load_balancer = { id: randomUUID(), name: 'no-op' };
  const created = await noop.does('create_distributor', { load_balancer });
  const store = { distributor_id: String(created['distributor_id']) };
  const vip = { ...octavia.vip(4), ip_address: '10.20.0.103' };
  await noop.does('add_vip', { ...store, vip, vip_alg: 'CONSISTENT_HASH', vip_persistence: null });
  const [amphora] = octavia.amphorae(1);
  await noop.does('register_amphorae', { ...store, amphorae: [{ ...amphora, id: 'no-op-1' }] });
  await waitUntil('the amphora to be resolved', async () => {
    const { amphorae } = await octavia.host(0).daemon.client.call('GetDistributor', store);
    return amphorae.every(({ resolved }) => resolved);
  });
  await noop.does('remove_vip', { ...store, vip });
  await noop.does('delete_distributor', store);
  await noop.kill();
});

test('VIPs are removed and the distributor is deleted; nothing is left of either', async () => {
  for (const family of families)
    await controller.does('remove_vip', { distributor_id, vip: octavia.vip(family) }, true);
  await controller.does('delete_distributor', { distributor_id });
  expect(await octavia.states()).toEqual([[], []]);
  const store = { distributor_id, vip: octavia.vip(4) };
  const { error } = await controller.run({ flow: 'remove_vip', store });
  expect(error?.class).toBe('DistributorNotFound');
  await controller.does('delete_distributor', { distributor_id });
});
