// SPDX-License-Identifier: Apache-2.0
// Flows that fail, or whose process is killed, at each of their tasks.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OctaviaBed } from '../../support/octavia-bed.ts';
import type { FlowStore, OctaviaController, Verb } from '../../support/octavia-controller.ts';
import { waitUntil } from '../../support/wait-until.ts';

const steps: Readonly<Record<Verb, string>> = {
  create_distributor: 'plan record level-hosts',
  add_vip: 'find-attachment plan record level-hosts',
  register_amphorae: 'find-ports plan record level-hosts list',
  drain_amphorae: 'plan record level-hosts wait',
  unregister_amphorae: 'plan record level-hosts list',
  remove_vip: 'plan record level-hosts',
  delete_distributor: 'plan record level-hosts',
};
/** The tasks of each flow, so that none is missed below. */
function tasksOf(verb: Verb): readonly string[] {
  return steps[verb].split(' ').map((step) => `${verb.replaceAll('_', '-')}-${step}`);
}

/** A busy machine must not look like a broken connection. */
const stallMs = 30_000;

let octavia: OctaviaBed;
let controller: OctaviaController;
let distributor_id: string;
/** Another one, with nothing in it. */
let spare: string;

beforeAll(async () => {
  octavia = await OctaviaBed.create({ amphorae: 5 });
  controller = await octavia.startController();
  distributor_id = await octavia.createDistributor(controller, 2, 3, 4, 5);
  const load_balancer = { id: randomUUID(), name: 'spare' };
  const created = await controller.does('create_distributor', { load_balancer });
  spare = String(created['distributor_id']);
});
afterAll(() => octavia.remove());

/** What each verb would change. */
function changeOf(verb: Verb): FlowStore {
  const vip = { ...octavia.vip(4), ip_address: '10.20.0.101' };
  const settings = { vip_alg: null, vip_persistence: 'SOURCE_IP_AND_PORT' };
  return {
    create_distributor: { load_balancer: { id: randomUUID(), name: 'other' } },
    add_vip: { distributor_id, vip, ...settings },
    register_amphorae: { distributor_id, amphorae: octavia.amphorae(1) },
    drain_amphorae: { distributor_id, amphorae: octavia.amphorae(3) },
    unregister_amphorae: { distributor_id, amphorae: octavia.amphorae(3) },
    remove_vip: { distributor_id, vip: octavia.vip(6) },
    delete_distributor: { distributor_id: spare },
  }[verb];
}

/** A flow in a database of its own. */
function keep(flow: Verb, store: FlowStore) {
  const database = `sqlite:///${octavia.rack.directory}/flow-${randomUUID()}.db`;
  return { flow, store, database, uuid: randomUUID() };
}

test.each(Object.keys(steps) as Verb[])(
  'a failure after any task of %s is undone',
  async (flow) => {
    const tasks = await controller.tasksOf(flow);
    expect(tasks).toEqual(tasksOf(flow));
    const before = await octavia.states();
    for (const failAfter of tasks) {
      const result = await controller.run({ flow, store: changeOf(flow), failAfter });
      expect(result, failAfter).toMatchObject({ state: 'REVERTED', error: { class: 'Injected' } });
      expect(await octavia.states(), failAfter).toEqual(before);
    }
  },
);

test('a drain that is not over at its deadline is taken back', async () => {
  const { clients } = octavia.host(0).bed;
  await clients.openConnections({ family: 4, count: 50, intervalMs: 500, stallMs });
  const before = await octavia.states();
  const hasty = await octavia.startController({ drain_deadline: 2 });
  const store = { distributor_id, amphorae: octavia.amphorae(2) };
  const { error, state } = await hasty.run({ flow: 'drain_amphorae', store });
  expect(error).toMatchObject({ class: 'DrainDeadlinePassed', value: 'amphora-2' });
  expect(state).toBe('REVERTED');
  expect(await octavia.states()).toEqual(before);

  // And again, with the process killed while it does so.
  const kept = keep('drain_amphorae', store);
  expect(await hasty.persist(kept, ['drain-amphorae-level-hosts', 'REVERTING'])).toBeNull();
  expect(await octavia.states()).not.toEqual(before);
  expect(await controller.resume(kept)).toMatchObject({ state: 'REVERTED' });
  expect(await octavia.states()).toEqual(before);
  await clients.forget({});
});

test('a drain is taken back though another flow changed the distributor meanwhile', async () => {
  const { clients } = octavia.host(0).bed;
  await clients.openConnections({ family: 4, count: 50, intervalMs: 500, stallMs });
  const hasty = await octavia.startController({ drain_deadline: 4 });
  const draining = hasty.run({
    flow: 'drain_amphorae',
    store: { distributor_id, amphorae: octavia.amphorae(2) },
  });
  await waitUntil('the drain', () => hasty.log.includes('amphora amphora-2: draining'));
  const other = changeOf('register_amphorae');
  const { registered_amphorae } = await controller.does('register_amphorae', other);
  expect(registered_amphorae).toMatchObject([
    { id: 'amphora-2', state: 'DRAINING' },
    {},
    {},
    {},
    {},
  ]);
  expect(await draining).toMatchObject({
    state: 'REVERTED',
    error: { class: 'DrainDeadlinePassed' },
  });
  const list = await controller.does('register_amphorae', other);
  const active = [2, 3, 4, 5, 1].map((id) => ({ id: `amphora-${id}`, state: 'ACTIVE' }));
  expect(list['registered_amphorae']).toMatchObject(active);
  for (const { daemon } of octavia.hosts) {
    const { amphorae } = await daemon.client.call('GetDistributor', { distributor_id });
    expect(amphorae.map(({ state }) => state)).toEqual(Array(5).fill('AMPHORA_STATE_ACTIVE'));
  }
  await clients.forget({});
  await controller.does('unregister_amphorae', other);
});

// Those before change nothing.
test.each(tasksOf('register_amphorae').slice(2))(
  'a flow whose process is killed as %s begins is finished by another',
  async (task) => {
    const kept = keep('register_amphorae', changeOf('register_amphorae'));
    const doomed = await octavia.startController();
    expect(await doomed.persist(kept, [task, 'RUNNING'])).toBeNull();
    const { values, error } = await controller.resume(kept);
    expect(error).toBeUndefined();
    expect(values?.['registered_amphorae']).toHaveLength(5);
    const [here, there] = await octavia.states();
    expect(there).toEqual(here);
    expect(JSON.stringify(here)).toContain('"amphora-1"');
    await controller.does('unregister_amphorae', kept.store);
  },
);

test('one whose process is killed while it waits for the end of a drain, too', async () => {
  const { clients } = octavia.host(0).bed;
  await clients.openConnections({ family: 4, count: 100, intervalMs: 500, stallMs });
  const kept = keep('drain_amphorae', changeOf('drain_amphorae'));
  const doomed = await octavia.startController();
  const persisting = doomed.persist(kept);
  const isUnderWay = () => doomed.log.includes('amphora amphora-3: draining');
  await waitUntil('the drain', isUnderWay, { deadlineMs: 20_000 });
  await doomed.kill();
  expect(await persisting).toBeNull();
  const resuming = controller.resume(kept);
  expect((await clients.close({ amphora: 'amphora-3' })).length).toBeGreaterThan(0);
  const { values, error } = await resuming;
  expect(error).toBeUndefined();
  expect(values?.['drain_status']).toMatchObject([{ amphora_id: 'amphora-3', state: 'DRAINED' }]);
  const reports = await clients.waitForExchange({ deadlineMs: stallMs });
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
});
