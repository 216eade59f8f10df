// SPDX-License-Identifier: Apache-2.0
// Distributor hosts that are away while something changes.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OctaviaBed } from '../../support/octavia-bed.ts';
import type { OctaviaController } from '../../support/octavia-controller.ts';

let octavia: OctaviaBed;
let controller: OctaviaController;
let distributor_id: string;

beforeAll(async () => {
  octavia = await OctaviaBed.create({ amphorae: 3 });
  controller = await octavia.startController();
  distributor_id = await octavia.createDistributor(controller, 2, 3);
});
afterAll(() => octavia.remove());

async function expectAlike(): Promise<void> {
  const [here, there] = await octavia.states();
  expect(there).toEqual(here);
}

test('one that is down is reported, and brought level by the next change, or the command', async () => {
  const [up, down] = [octavia.host(0), octavia.host(1)];
  await down.daemon.kill();
  const store = { distributor_id, amphorae: octavia.amphorae(1) };
  await controller.does('register_amphorae', store);
  await controller.does('remove_vip', { distributor_id, vip: octavia.vip(6) });
  expect(controller.log).toContain(`${down.endpoint} is behind with distributor`);
  await down.start();
  const behind = await down.state();
  expect(behind).not.toEqual(await up.state());

  const check = await octavia.sync(controller, '--check');
  expect(check.output).toContain(`${distributor_id}: behind`);
  expect(check.status).toBe(3);
  expect(await down.state()).toEqual(behind);
  expect((await octavia.sync(controller)).status).toBe(0);
  await expectAlike();
  expect((await octavia.sync(controller, '--check')).status).toBe(0);

  await up.daemon.kill();
  await controller.does('unregister_amphorae', store);
  await up.start();
  const vip = { vip: octavia.vip(6), vip_alg: null, vip_persistence: null };
  await controller.does('add_vip', { distributor_id, ...vip });
  await expectAlike();
  const [here, there] = await octavia.placements();
  expect(there).toEqual(here);
});

test('it is rid of what was deleted meanwhile', async () => {
  const { daemon } = octavia.host(1);
  const other = { load_balancer: { id: randomUUID(), name: 'other' } };
  const made = await controller.does('create_distributor', other);
  await daemon.kill();
  await controller.does('delete_distributor', { distributor_id: made['distributor_id'] });
  const again = await controller.does('create_distributor', other);
  expect(again).not.toEqual(made);
  await octavia.host(1).start();
  expect((await octavia.sync(controller)).status).toBe(0);
  await expectAlike();
  await controller.does('delete_distributor', { distributor_id: again['distributor_id'] });
  await expectAlike();
});

test('one that has lost everything is built again, and sends all clients where they were', async () => {
  const { client } = octavia.host(1).daemon;
  const [before] = await octavia.placements();
  await client.call('DeleteDistributor', { distributor_id, cascade: true });
  expect(await octavia.host(1).state()).toEqual([]);
  expect((await octavia.sync(controller)).status).toBe(0);
  for (const placed of await octavia.placements()) expect(placed).toEqual(before);
});

test('one is built again as the others are, whatever was refused or undone before', async () => {
  const at = (position: number) => [{ ...octavia.amphorae(1)[0], position }];
  const flow = 'register_amphorae';
  const refused = await controller.run({ flow, store: { distributor_id, amphorae: at(5000) } });
  expect(refused.error).toMatchObject({ class: 'HostRefused', reason: 'INVALID_POSITION' });
  const grown = { distributor_id, amphorae: at(20) };
  const failAfter = 'register-amphorae-level-hosts';
  const undone = await controller.run({ flow, store: grown, failAfter });
  expect(undone.state).toBe('REVERTED');
  const { client } = octavia.host(1).daemon;
  await client.call('DeleteDistributor', { distributor_id, cascade: true });
  const { status, output } = await octavia.sync(controller);
  expect(status, output).toBe(0);
  const [here, there] = await octavia.states();
  expect(JSON.stringify(here)).toContain('"tableSize":8192');
  expect(there).toEqual(here);
});

test('flows and the command, both at once, leave hosts and record alike', async () => {
  const store = { distributor_id, amphorae: octavia.amphorae(1) };
  const syncs = { running: true };
  const syncing = Promise.all([octavia.sync(controller), octavia.sync(controller)]).finally(() => {
    syncs.running = false;
  });
  let rounds = 0;
  for (; rounds < 200 && (syncs.running || rounds < 10); rounds++) {
    await controller.does('register_amphorae', store);
    await controller.does('unregister_amphorae', store);
  }
  for (const { status, output } of await syncing) expect(status, output).toBe(0);
  await expectAlike();
  expect((await octavia.sync(controller, '--check')).status).toBe(0);
});

test('one that hangs is left out, and is level afterwards', async () => {
  const hasty = await octavia.startController({ call_timeout: 1 });
  const store = { distributor_id, amphorae: octavia.amphorae(1) };
  const { daemon, endpoint } = octavia.host(1);
  process.kill(daemon.pid, 'SIGSTOP');
  try {
    await hasty.does('register_amphorae', store);
  } finally {
    process.kill(daemon.pid, 'SIGCONT');
  }
  expect(hasty.log).toContain(`${endpoint} is behind with distributor`);
  await hasty.kill();
  await controller.does('unregister_amphorae', store);
  await expectAlike();
});

test('where none answers the flow fails, and nothing is left of it', async () => {
  const before = await octavia.states();
  for (const { daemon } of octavia.hosts) await daemon.kill();
  const store = { distributor_id, amphorae: octavia.amphorae(1) };
  const { error, state } = await controller.run({ flow: 'register_amphorae', store });
  expect(error?.class).toBe('NoHostReachable');
  for (const { endpoint } of octavia.hosts) expect(error?.message).toContain(endpoint);
  expect(state).toBe('REVERTED');
  for (const host of octavia.hosts) await host.start();
  expect(await octavia.states()).toEqual(before);
  expect((await octavia.sync(controller, '--check')).status).toBe(0);
});
