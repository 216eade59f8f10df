// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Amphora } from '../../../build/proto/distributor/v1/Amphora.ts';
import type { AmphoraWeight } from '../../../build/proto/distributor/v1/AmphoraWeight.ts';
import type { Attachment } from '../../../build/proto/distributor/v1/Attachment.ts';
import { CallError } from '../../../src/cli/client.ts';
import { ApiBed } from './api-bed.ts';

const unknown = '99999999-9999-4999-8999-999999999999';
const eth0: Attachment = { interface: 'eth0', port: 'interface' };

let bed: ApiBed;
let one: string;
let other: string;

/** Two distributors: `one` has a VIP on eth0 and amphorae a1 (position 0) and a2 (1). */
beforeAll(async () => {
  bed = await ApiBed.start();
  one = await create('00000000-0000-4000-8000-000000000001');
  other = await create('00000000-0000-4000-8000-000000000002');
  await bed.client.call('AddVip', {
    distributor_id: one,
    vip: { address: '10.0.0.100', attachment: eth0, subnet: '10.0.0.0/24' },
  });
  await bed.client.call('RegisterAmphorae', {
    distributor_id: one,
    amphorae: [amphora('a1', '10.0.0.11'), amphora('a2', '10.0.0.12')],
  });
  await bed.client.call('RegisterAmphorae', {
    distributor_id: other,
    amphorae: [amphora('b1', '10.0.0.21')],
  });
});
afterAll(() => bed.stop());

async function create(id: string): Promise<string> {
  const created = await bed.client.call('CreateDistributor', { load_balancer: { id } });
  return created.distributor_id;
}

function amphora(id: string, ip: string, rest: Partial<Amphora> = {}): Amphora {
  return { id, ip, mac: '02:00:00:00:01:01', ...rest };
}

interface Expected {
  readonly code: string;
  readonly reason: string;
  readonly field: string;
  readonly value: string;
}

/** The call fails as expected, and nothing at all has changed. */
async function expectRefused(call: Promise<unknown>, expected: Expected): Promise<void> {
  const before = bed.snapshot();
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CallError);
  const { code, reason, field, value, message, action } = error as CallError;
  expect({ code, reason, field, value }).toEqual(expected);
  expect(message).toContain(expected.value);
  expect(action).toMatch(/\.$/);
  expect(bed.snapshot()).toEqual(before);
}

describe('distributor ids', () => {
  const calls: readonly [string, (distributor_id: string) => Promise<unknown>][] = [
    ['AddVip', (id) => bed.client.call('AddVip', { distributor_id: id, vip: vip({}) })],
    ['RemoveVip', (id) => bed.client.call('RemoveVip', { distributor_id: id, vip: vip({}) })],
    [
      'RegisterAmphorae',
      (id) =>
        bed.client.call('RegisterAmphorae', {
          distributor_id: id,
          amphorae: [amphora('a9', '10.0.0.19')],
        }),
    ],
    [
      'DrainAmphorae',
      (id) => bed.client.call('DrainAmphorae', { distributor_id: id, amphora_ids: ['a1'] }),
    ],
    [
      'UnregisterAmphorae',
      (id) => bed.client.call('UnregisterAmphorae', { distributor_id: id, amphora_ids: ['a1'] }),
    ],
    ['GetDistributor', (id) => bed.client.call('GetDistributor', { distributor_id: id })],
    ['GetStats', (id) => bed.client.call('GetStats', { distributor_id: id })],
  ];
  test.each(calls)('%s: unknown', async (_, call) => {
    await expectRefused(call(unknown), {
      code: 'NOT_FOUND',
      reason: 'DISTRIBUTOR_NOT_FOUND',
      field: 'distributor_id',
      value: unknown,
    });
  });
  test.each(calls)('%s: not a UUID', async (_, call) => {
    await expectRefused(call('lb-1'), {
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_ID',
      field: 'distributor_id',
      value: 'lb-1',
    });
  });
  test('DeleteDistributor: one that has VIPs', async () => {
    await expectRefused(bed.client.call('DeleteDistributor', { distributor_id: one }), {
      code: 'FAILED_PRECONDITION',
      reason: 'DISTRIBUTOR_HAS_VIPS',
      field: 'distributor_id',
      value: one,
    });
  });
  test('CreateDistributor: a load balancer without a UUID', async () => {
    const call = bed.client.call('CreateDistributor', { load_balancer: { id: 'my-lb' } });
    await expectRefused(call, {
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_ID',
      field: 'load_balancer.id',
      value: 'my-lb',
    });
  });
  test('any change: another revision than expected', async () => {
    const call = bed.client.call('DrainAmphorae', {
      distributor_id: one,
      amphora_ids: ['a1'],
      expected_revision: 4711,
    });
    await expectRefused(call, {
      code: 'ABORTED',
      reason: 'REVISION_MISMATCH',
      field: 'expected_revision',
      value: '4711',
    });
  });
});

function vip(rest: object) {
  return { address: '10.0.0.101', attachment: eth0, ...rest };
}

describe('AddVip', () => {
  const refused = (field: string, value: string, reason = 'INVALID_ADDRESS') => ({
    code: 'INVALID_ARGUMENT',
    reason,
    field,
    value,
  });
  const subnet = (cidr: string) => refused('vip.subnet', cidr, 'INVALID_SUBNET');

  test.each<[string, object, Expected]>([
    ['no address', { address: '' }, refused('vip.address', '')],
    ['a name', { address: 'vip' }, refused('vip.address', 'vip')],
    ['three octets', { address: '10.0.1' }, refused('vip.address', '10.0.1')],
    ['an octet of 256', { address: '10.0.0.256' }, refused('vip.address', '10.0.0.256')],
    ['octal', { address: '010.0.0.1' }, refused('vip.address', '010.0.0.1')],
    ['a zone', { address: 'fe80::1%eth0' }, refused('vip.address', 'fe80::1%eth0')],
    ['unspecified', { address: '0.0.0.0' }, refused('vip.address', '0.0.0.0')],
    ['unspecified IPv6', { address: '::' }, refused('vip.address', '::')],
    ['network 0', { address: '0.1.2.3' }, refused('vip.address', '0.1.2.3')],
    ['broadcast', { address: '255.255.255.255' }, refused('vip.address', '255.255.255.255')],
    ['class E', { address: '240.0.0.1' }, refused('vip.address', '240.0.0.1')],
    ['multicast', { address: '224.0.0.1' }, refused('vip.address', '224.0.0.1')],
    ['multicast IPv6', { address: 'ff02::1' }, refused('vip.address', 'ff02::1')],
    ['loopback', { address: '127.0.0.1' }, refused('vip.address', '127.0.0.1')],
    ['loopback IPv6', { address: '::1' }, refused('vip.address', '::1')],
    ['IPv4-mapped', { address: '::ffff:10.0.0.9' }, refused('vip.address', '::ffff:10.0.0.9')],
    [
      'the network address',
      { address: '10.0.0.0', subnet: '10.0.0.0/24' },
      refused('vip.address', '10.0.0.0'),
    ],
    [
      'the subnet’s broadcast',
      { address: '10.0.0.255', subnet: '10.0.0.0/24' },
      refused('vip.address', '10.0.0.255'),
    ],
    [
      'the subnet-router anycast',
      { address: 'fd00::', subnet: 'fd00::/64' },
      refused('vip.address', 'fd00::'),
    ],
    ['a subnet without prefix', { subnet: '10.0.0.0' }, subnet('10.0.0.0')],
    ['a subnet with host bits', { subnet: '10.0.0.1/24' }, subnet('10.0.0.1/24')],
    ['another subnet', { subnet: '10.0.1.0/24' }, subnet('10.0.1.0/24')],
    ['a subnet of the other family', { subnet: 'fd00::/64' }, subnet('fd00::/64')],
    ['a bad gateway', { gateway: 'router' }, refused('vip.gateway', 'router')],
    ['no attachment', { attachment: null }, refused('vip.attachment', '', 'INVALID_ATTACHMENT')],
    [
      'an attachment without port',
      { attachment: {} },
      refused('vip.attachment.interface', '', 'INVALID_ATTACHMENT'),
    ],
    [
      'an unknown interface',
      { attachment: { interface: 'eth7', port: 'interface' } },
      { ...refused('vip.attachment.interface', 'eth7', 'PORT_NOT_FOUND'), code: 'NOT_FOUND' },
    ],
    [
      'an unknown MAC',
      { attachment: { mac: '02:00:00:00:00:77', port: 'mac' } },
      {
        ...refused('vip.attachment.mac', '02:00:00:00:00:77', 'PORT_NOT_FOUND'),
        code: 'NOT_FOUND',
      },
    ],
    [
      'a malformed MAC',
      { attachment: { mac: '02-00', port: 'mac' } },
      refused('vip.attachment.mac', '02-00', 'INVALID_MAC'),
    ],
    [
      'VLAN id 4095',
      { attachment: { ...eth0, vlan_ids: [4095] } },
      refused('vip.attachment.vlan_ids', '4095', 'INVALID_ATTACHMENT'),
    ],
    [
      'three tags',
      { attachment: { ...eth0, vlan_ids: [1, 2, 3] } },
      refused('vip.attachment.vlan_ids', '1,2,3', 'INVALID_ATTACHMENT'),
    ],
    [
      'the host’s own address',
      { address: '10.0.0.2' },
      {
        ...refused('vip.address', '10.0.0.2', 'VIP_IS_HOST_ADDRESS'),
        code: 'FAILED_PRECONDITION',
      },
    ],
    [
      'VLAN tags that the port strips',
      { attachment: { interface: 'eth2', port: 'interface', vlan_ids: [100, 200] } },
      {
        ...refused('vip.attachment.vlan_ids', '100,200', 'VLAN_OFFLOAD'),
        code: 'FAILED_PRECONDITION',
      },
    ],
    [
      'a network with a larger MTU than the port',
      { mtu: 1501 },
      { ...refused('vip.mtu', '1501', 'PORT_MTU'), code: 'FAILED_PRECONDITION' },
    ],
    [
      'an idle timeout of more than a day',
      { tcp_idle_seconds: 86_401 },
      refused('vip.tcp_idle_seconds', '86401', 'INVALID_TIMEOUT'),
    ],
    ['an unknown tracking mode', { tracking: 9 }, refused('vip.tracking', '9', 'INVALID_ARGUMENT')],
  ])('%s', async (_, rest, expected) => {
    await expectRefused(
      bed.client.call('AddVip', { distributor_id: one, vip: vip(rest) }),
      expected,
    );
  });

  test('no VIP at all', async () => {
    await expectRefused(
      bed.client.call('AddVip', { distributor_id: one }),
      refused('vip', '', 'INVALID_ARGUMENT'),
    );
  });

  const unknownName = [
    {
      field: 'vip_persistence',
      value: 'HTTP_COOKIE',
      reason: 'UNKNOWN_AFFINITY',
      names: 'SOURCE_IP, SOURCE_IP_AND_PORT, SOURCE_IP_PORT',
    },
    {
      field: 'vip_persistence',
      value: '',
      reason: 'UNKNOWN_AFFINITY',
      names: 'SOURCE_IP, SOURCE_IP_AND_PORT, SOURCE_IP_PORT',
    },
    {
      field: 'vip_alg',
      value: 'ROUND_ROBIN',
      reason: 'UNKNOWN_ALGORITHM',
      names: 'CONSISTENT_HASH, SOURCE_IP, SOURCE_IP_AND_PORT, SOURCE_IP_PORT',
    },
  ];
  test.each(unknownName)('$field "$value": all names are listed', async (record) => {
    const { field, value, reason, names } = record;
    const call = bed.client.call('AddVip', {
      distributor_id: one,
      vip: vip({}),
      [field]: value,
    });
    await expectRefused(call, refused(field, value, reason));
    await expect(call).rejects.toThrow(names);
  });

  test('an algorithm and a persistence that contradict each other', async () => {
    const call = bed.client.call('AddVip', {
      distributor_id: one,
      vip: vip({}),
      vip_alg: 'SOURCE_IP_PORT',
      vip_persistence: 'SOURCE_IP',
    });
    await expectRefused(call, refused('vip_persistence', 'SOURCE_IP', 'INVALID_ARGUMENT'));
  });

  test('a VIP of another distributor on this attachment', async () => {
    const call = bed.client.call('AddVip', {
      distributor_id: other,
      vip: vip({ address: '10.0.0.100' }),
    });
    await expectRefused(call, {
      code: 'ALREADY_EXISTS',
      reason: 'VIP_IN_USE',
      field: 'vip.address',
      value: '10.0.0.100',
    });
  });

  test('the address of an amphora', async () => {
    const call = bed.client.call('AddVip', {
      distributor_id: one,
      vip: vip({ address: '10.0.0.12' }),
    });
    await expectRefused(call, {
      code: 'ALREADY_EXISTS',
      reason: 'ADDRESS_IN_USE',
      field: 'vip.address',
      value: '10.0.0.12',
    });
  });

  test('a VIP that is there with another affinity', async () => {
    const call = bed.client.call('AddVip', {
      distributor_id: one,
      vip: vip({ address: '10.0.0.100', subnet: '10.0.0.0/24' }),
      vip_persistence: 'source_ip_port',
    });
    await expectRefused(call, {
      code: 'ALREADY_EXISTS',
      reason: 'VIP_CONFLICTS',
      field: 'vip.affinity',
      value: 'SOURCE_IP_AND_PORT',
    });
  });
});

describe('RegisterAmphorae', () => {
  const invalid = (field: string, value: string, reason: string) => ({
    code: 'INVALID_ARGUMENT',
    reason,
    field,
    value,
  });
  const exists = (field: string, value: string, reason: string) => ({
    code: 'ALREADY_EXISTS',
    reason,
    field,
    value,
  });
  const five = Array.from({ length: 7 }, (_, n) => amphora(`c${n}`, `10.0.0.3${n}`));

  test.each<[string, readonly Amphora[], Expected]>([
    ['none', [], invalid('amphorae', '', 'INVALID_ARGUMENT')],
    ['no id', [amphora('', '10.0.0.13')], invalid('amphorae[0].id', '', 'INVALID_ID')],
    [
      'a blank in the id',
      [amphora('a 3', '10.0.0.13')],
      invalid('amphorae[0].id', 'a 3', 'INVALID_ID'),
    ],
    ['no IP', [amphora('a3', '')], invalid('amphorae[0].ip', '', 'INVALID_ADDRESS')],
    [
      'a multicast IP',
      [amphora('a3', 'ff02::1')],
      invalid('amphorae[0].ip', 'ff02::1', 'INVALID_ADDRESS'),
    ],
    [
      'a malformed MAC in the second',
      [amphora('a3', '10.0.0.13'), amphora('a4', '10.0.0.14', { mac: '02:00:00:00:01' })],
      invalid('amphorae[1].mac', '02:00:00:00:01', 'INVALID_MAC'),
    ],
    [
      'a group MAC',
      [amphora('a3', '10.0.0.13', { mac: '01:00:5e:00:00:01' })],
      invalid('amphorae[0].mac', '01:00:5e:00:00:01', 'INVALID_MAC'),
    ],
    [
      'a MAC of zeros',
      [amphora('a3', '10.0.0.13', { mac: '00:00:00:00:00:00' })],
      invalid('amphorae[0].mac', '00:00:00:00:00:00', 'INVALID_MAC'),
    ],
    [
      'one amphora twice',
      [amphora('a3', '10.0.0.13'), amphora('a3', '10.0.0.14')],
      invalid('amphorae[1].id', 'a3', 'DUPLICATE_AMPHORA'),
    ],
    [
      'a standby with a position',
      [amphora('a3', '10.0.0.13', { role: 'ROLE_STANDBY', position: 4 })],
      invalid('amphorae[0].position', '4', 'STANDBY_HAS_NO_POSITION'),
    ],
    [
      'a standby to be drained',
      [amphora('a3', '10.0.0.13', { role: 'ROLE_STANDBY', weight: 0 })],
      invalid('amphorae[0].weight', '0', 'INVALID_WEIGHT'),
    ],
    [
      'an active amphora as a standby',
      [amphora('a1', '10.0.0.11', { role: 'ROLE_STANDBY' })],
      {
        ...invalid('amphorae[0].role', 'STANDBY', 'ROLE_FIXED'),
        code: 'FAILED_PRECONDITION',
      },
    ],
    [
      'a role of a later version',
      [amphora('a3', '10.0.0.13', { role: 7 as never })],
      invalid('amphorae[0].role', '7', 'INVALID_ARGUMENT'),
    ],
    [
      'weight 0 for all that are active',
      [amphora('a1', '10.0.0.11', { weight: 0 }), amphora('a2', '10.0.0.12', { weight: 0 })],
      {
        ...invalid('amphorae[0].weight', '0', 'LAST_AMPHORA'),
        code: 'FAILED_PRECONDITION',
      },
    ],
    [
      'weight 257',
      [amphora('a3', '10.0.0.13', { weight: 257 })],
      invalid('amphorae[0].weight', '257', 'INVALID_WEIGHT'),
    ],
    [
      'a position beyond the largest table',
      [amphora('a3', '10.0.0.13', { position: 8 })],
      invalid('amphorae[0].position', '8', 'INVALID_POSITION'),
    ],
    [
      'a taken position',
      [amphora('a3', '10.0.0.13', { position: 1 })],
      exists('amphorae[0].position', '1', 'POSITION_TAKEN'),
    ],
    [
      'one position twice',
      [amphora('a3', '10.0.0.13', { position: 5 }), amphora('a4', '10.0.0.14', { position: 5 })],
      exists('amphorae[1].position', '5', 'POSITION_TAKEN'),
    ],
    [
      'another position than before',
      [amphora('a1', '10.0.0.11', { position: 5 })],
      { ...exists('amphorae[0].position', '5', 'POSITION_FIXED'), code: 'FAILED_PRECONDITION' },
    ],
    [
      'an address of another amphora',
      [amphora('a3', '10.0.0.11')],
      exists('amphorae[0].ip', '10.0.0.11', 'ADDRESS_IN_USE'),
    ],
    [
      'the VIP’s own address',
      [amphora('a3', '10.0.0.100')],
      exists('amphorae[0].ip', '10.0.0.100', 'ADDRESS_IN_USE'),
    ],
    [
      'an amphora of another distributor',
      [amphora('b1', '10.0.0.21')],
      exists('amphorae.id', 'b1', 'AMPHORA_IN_USE'),
    ],
    [
      'more than the largest table has positions for',
      five,
      { ...invalid('amphorae', 'c6', 'TOO_MANY_AMPHORAE'), code: 'RESOURCE_EXHAUSTED' },
    ],
    [
      'as many more without any',
      Array.from({ length: 9 }, (_, n) =>
        amphora(`s${n}`, `10.0.1.${n}`, { role: 'ROLE_STANDBY' }),
      ),
      { ...invalid('amphorae', 's8', 'TOO_MANY_AMPHORAE'), code: 'RESOURCE_EXHAUSTED' },
    ],
  ])('%s', async (_, amphorae, expected) => {
    await expectRefused(
      bed.client.call('RegisterAmphorae', { distributor_id: one, amphorae: [...amphorae] }),
      expected,
    );
  });
});

describe('DrainAmphorae and UnregisterAmphorae', () => {
  test('drain of an amphora of another distributor', async () => {
    const call = bed.client.call('DrainAmphorae', {
      distributor_id: one,
      amphora_ids: ['a1', 'b1'],
    });
    await expectRefused(call, {
      code: 'NOT_FOUND',
      reason: 'AMPHORA_NOT_FOUND',
      field: 'amphora_ids[1]',
      value: 'b1',
    });
  });
  test.each(['DrainAmphorae', 'UnregisterAmphorae'] as const)('%s: one twice', async (method) => {
    const call = bed.client.call(method, { distributor_id: one, amphora_ids: ['a1', 'a1'] });
    await expectRefused(call, {
      code: 'INVALID_ARGUMENT',
      reason: 'DUPLICATE_AMPHORA',
      field: 'amphora_ids[1]',
      value: 'a1',
    });
  });
  test.each(['DrainAmphorae', 'UnregisterAmphorae'] as const)('%s: none', async (method) => {
    const call = bed.client.call(method, { distributor_id: one, amphora_ids: [] });
    await expectRefused(call, {
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_ARGUMENT',
      field: 'amphora_ids',
      value: '',
    });
  });
});

describe('drains, weights and failover', () => {
  const refused = (reason: string, field: string, value: string): Expected => ({
    code: 'FAILED_PRECONDITION',
    ...{ reason, field, value },
  });
  const invalid = (reason: string, field: string, value: string): Expected => ({
    code: 'INVALID_ARGUMENT',
    ...{ reason, field, value },
  });
  const past = { seconds: Date.UTC(2025, 0, 1) / 1000, nanos: 0 };
  const drain = (amphora_ids: string[], rest: object = {}) =>
    bed.client.call('DrainAmphorae', { distributor_id: one, amphora_ids, ...rest });
  const weigh = (weights: AmphoraWeight[]) =>
    bed.client.call('SetWeights', { distributor_id: one, weights });
  const failOver = (amphora_id: string) =>
    bed.client.call('FailoverAmphora', { distributor_id: one, amphora_id });

  test.each<[string, () => Promise<unknown>, Expected]>([
    [
      'a drain whose deadline is past',
      () => drain(['a1'], { deadline: past }),
      invalid('INVALID_DEADLINE', 'deadline', '2025-01-01T00:00:00.000Z'),
    ],
    [
      'a drain with a deadline that is no time',
      () => drain(['a1'], { deadline: { seconds: 1e13, nanos: 0 } }),
      invalid('INVALID_DEADLINE', 'deadline', '10000000000000 s 0 ns'),
    ],
    [
      'a drain with a deadline of negative nanoseconds',
      () => drain(['a1'], { deadline: { seconds: 4e9, nanos: -1 } }),
      invalid('INVALID_DEADLINE', 'deadline', '4000000000 s -1 ns'),
    ],
    [
      'a drain with an end of a later version',
      () => drain(['a1'], { then: 7 }),
      invalid('INVALID_ARGUMENT', 'then', '7'),
    ],
    [
      'a drain of all that are active',
      () => drain(['a1', 'a2']),
      refused('LAST_AMPHORA', 'amphora_ids[0]', 'a1'),
    ],
    [
      'weights that leave none active',
      () =>
        weigh([
          { amphora_id: 'a1', weight: 0 },
          { amphora_id: 'a2', weight: 0 },
        ]),
      refused('LAST_AMPHORA', 'weights[0].weight', '0'),
    ],
    [
      'weight 257',
      () =>
        weigh([
          { amphora_id: 'a1', weight: 2 },
          { amphora_id: 'a2', weight: 257 },
        ]),
      invalid('INVALID_WEIGHT', 'weights[1].weight', '257'),
    ],
    [
      'the weight of an unknown amphora',
      () => weigh([{ amphora_id: 'a7', weight: 1 }]),
      { ...invalid('AMPHORA_NOT_FOUND', 'weights[0].amphora_id', 'a7'), code: 'NOT_FOUND' },
    ],
    [
      'two weights for one amphora',
      () =>
        weigh([
          { amphora_id: 'a1', weight: 1 },
          { amphora_id: 'a1', weight: 2 },
        ]),
      invalid('DUPLICATE_AMPHORA', 'weights[1].amphora_id', 'a1'),
    ],
    ['no weights', () => weigh([]), invalid('INVALID_ARGUMENT', 'weights', '')],
    ['a failover with no standby', () => failOver('a1'), refused('NO_STANDBY', 'amphora_id', 'a1')],
    [
      'a failover of an unknown amphora',
      () => failOver('a7'),
      { ...invalid('AMPHORA_NOT_FOUND', 'amphora_id', 'a7'), code: 'NOT_FOUND' },
    ],
    [
      'a drain at another revision',
      () => drain(['a1'], { expected_revision: 999 }),
      { ...invalid('REVISION_MISMATCH', 'expected_revision', '999'), code: 'ABORTED' },
    ],
  ])('%s', async (_, call, expected) => {
    await expectRefused(call(), expected);
  });

  test('drain and failover of a standby, failover to one without a MAC', async () => {
    await bed.client.call('RegisterAmphorae', {
      distributor_id: one,
      amphorae: [{ id: 's1', ip: '10.0.0.31', role: 'ROLE_STANDBY' }],
    });
    const notActive = (field: string) => refused('AMPHORA_NOT_ACTIVE', field, 's1');
    await expectRefused(drain(['s1']), notActive('amphora_ids[0]'));
    await expectRefused(failOver('s1'), notActive('amphora_id'));
    await expectRefused(failOver('a1'), refused('NO_STANDBY', 'amphora_id', 'a1'));
    await bed.client.call('UnregisterAmphorae', { distributor_id: one, amphora_ids: ['s1'] });
  });

  test.each([100, 1000, 4096])('a new distributor with a table of %d slots', async (table_size) => {
    const load_balancer = { id: '00000000-0000-4000-8000-000000000009' };
    await expectRefused(
      bed.client.call('CreateDistributor', { load_balancer, table_size }),
      invalid('INVALID_TABLE_SIZE', 'table_size', String(table_size)),
    );
  });

  test('a new distributor with a name of 256 characters', async () => {
    const load_balancer = { id: '00000000-0000-4000-8000-000000000009', name: 'n'.repeat(256) };
    await expectRefused(
      bed.client.call('CreateDistributor', { load_balancer }),
      invalid('INVALID_ARGUMENT', 'load_balancer.name', '256'),
    );
  });

  test('the id of another load balancer’s distributor', async () => {
    const id = '00000000-0000-4000-8000-000000000003';
    const load_balancer = { id };
    await expectRefused(
      bed.client.call('CreateDistributor', { load_balancer, distributor_id: one }),
      {
        code: 'ALREADY_EXISTS',
        ...{ reason: 'DISTRIBUTOR_EXISTS', field: 'distributor_id', value: one },
      },
    );
    const first = { id: '00000000-0000-4000-8000-000000000001' };
    await expectRefused(
      bed.client.call('CreateDistributor', { load_balancer: first, distributor_id: id }),
      {
        code: 'ALREADY_EXISTS',
        ...{ reason: 'DISTRIBUTOR_EXISTS', field: 'distributor_id', value: id },
      },
    );
  });
});
