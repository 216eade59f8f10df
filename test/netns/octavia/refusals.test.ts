// SPDX-License-Identifier: Apache-2.0
// What is refused, by the driver or by a daemon: it is said why, and nothing changes.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CertificateAuthority } from '../../support/certificates.ts';
import { OctaviaBed } from '../../support/octavia-bed.ts';
import type {
  FlowError,
  FlowStore,
  OctaviaController,
  Verb,
} from '../../support/octavia-controller.ts';

let octavia: OctaviaBed;
let controller: OctaviaController;
let distributor_id: string;

beforeAll(async () => {
  octavia = await OctaviaBed.create({ amphorae: 3 });
  controller = await octavia.startController();
  distributor_id = await octavia.createDistributor(controller, 2, 3);
});
afterAll(() => octavia.remove());

interface Refusal {
  readonly flow: Verb;
  readonly store: FlowStore;
  readonly error: Partial<FlowError>;
}

async function expectRefused({ flow, store, error }: Refusal, by = controller): Promise<string> {
  const before = await octavia.states();
  const result = await by.run({ flow, store: { distributor_id, ...store } });
  expect(result.error).toMatchObject(error);
  expect(result.state).toBe('REVERTED');
  expect(await octavia.states()).toEqual(before);
  return result.error?.message ?? '';
}

/** A VIP that would do, but for the changes. */
function vip(changes: object, vip_persistence: string | null = null): FlowStore {
  const address = { ip_address: '10.20.0.102' };
  return { vip: { ...octavia.vip(4), ...address, ...changes }, vip_alg: null, vip_persistence };
}

/** Amphora 1, which would do, but for the changes. */
function amphora(changes: object): FlowStore {
  return { amphorae: [{ ...octavia.amphorae(1)[0], ...changes }] };
}

type Case = readonly [string, Verb, { store: () => FlowStore; error: Partial<FlowError> }];

const cases: readonly Case[] = [
  [
    'an affinity that is not known',
    'add_vip',
    {
      store: () => vip({}, 'ROUND_ROBIN'),
      error: {
        ...{ class: 'HostRefused', reason: 'UNKNOWN_AFFINITY', field: 'vip_persistence' },
        value: 'ROUND_ROBIN',
      },
    },
  ],
  [
    'a VIP port without a MAC',
    'add_vip',
    {
      store: () => vip({ port_id: 'port-without-mac' }),
      error: { class: 'MissingMac', field: 'vip.port_id', value: 'port-without-mac' },
    },
  ],
  [
    'a port that no host has',
    'add_vip',
    {
      store: () => vip({ port_id: 'port-of-amphora-1' }),
      error: {
        ...{ class: 'HostRefused', reason: 'PORT_NOT_FOUND', field: 'vip.attachment.mac' },
        value: '02:20:00:00:00:11',
      },
    },
  ],
  [
    'a network with a larger MTU than the port',
    'add_vip',
    {
      store: () => vip({ network_id: 'network-jumbo' }),
      error: { class: 'HostRefused', reason: 'PORT_MTU', field: 'vip.mtu', value: '9000' },
    },
  ],
  [
    'an address that is none',
    'add_vip',
    {
      store: () => vip({ ip_address: '10.20.0' }),
      error: { class: 'InvalidInput', field: 'vip.ip_address', value: '10.20.0' },
    },
  ],
  [
    'a VIP that is there with other settings',
    'add_vip',
    {
      store: () => vip(octavia.vip(4), 'SOURCE_IP_AND_PORT'),
      error: { class: 'VipConflicts', field: 'vip.vip_persistence' },
    },
  ],
  [
    'an amphora without a MAC',
    'register_amphorae',
    {
      store: () => amphora({ vrrp_port_id: 'port-without-mac' }),
      error: {
        ...{ class: 'MissingMac', field: 'amphorae[0].vrrp_port_id', value: 'port-without-mac' },
      },
    },
  ],
  [
    'an amphora with the address of another',
    'register_amphorae',
    {
      store: () => amphora({ vrrp_ip: '10.20.0.12' }),
      error: { class: 'HostRefused', reason: 'ADDRESS_IN_USE', value: '10.20.0.12' },
    },
  ],
  [
    'a weight beyond the limit',
    'register_amphorae',
    {
      store: () => amphora({ weight: 257 }),
      error: { class: 'HostRefused', reason: 'INVALID_WEIGHT', value: '257' },
    },
  ],
  [
    'draining what is not registered',
    'drain_amphorae',
    {
      store: () => amphora({}),
      error: { class: 'AmphoraNotFound', value: 'amphora-1' },
    },
  ],
  [
    'draining all',
    'drain_amphorae',
    {
      store: () => ({ amphorae: octavia.amphorae(2, 3) }),
      error: { class: 'HostRefused', reason: 'LAST_AMPHORA' },
    },
  ],
  [
    'a distributor that is not known',
    'register_amphorae',
    {
      store: () => ({ distributor_id: randomUUID(), ...amphora({}) }),
      error: { class: 'DistributorNotFound', field: 'distributor_id' },
    },
  ],
  [
    'deleting one that has VIPs',
    'delete_distributor',
    {
      store: () => ({}),
      error: { class: 'DistributorHasVips', field: 'distributor_id' },
    },
  ],
];

test.each(cases)('%s (%s)', async (_name, flow, { store, error }) => {
  await expectRefused({ flow, store: store(), error });
});

test('a VIP that another distributor has on one of the hosts', async () => {
  const { daemon, endpoint } = octavia.host(1);
  const value = '10.20.0.104';
  const other = { load_balancer: { id: randomUUID() } };
  const { distributor_id: id } = await daemon.client.call('CreateDistributor', other);
  await daemon.client.call('AddVip', {
    distributor_id: id,
    vip: { address: value, attachment: { interface: 'fe0', port: 'interface' } },
  });
  const error = { class: 'HostRefused', reason: 'VIP_IN_USE', value };
  const store = vip({ ip_address: value });
  expect(await expectRefused({ flow: 'add_vip', store, error })).toContain(endpoint);
  await daemon.client.call('DeleteDistributor', { distributor_id: id, cascade: true });
});

test('a host that is busy', async () => {
  const host = octavia.host(0);
  const before = await octavia.states();
  await host.reload('limits: {maxConcurrentCalls: {overall: 1}}\n');
  const watch = host.daemon.client.stream('WatchDistributors', { after: 0 });
  const watching = watch[Symbol.asyncIterator]();
  await watching.next();
  const store = { distributor_id, ...amphora({}) };
  const { error, state } = await controller.run({ flow: 'register_amphorae', store });
  expect(error).toMatchObject({ class: 'HostBusy', reason: 'TOO_MANY_CALLS' });
  expect(state).toBe('REVERTED');
  await watching.return(undefined);
  await host.reload('');
  expect(await octavia.states()).toEqual(before);
});

const refusedByTls = { class: 'CertificateRefused', reason: 'CERTIFICATE_REFUSED' };

test.each([
  ['a certificate of another CA', 'controller', refusedByTls],
  ['a host with a certificate of another CA', 'host', refusedByTls],
  [
    'a certificate with a name that may do nothing',
    'name',
    { class: 'HostRefused', reason: 'NO_ROLE' },
  ],
] as const)('%s', async (_name, kind, error) => {
  const stranger = await CertificateAuthority.start('Another CA');
  const authority = kind === 'name' ? octavia.authority : stranger;
  const { certificate, key } = await authority.issue('DNS:stranger.example');
  const own =
    kind === 'host'
      ? { tls_ca: stranger.certificate }
      : { tls_certificate: certificate, tls_key: key };
  try {
    const other = await octavia.startController(own);
    const message = await expectRefused(
      { flow: 'register_amphorae', store: amphora({}), error },
      other,
    );
    expect(message).toContain(octavia.host(0).endpoint);
    await other.kill();
  } finally {
    await stranger.remove();
  }
});
