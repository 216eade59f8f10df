// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CallError } from '../../src/cli/client.ts';
import { announcementsOf } from '../support/announcements.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { waitUntil } from '../support/wait-until.ts';

const fe0 = { interface: 'fe0', port: 'interface' } as const;

let bed: TestBed;
let daemon: DaemonProcess;
let id: string;

beforeEach(async () => {
  bed = await createTestBed({ amphorae: 2 });
  daemon = await DaemonProcess.start(bed);
  const created = await daemon.client.call('CreateDistributor', {
    load_balancer: { id: randomUUID() },
  });
  id = created.distributor_id;
});
afterEach(() => bed.remove());

const inHost = (...argv: string[]) => run(bed.namespaces.distributor, argv);
const addVip = (address: string) =>
  daemon.client.call('AddVip', { distributor_id: id, vip: { address, attachment: fe0 } });
const registerAll = () =>
  daemon.client.call('RegisterAmphorae', {
    distributor_id: id,
    amphorae: bed.amphorae.map(({ name, ipv4, mac }) => ({ id: name, ip: ipv4, mac })),
  });
const registerByAddress = () =>
  daemon.client.call('RegisterAmphorae', {
    distributor_id: id,
    amphorae: bed.amphorae.map(({ name, ipv4 }) => ({ id: name, ip: ipv4 })),
  });
const removeVip = (address: string) =>
  daemon.client.call('RemoveVip', { distributor_id: id, vip: { address } });
const conditionTypes = async () =>
  (await daemon.client.call('GetDistributor', { distributor_id: id })).conditions.map(
    ({ type }) => type,
  );
const managedNeighbours = async () =>
  (await inHost('ip', 'neigh', 'show')).split('\n').filter((line) => line.includes('managed'));

/** What of the port an operator would see changed. */
async function portAsFound(): Promise<unknown> {
  const [link] = JSON.parse(await inHost('ip', '-j', '-d', 'link', 'show', 'fe0')) as [object];
  const addresses = await inHost('ip', 'address', 'show', 'fe0');
  const neighbours = await inHost('ip', 'neigh', 'show', 'nud', 'permanent');
  return { link, addresses: addresses.replaceAll(/valid_lft.*/g, ''), neighbours };
}

describe('the host of the distributor', () => {
  test('keeps its own traffic, untouched', async () => {
    const before = await run(bed.namespaces.router, ['ping', '-c1', '-W2', bed.distributor.ipv4]);
    expect(before).toContain(' 0% packet loss');
    await addVip(bed.vip.ipv4);
    await addVip(bed.vip.ipv6);
    await registerAll();
    for (const address of [bed.distributor.ipv4, bed.distributor.ipv6]) {
      const ping = ['ping', '-c5', '-i0.1', '-W2', address];
      expect(await run(bed.namespaces.router, ping)).toContain(' 0% packet loss');
      expect(await run(bed.amphora(1).namespace, ping)).toContain(' 0% packet loss');
    }
    const stats = await daemon.client.call('GetStats', { distributor_id: id });
    expect(stats.host_packets).toBeGreaterThan(0);
  });

  test('answers echo requests for the VIP through an amphora', async () => {
    await addVip(bed.vip.ipv4);
    await addVip(bed.vip.ipv6);
    await registerAll();
    for (const address of [bed.vip.ipv4, bed.vip.ipv6])
      expect(await run(bed.namespaces.router, ['ping', '-c3', '-i0.1', '-W2', address])).toContain(
        ' 0% packet loss',
      );
  });

  test('has its port as it was when the last VIP is gone', async () => {
    const before = await portAsFound();
    await addVip(bed.vip.ipv4);
    await addVip(bed.vip.ipv6);
    expect(await portAsFound()).not.toEqual(before);
    await removeVip(bed.vip.ipv4);
    expect(await portAsFound()).not.toEqual(before);
    await removeVip(bed.vip.ipv6);
    expect(await portAsFound()).toEqual(before);
  });

  test('listens to the solicitations for an IPv6 VIP, and to no others', async () => {
    const groups = () => inHost('ip', 'maddr', 'show', 'dev', 'fe0');
    // RFC 4291, section 2.7.1: the group has the low 24 bits of the address. Two VIPs share it.
    const [one, other] = ['fd00:20::ab:cd01', 'fd00:20:0:0:1::ab:cd01'];
    const solicited = { mac: '33:33:ff:ab:cd:01', group: 'ff02::1:ffab:cd01' };
    const before = await groups();
    await addVip(one);
    const listening = await groups();
    expect(listening).toContain(solicited.mac);
    expect(listening).toContain(solicited.group);
    await addVip(other);
    await removeVip(one);
    const left = await groups();
    expect(left).toContain(solicited.mac);
    expect(left).toContain(solicited.group);
    await removeVip(other);
    expect(await groups()).toBe(before);
  });

  test('takes no tagged VIP on a port that strips tags, and says when one begins to', async () => {
    const strip = (onOff: 'on' | 'off') => inHost('ethtool', '-K', 'fe0', 'rxvlan', onOff);
    const addTagged = () =>
      daemon.client.call('AddVip', {
        distributor_id: id,
        vip: { address: bed.vip.ipv4, attachment: { ...fe0, vlan_ids: [100] } },
      });
    await strip('on');
    const error = await addTagged().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CallError);
    expect(error).toMatchObject({ reason: 'VLAN_OFFLOAD', field: 'vip.attachment.vlan_ids' });
    const { message, action } = error as CallError;
    expect(`${message} ${action ?? ''}`).toContain('ethtool -K fe0 rxvlan off');
    await addVip(bed.vip.ipv6); // Untagged, it has nothing to lose.

    await strip('off');
    await addTagged();
    expect(await conditionTypes()).not.toContain('VLAN_OFFLOAD');
    await strip('on');
    expect(await conditionTypes()).toContain('VLAN_OFFLOAD');
    await strip('off');
    expect(await conditionTypes()).not.toContain('VLAN_OFFLOAD');
  });

  test('refuses a port that has another XDP program, and leaves that alone', async () => {
    const program = 'build/xdp-pass.o';
    await inHost('ip', 'link', 'set', 'dev', 'fe0', 'xdpdrv', 'obj', program, 'sec', 'xdp.frags');
    const before = await portAsFound();
    const error = await addVip(bed.vip.ipv4).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CallError);
    expect(error).toMatchObject({ reason: 'PORT_BUSY', value: 'fe0' });
    expect((error as CallError).message).toMatch(/program id \d+, named xdp_pass/);
    expect(await portAsFound()).toEqual(before);
    const { vips } = await daemon.client.call('GetDistributor', { distributor_id: id });
    expect(vips).toEqual([]);
  });

  test('says so where a port has no native XDP', async () => {
    await inHost('ip', 'link', 'add', 'mv0', 'link', 'fe0', 'type', 'macvlan', 'mode', 'bridge');
    await inHost('ip', 'link', 'set', 'mv0', 'up');
    await daemon.client.call('AddVip', {
      distributor_id: id,
      vip: { address: bed.vip.ipv4, attachment: { interface: 'mv0', port: 'interface' } },
    });
    const { vips, conditions } = await daemon.client.call('GetDistributor', { distributor_id: id });
    expect(vips[0]?.xdp_mode).toBe('generic');
    expect(conditions.map(({ type }) => type)).toContain('XDP_GENERIC_MODE');
  });
});

describe('the daemon', () => {
  test('tells the link where a new VIP is, three times', async () => {
    const frames = await announcementsOf(bed, 6, async () => {
      await addVip(bed.vip.ipv4);
      await addVip(bed.vip.ipv6);
    });
    expect(frames.filter((frame) => frame.includes(`who-has ${bed.vip.ipv4}`))).toHaveLength(3);
    expect(frames.filter((frame) => frame.includes(bed.vip.ipv6))).toHaveLength(3);
    for (const frame of frames) expect(frame).toContain(bed.distributor.mac);
  });

  test('gives an amphora traffic once its address answers, without another call', async () => {
    await addVip(bed.vip.ipv4);
    const { namespace, name, ipv4 } = bed.amphora(1);
    await run(namespace, ['ip', 'link', 'set', 'fe0', 'down']);
    await daemon.client.call('RegisterAmphorae', {
      distributor_id: id,
      amphorae: [{ id: name, ip: ipv4 }],
    });
    const before = await daemon.client.call('GetDistributor', { distributor_id: id });
    expect(before.conditions.map(({ type }) => type)).toEqual(['AMPHORA_UNRESOLVED', 'NO_AMPHORA']);
    const dropped = await bed.clients.probe({ family: 4, clients: [1], timeoutMs: 300 });
    expect(dropped[0]?.amphora).toBeNull();
    const stats = await daemon.client.call('GetStats', { distributor_id: id });
    expect(stats.vips[0]?.packets['drop_no_amphora']).toBeGreaterThan(0);

    await run(namespace, ['ip', 'link', 'set', 'fe0', 'up']);
    await run(namespace, ['ip', 'route', 'replace', 'default', 'via', bed.router.ipv4]);
    await waitUntil(
      'the amphora to be resolved',
      async () =>
        (await daemon.client.call('GetDistributor', { distributor_id: id })).amphorae[0]
          ?.resolved === true,
      { deadlineMs: 20_000 },
    );
    const [answer] = await bed.clients.probe({ family: 4, clients: [1] });
    expect(answer?.amphora).toBe(name);
  });

  test('follows an amphora whose MAC changes', async () => {
    await addVip(bed.vip.ipv4);
    const { namespace, name, ipv4 } = bed.amphora(1);
    await daemon.client.call('RegisterAmphorae', {
      distributor_id: id,
      amphorae: [{ id: name, ip: ipv4 }],
    });
    const macOf = async () =>
      (await daemon.client.call('GetDistributor', { distributor_id: id })).amphorae[0]?.mac;
    await waitUntil(
      'the amphora to be resolved',
      async () => (await macOf()) === bed.amphora(1).mac,
    );
    await run(namespace, ['ip', 'link', 'set', 'fe0', 'address', '02:20:00:00:00:77']);
    await run(namespace, ['ping', '-c1', '-W2', bed.distributor.ipv4]);
    await waitUntil('the new MAC', async () => (await macOf()) === '02:20:00:00:00:77', {
      deadlineMs: 20_000,
    });
    const [answer] = await bed.clients.probe({ family: 4, clients: [1] });
    expect(answer?.amphora).toBe(name);
  });

  test('asks nobody for MACs any more once it is stopped, or started again after a kill', async () => {
    for (const end of ['stop', 'kill'] as const) {
      await addVip(bed.vip.ipv4);
      await registerByAddress();
      expect(await managedNeighbours()).toHaveLength(bed.amphorae.length);
      if (end === 'stop') expect(await daemon.stop()).toBe(0);
      else await daemon.kill();
      if (end === 'stop') expect(await managedNeighbours()).toEqual([]);
      daemon = await DaemonProcess.start(bed);
      expect(await managedNeighbours()).toHaveLength(bed.amphorae.length);
      await daemon.client.call('DeleteDistributor', { distributor_id: id, cascade: true });
      expect(await managedNeighbours()).toEqual([]);
      const load_balancer = { id: randomUUID() };
      id = (await daemon.client.call('CreateDistributor', { load_balancer })).distributor_id;
    }
  });

  test('finds amphorae again after their port was down', async () => {
    await addVip(bed.vip.ipv4);
    await registerByAddress();
    const macOf = async (index: number) =>
      (await daemon.client.call('GetDistributor', { distributor_id: id })).amphorae[index]?.mac;
    await waitUntil('both to be resolved', async () =>
      Boolean((await macOf(0)) && (await macOf(1))),
    );
    await inHost('ip', 'link', 'set', 'fe0', 'down');
    const down = await daemon.client.call('GetDistributor', { distributor_id: id });
    expect(down.conditions.map(({ type }) => type)).toEqual(['PORT_DOWN']);
    await inHost('ip', 'link', 'set', 'fe0', 'up');
    const { namespace } = bed.amphora(2);
    await run(namespace, ['ip', 'link', 'set', 'fe0', 'address', '02:20:00:00:00:78']);
    await waitUntil('the new MAC', async () => (await macOf(1)) === '02:20:00:00:00:78', {
      deadlineMs: 30_000,
    });
    expect(await macOf(0)).toBe(bed.amphora(1).mac);
    expect(await managedNeighbours()).toHaveLength(2);
  });

  test('refuses to run beside another one, and does it no harm', async () => {
    await addVip(bed.vip.ipv4);
    await registerByAddress();
    const before = await managedNeighbours();
    await expect(DaemonProcess.start(bed)).rejects.toThrow('another distributord runs');
    expect((await managedNeighbours()).length).toBe(before.length);
    const [answer] = await bed.clients.probe({ family: 4, clients: [1] });
    expect(answer?.error).toBeNull();
  });

  test('stops though a client is connected that never speaks', async () => {
    const silent = connect(daemon.socket);
    await once(silent, 'connect');
    expect(await daemon.stop()).toBe(0);
    silent.destroy();
  });

  test('is driven by distributorctl, which says what is wrong', async () => {
    const uuid = randomUUID();
    const made = (await daemon.ctl('create', uuid, '--name', 'shop')).trim();
    await daemon.ctl('add-vip', made, bed.vip.ipv4, '--interface', 'fe0');
    const [one] = bed.amphorae;
    const listed = await daemon.ctl(
      ...['register', made, `id=a1,ip=${one?.ipv4 ?? ''},mac=${one?.mac ?? ''},weight=3`],
    );
    expect(listed).toMatch(/a1 .* 3 +ACTIVE/);
    expect(await daemon.ctl('drain', made, 'a1', '--force')).toMatch(/a1 +DRAINING/);
    expect(await daemon.ctl('list')).toContain('shop');
    expect(await daemon.ctl('stats', made)).toContain('a1');
    await expect(daemon.ctl('drain', made, 'a9')).rejects.toThrow(/AMPHORA_NOT_FOUND.*a9/);
    await expect(daemon.ctl('register', made, 'id=a1')).rejects.toThrow(/id and ip are required/);
    await daemon.ctl('unregister', made, 'a1');
    await daemon.ctl('remove-vip', made, bed.vip.ipv4);
    await daemon.ctl('delete', made);
    const left = JSON.parse(await daemon.ctl('--json', 'list')) as { id: string }[];
    expect(left.map((distributor) => distributor.id)).toEqual([id]);
  });
});
