// SPDX-License-Identifier: Apache-2.0
// Octavia's engine and data models drive two daemons by the Python driver, under real traffic.
import { randomUUID } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../support/certificates.ts';
import { OctaviaBed, type OctaviaHost } from '../support/octavia-bed.ts';
import type {
  FlowError,
  FlowStore,
  OctaviaController,
  Verb,
} from '../support/octavia-controller.ts';
import { waitUntil } from '../support/wait-until.ts';

const config = `
capacity: {vips: 64, slots: 262144, flows: 65536}
timeouts: {tcpIdleSeconds: 4, otherIdleSeconds: 2, learningWindowSeconds: 1}
`;
const families = [4, 6] as const;
const clients = Array.from({ length: 300 }, (_, index) => 10_000 + index);
/** A busy machine must not look like a broken connection. */
const stallMs = 30_000;
const load_balancer = { id: randomUUID(), name: 'shop' };

/** The tasks of each flow, so that none is missed below. */
const verbTasks: Readonly<Record<Verb, readonly string[]>> = {
  create_distributor: ['plan', 'record', 'level-hosts'].map((step) => `create-distributor-${step}`),
  add_vip: ['find-attachment', 'plan', 'record', 'level-hosts'].map((step) => `add-vip-${step}`),
  register_amphorae: ['find-ports', 'plan', 'record', 'level-hosts', 'list'].map(
    (step) => `register-amphorae-${step}`,
  ),
  drain_amphorae: ['plan', 'record', 'level-hosts', 'wait'].map((step) => `drain-amphorae-${step}`),
  unregister_amphorae: ['plan', 'record', 'level-hosts', 'list'].map(
    (step) => `unregister-amphorae-${step}`,
  ),
  remove_vip: ['plan', 'record', 'level-hosts'].map((step) => `remove-vip-${step}`),
  delete_distributor: ['plan', 'record', 'level-hosts'].map((step) => `delete-distributor-${step}`),
};

let octavia: OctaviaBed;
let controller: OctaviaController;
let distributor_id: string;
/** Where the first four amphorae's clients are. */
let original: Map<string, string | null>;

beforeAll(async () => {
  octavia = await OctaviaBed.create({ amphorae: 5, config });
  controller = await octavia.startController();
});
afterAll(() => octavia.remove());

/** The host at that index. */
function host(index: number): OctaviaHost {
  return octavia.hosts[index] ?? expect.fail(`no host ${index}`);
}

const states = () => Promise.all(octavia.hosts.map((each) => each.state()));

const first = (count: number) =>
  octavia.rack.amphorae.slice(0, count).map((port) => octavia.amphora(port));
const one = (id: number) => [octavia.amphora(octavia.rack.amphora(id))];

/** Whom a new connection of each client reaches at each host, by family and client. */
async function placements(): Promise<Map<string, string | null>[]> {
  return Promise.all(
    octavia.hosts.map(async ({ bed }) => {
      const placed = new Map<string, string | null>();
      for (const family of families)
        for (const { client, amphora } of await bed.clients.probe({ family, clients }))
          placed.set(`IPv${family} client ${client}`, amphora);
      return placed;
    }),
  );
}

const namesOf = (ids: readonly number[]) => new Set(ids.map((id) => `amphora-${id}`));

test('a distributor is made, both VIPs and four amphorae; all hosts place clients alike', async () => {
  const created = await controller.does('create_distributor', { load_balancer }, true);
  distributor_id = String(created['distributor_id']);
  for (const family of families) {
    const store = { vip: octavia.vip(family), vip_alg: null, vip_persistence: null };
    await controller.does('add_vip', { distributor_id, ...store }, true);
  }
  const { registered_amphorae } = await controller.does(
    'register_amphorae',
    { distributor_id, amphorae: first(4) },
    true,
  );
  expect(registered_amphorae).toMatchObject(
    [0, 1, 2, 3].map((position) => ({ id: `amphora-${position + 1}`, position, state: 'ACTIVE' })),
  );
  const [here, there] = await placements();
  expect(new Set(here?.values())).toEqual(namesOf([1, 2, 3, 4]));
  expect(there).toEqual(here);
  original = here ?? new Map<string, string | null>();
  const [a, b] = await states();
  expect(a).toEqual(b);
});

test('one drains under 500 connections; none breaks', async () => {
  const { bed } = host(0);
  for (const family of families)
    await bed.clients.openConnections({ family, count: 250, intervalMs: 500, stallMs });
  const draining = controller.does('drain_amphorae', { distributor_id, amphorae: one(1) });
  const leaving = { amphora: 'amphora-1' };
  const progress = /amphora amphora-1: draining, (\d+) connections left/g;
  const isUnderWay = () =>
    [...controller.log.matchAll(progress)].some(([, left]) => Number(left) > 50);
  await waitUntil('the drain to be under way', isUnderWay, { deadlineMs: 20_000 });
  const [here] = await placements();
  expect(new Set(here?.values())).toEqual(namesOf([2, 3, 4]));
  const reports = await bed.clients.waitForExchange({ deadlineMs: stallMs });
  expect(reports).toHaveLength(500);
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
  const closed = await bed.clients.close(leaving);
  expect(closed.length).toBeGreaterThan(50);
  const { drain_status } = await draining;
  expect(drain_status).toMatchObject([{ amphora_id: 'amphora-1', state: 'DRAINED', remaining: 0 }]);
});

test('a replacement takes the position of one that is unregistered, and nobody else moves', async () => {
  const { remaining_amphorae } = await controller.does('unregister_amphorae', {
    distributor_id,
    amphorae: one(1),
  });
  expect(remaining_amphorae).toMatchObject([2, 3, 4].map((id) => ({ id: `amphora-${id}` })));
  const store = { distributor_id, amphorae: one(5) };
  const { registered_amphorae } = await controller.does('register_amphorae', store);
  expect(registered_amphorae).toMatchObject(
    [5, 2, 3, 4].map((id, position) => ({ id: `amphora-${id}`, position })),
  );
  const expected = [...original].map(([client, amphora]) => [
    client,
    amphora === 'amphora-1' ? 'amphora-5' : amphora,
  ]);
  for (const placed of await placements()) expect([...placed]).toEqual(expected);
  const reports = await host(0).bed.clients.waitForExchange({ deadlineMs: stallMs });
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
});

describe('a failure', () => {
  beforeAll(() => host(0).bed.clients.forget({}));

  /** What each verb would change, given distributor, VIP v4 and amphorae as they are by now. */
  const changes = (): Record<Verb, FlowStore> => ({
    create_distributor: { load_balancer: { id: randomUUID(), name: 'other' } },
    add_vip: {
      distributor_id,
      vip: { ...octavia.vip(4), ip_address: '10.20.0.101' },
      vip_alg: null,
      vip_persistence: 'SOURCE_IP_AND_PORT',
    },
    register_amphorae: { distributor_id, amphorae: one(1) },
    // Its wait would be long: the deadline is short where the wait itself fails, below.
    drain_amphorae: { distributor_id, amphorae: one(3) },
    unregister_amphorae: { distributor_id, amphorae: one(3) },
    remove_vip: { distributor_id, vip: octavia.vip(6) },
    delete_distributor: { distributor_id: spare },
  });
  let spare: string;

  beforeAll(async () => {
    const created = await controller.does('create_distributor', {
      load_balancer: { id: randomUUID(), name: 'spare' },
    });
    spare = String(created['distributor_id']);
  });

  test.each(Object.keys(verbTasks) as Verb[])('after any task of %s is undone', async (flow) => {
    const tasks = await controller.tasksOf(flow);
    expect(tasks).toEqual(verbTasks[flow]);
    const before = await states();
    for (const failAfter of tasks) {
      const result = await controller.run({ flow, store: changes()[flow], failAfter });
      expect(result, failAfter).toMatchObject({ state: 'REVERTED', error: { class: 'Injected' } });
      expect(await states(), failAfter).toEqual(before);
    }
  });

  test('while a drain is waited for cancels it', async () => {
    const before = await states();
    await controller.kill();
    controller = await octavia.startController({ drain_deadline: 2 });
    const result = await controller.run({
      flow: 'drain_amphorae',
      store: { distributor_id, amphorae: one(2) },
    });
    expect(result.error).toMatchObject({ class: 'DrainDeadlinePassed', value: 'amphora-2' });
    expect(result.state).toBe('REVERTED');
    expect(await states()).toEqual(before);
    await controller.kill();
    controller = await octavia.startController();
  });
});

describe('what is refused', () => {
  interface Case {
    readonly what: string;
    readonly flow: Verb;
    /** Beside the distributor's id. Made when the bed is there. */
    readonly store: () => FlowStore;
    readonly error: Partial<FlowError>;
  }
  const vip = (changes: object, persistence: string | null = null) => ({
    vip: { ...octavia.vip(4), ip_address: '10.20.0.102', ...changes },
    ...{ vip_alg: null, vip_persistence: persistence },
  });
  const cases: readonly Case[] = [
    {
      what: 'an affinity that is not known',
      flow: 'add_vip',
      store: () => vip({}, 'ROUND_ROBIN'),
      error: {
        ...{ class: 'HostRefused', reason: 'UNKNOWN_AFFINITY', field: 'vip_persistence' },
        value: 'ROUND_ROBIN',
      },
    },
    {
      what: 'a VIP port without a MAC',
      flow: 'add_vip',
      store: () => vip({ port_id: 'port-without-mac' }),
      error: { class: 'MissingMac', field: 'vip.port_id', value: 'port-without-mac' },
    },
    {
      what: 'a port that no host has',
      flow: 'add_vip',
      store: () => vip({ port_id: 'port-of-amphora-1' }),
      error: {
        ...{ class: 'HostRefused', reason: 'PORT_NOT_FOUND', field: 'vip.attachment.mac' },
        value: '02:20:00:00:00:11',
      },
    },
    {
      what: 'a network with a larger MTU than the port',
      flow: 'add_vip',
      store: () => vip({ network_id: 'network-jumbo' }),
      error: { class: 'HostRefused', reason: 'PORT_MTU', field: 'vip.mtu', value: '9000' },
    },
    {
      what: 'an address that is none',
      flow: 'add_vip',
      store: () => vip({ ip_address: '10.20.0' }),
      error: { class: 'InvalidInput', field: 'vip.ip_address', value: '10.20.0' },
    },
    {
      what: 'a VIP that is there with other settings',
      flow: 'add_vip',
      store: () => vip(octavia.vip(4), 'SOURCE_IP_AND_PORT'),
      error: { class: 'VipConflicts', field: 'vip.vip_persistence' },
    },
    {
      what: 'an amphora without a MAC',
      flow: 'register_amphorae',
      store: () => ({
        amphorae: [{ id: 'a', vrrp_ip: '10.20.0.60', vrrp_port_id: 'port-without-mac' }],
      }),
      error: {
        ...{ class: 'MissingMac', field: 'amphorae[0].vrrp_port_id', value: 'port-without-mac' },
      },
    },
    {
      what: 'an amphora with the address of another',
      flow: 'register_amphorae',
      store: () => ({ amphorae: [{ ...one(1)[0], vrrp_ip: '10.20.0.12' }] }),
      error: { class: 'HostRefused', reason: 'ADDRESS_IN_USE', value: '10.20.0.12' },
    },
    {
      what: 'a weight beyond the limit',
      flow: 'register_amphorae',
      store: () => ({ amphorae: [{ ...one(1)[0], weight: 257 }] }),
      error: { class: 'HostRefused', reason: 'INVALID_WEIGHT', value: '257' },
    },
    {
      what: 'draining what is not registered',
      flow: 'drain_amphorae',
      store: () => ({ amphorae: one(1) }),
      error: { class: 'AmphoraNotFound', value: 'amphora-1' },
    },
    {
      what: 'draining all',
      flow: 'drain_amphorae',
      store: () => ({ amphorae: [2, 3, 4, 5].flatMap(one) }),
      error: { class: 'HostRefused', reason: 'LAST_AMPHORA' },
    },
    {
      what: 'a distributor that is not known',
      flow: 'register_amphorae',
      store: () => ({ distributor_id: randomUUID(), amphorae: one(1) }),
      error: { class: 'DistributorNotFound', field: 'distributor_id' },
    },
    {
      what: 'deleting one that has VIPs',
      flow: 'delete_distributor',
      store: () => ({}),
      error: { class: 'DistributorHasVips', field: 'distributor_id' },
    },
  ];
  test.each(cases)('$what: it is said why, and nothing changes', async ({ flow, store, error }) => {
    const before = await states();
    const result = await controller.run({ flow, store: { distributor_id, ...store() } });
    expect(result.error).toMatchObject(error);
    expect(result.state).toBe('REVERTED');
    expect(await states()).toEqual(before);
  });

  test('by one of the hosts: nothing of it is left on the other', async () => {
    const address = '10.20.0.104';
    const { client } = host(1).daemon;
    const other = await client.call('CreateDistributor', { load_balancer: { id: randomUUID() } });
    await client.call('AddVip', {
      distributor_id: other.distributor_id,
      vip: { address, attachment: { interface: 'fe0', port: 'interface' } },
    });
    const before = await states();
    const store = { distributor_id, ...vip({ ip_address: address }) };
    const { error, state } = await controller.run({ flow: 'add_vip', store });
    expect(error).toMatchObject({ class: 'HostRefused', reason: 'VIP_IN_USE', value: address });
    expect(error?.message).toContain(host(1).endpoint);
    expect(state).toBe('REVERTED');
    expect(await states()).toEqual(before);
    const { distributor_id: id } = other;
    await client.call('DeleteDistributor', { distributor_id: id, cascade: true });
  });

  test('by a host that is busy: likewise', async () => {
    const before = await states();
    await host(0).reload('limits: {maxConcurrentCalls: {overall: 1}}\n');
    const watch = host(0).daemon.client.stream('WatchDistributors', { after: 0 });
    const watching = watch[Symbol.asyncIterator]();
    await watching.next();
    const store = { distributor_id, amphorae: one(1) };
    const { error, state } = await controller.run({ flow: 'register_amphorae', store });
    expect(error).toMatchObject({ class: 'HostBusy', reason: 'TOO_MANY_CALLS' });
    expect(state).toBe('REVERTED');
    await watching.return(undefined);
    await host(0).reload('');
    expect(await states()).toEqual(before);
  });

  test.each(['another CA', 'another name', 'a CA of the host that is not known'])(
    'a certificate: %s',
    async (kind) => {
      const before = await states();
      const stranger = await CertificateAuthority.start('Another CA');
      try {
        const store = { distributor_id, amphorae: one(1) };
        const authority = kind === 'another name' ? octavia.authority : stranger;
        const { certificate, key } = await authority.issue('DNS:stranger.example');
        const own =
          kind === 'a CA of the host that is not known'
            ? { tls_ca: stranger.certificate }
            : { tls_certificate: certificate, tls_key: key };
        const other = await octavia.startController(own);
        const { error, state } = await other.run({ flow: 'register_amphorae', store });
        await other.kill();
        expect(error).toMatchObject(
          kind === 'another name'
            ? { class: 'HostRefused', reason: 'NO_ROLE' }
            : { class: 'CertificateRefused', reason: 'CERTIFICATE_REFUSED' },
        );
        expect(error?.message).toContain(host(0).endpoint);
        expect(state).toBe('REVERTED');
      } finally {
        await stranger.remove();
      }
      expect(await states()).toEqual(before);
    },
  );
});

describe('a host that is down', () => {
  test('is reported, and brought level by the next change, or by the command', async () => {
    await host(1).daemon.kill();
    await controller.does('register_amphorae', { distributor_id, amphorae: one(1) });
    await controller.does('remove_vip', { distributor_id, vip: octavia.vip(6) });
    expect(controller.log).toContain(`${host(1).endpoint} is behind with distributor`);
    await host(1).start();
    expect(await host(1).state()).not.toEqual(await host(0).state());

    expect(await octavia.sync(controller, '--check')).toMatchObject({
      status: 3,
      output: expect.stringContaining(`${distributor_id}: behind`) as string,
    });
    expect(await host(1).state()).not.toEqual(await host(0).state());
    expect((await octavia.sync(controller)).status).toBe(0);
    expect(await host(1).state()).toEqual(await host(0).state());
    expect(await octavia.sync(controller, '--check')).toMatchObject({ status: 0 });

    await host(0).daemon.kill();
    await controller.does('unregister_amphorae', { distributor_id, amphorae: one(1) });
    await host(0).start();
    const store = { vip: octavia.vip(6), vip_alg: null, vip_persistence: null };
    await controller.does('add_vip', { distributor_id, ...store });
    expect(await host(0).state()).toEqual(await host(1).state());
    const [here, there] = await placements();
    expect(there).toEqual(here);
  });

  test('is rid of what was deleted meanwhile, and is built again from nothing', async () => {
    const other = { load_balancer: { id: randomUUID(), name: 'other' } };
    const made = await controller.does('create_distributor', other);
    await host(1).daemon.kill();
    await controller.does('delete_distributor', { distributor_id: made['distributor_id'] });
    const again = await controller.does('create_distributor', other);
    expect(again).not.toEqual(made);
    await host(1).start();
    expect((await octavia.sync(controller)).status).toBe(0);
    expect(await host(1).state()).toEqual(await host(0).state());
    await controller.does('delete_distributor', { distributor_id: again['distributor_id'] });

    const [before] = await placements();
    for await (const id of idsOf(host(1)))
      await host(1).daemon.client.call('DeleteDistributor', { distributor_id: id, cascade: true });
    expect((await octavia.sync(controller)).status).toBe(0);
    const [here, there] = await placements();
    expect(here).toEqual(before);
    expect(there).toEqual(before);
  });

  test('is left out while it hangs, and is level afterwards', async () => {
    const hasty = await octavia.startController({ call_timeout: 1 });
    process.kill(host(1).daemon.pid, 'SIGSTOP');
    try {
      await hasty.does('register_amphorae', { distributor_id, amphorae: one(1) });
    } finally {
      process.kill(host(1).daemon.pid, 'SIGCONT');
    }
    expect(hasty.log).toContain(`${host(1).endpoint} is behind with distributor`);
    await hasty.kill();
    await controller.does('unregister_amphorae', { distributor_id, amphorae: one(1) });
    expect(await host(1).state()).toEqual(await host(0).state());
  });

  test('like all others fails the flow, and nothing is left of it', async () => {
    const before = await states();
    for (const each of octavia.hosts) await each.daemon.kill();
    const store = { distributor_id, amphorae: one(1) };
    const { error, state } = await controller.run({ flow: 'register_amphorae', store });
    expect(error?.class).toBe('NoHostReachable');
    for (const { endpoint } of octavia.hosts) expect(error?.message).toContain(endpoint);
    expect(state).toBe('REVERTED');
    for (const each of octavia.hosts) await each.start();
    expect(await states()).toEqual(before);
    expect(await octavia.sync(controller, '--check')).toMatchObject({ status: 0 });
  });
});

describe('a flow that is kept', () => {
  const keep = (flow: Verb, amphora: number) => ({
    flow,
    store: { distributor_id, amphorae: one(amphora) },
    database: `sqlite:///${octavia.rack.directory}/flow-${randomUUID()}.db`,
    uuid: randomUUID(),
  });

  test.each(verbTasks.register_amphorae)(
    'is finished by another process when its own was killed as %s began',
    async (task) => {
      const kept = keep('register_amphorae', 1);
      const doomed = await octavia.startController();
      expect(await doomed.persist(kept, [task, 'RUNNING'])).toBeNull();
      const { values, error } = await controller.resume(kept);
      expect(error).toBeUndefined();
      expect(values?.['registered_amphorae']).toHaveLength(5);
      const [here, there] = await states();
      expect(there).toEqual(here);
      expect(JSON.stringify(here)).toContain('"amphora-1"');
      await controller.does('unregister_amphorae', kept.store);
    },
  );

  test('is finished when its process was killed while it waited for the end of a drain', async () => {
    const { clients: connections } = host(0).bed;
    await connections.openConnections({ family: 4, count: 100, intervalMs: 500, stallMs });
    const kept = keep('drain_amphorae', 3);
    const doomed = await octavia.startController();
    const persisting = doomed.persist(kept);
    await waitUntil('the drain', () => doomed.log.includes('amphora amphora-3: draining'), {
      deadlineMs: 20_000,
    });
    await doomed.kill();
    expect(await persisting).toBeNull();
    const resuming = controller.resume(kept);
    const closed = await connections.close({ amphora: 'amphora-3' });
    expect(closed.length).toBeGreaterThan(0);
    const { values, error } = await resuming;
    expect(error).toBeUndefined();
    expect(values?.['drain_status']).toMatchObject([{ amphora_id: 'amphora-3', state: 'DRAINED' }]);
    const reports = await connections.waitForExchange({ deadlineMs: stallMs });
    expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
    await controller.does('register_amphorae', kept.store);
  });
});

test('a flow that is kept is undone by another process when its own was killed as it undid it', async () => {
  const before = await states();
  const kept = {
    flow: 'drain_amphorae' as const,
    store: { distributor_id, amphorae: one(4) },
    database: `sqlite:///${octavia.rack.directory}/flow-${randomUUID()}.db`,
    uuid: randomUUID(),
  };
  await host(0).bed.clients.openConnections({ family: 4, count: 50, intervalMs: 500, stallMs });
  const doomed = await octavia.startController({ drain_deadline: 2 });
  expect(await doomed.persist(kept, ['drain-amphorae-level-hosts', 'REVERTING'])).toBeNull();
  expect(await states()).not.toEqual(before);
  expect(await controller.resume(kept)).toMatchObject({ state: 'REVERTED' });
  expect(await states()).toEqual(before);
  await host(0).bed.clients.forget({});
});

test("Octavia's no-op network driver does, where hosts know interfaces and resolve amphorae", async () => {
  const noop = await octavia.startController({
    interface_mappings: '*:fe0',
    amphora_macs: 'resolve',
  });
  await noop.setNetwork({});
  const created = await noop.does('create_distributor', {
    load_balancer: { id: randomUUID(), name: 'no-op' },
  });
  const store = { distributor_id: created['distributor_id'] };
  const vip = { ...octavia.vip(4), ip_address: '10.20.0.103' };
  await noop.does('add_vip', { ...store, vip, vip_alg: 'CONSISTENT_HASH', vip_persistence: null });
  const [amphora] = one(1);
  await noop.does('register_amphorae', { ...store, amphorae: [{ ...amphora, id: 'no-op-1' }] });
  await waitUntil('the amphora to be resolved', async () => {
    const { amphorae } = await host(0).daemon.client.call('GetDistributor', {
      distributor_id: String(store.distributor_id),
    });
    return amphorae.every(({ resolved }) => resolved);
  });
  await noop.does('remove_vip', { ...store, vip });
  await noop.does('delete_distributor', store);
  await noop.kill();
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
  await host(0).reload(
    `heartbeat: {id: ${id}, ${controllers}, keyFile: ${keyFile}, intervalSeconds: 1}\n`,
  );
  for (const seq of [0, 1]) {
    const { message, source } = await controller.hear();
    expect(message).toMatchObject({ id, seq, ver: 3, listeners: {}, pools: {}, distributors: 2 });
    expect(source).toBe(octavia.network.addressOf(0));
  }
  expect(host(0).daemon.log).not.toContain(key);
  await host(0).reload('');
});

test('VIPs are removed and the distributor is deleted; nothing is left of either', async () => {
  for (const family of families)
    await controller.does('remove_vip', { distributor_id, vip: octavia.vip(family) }, true);
  await controller.does('delete_distributor', { distributor_id });
  for (const each of octavia.hosts)
    expect(JSON.stringify(await each.state())).not.toContain(distributor_id);
  const gone = await controller.run({
    flow: 'remove_vip',
    store: { distributor_id, vip: octavia.vip(4) },
  });
  expect(gone.error?.class).toBe('DistributorNotFound');
  await controller.does('delete_distributor', { distributor_id });
});

async function* idsOf({ daemon }: OctaviaHost): AsyncGenerator<string> {
  const { distributors } = await daemon.client.call('ListDistributors', {});
  for (const { id } of distributors) yield id;
}
