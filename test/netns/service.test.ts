// SPDX-License-Identifier: Apache-2.0
// The daemon as a service: what it may do, what it tells its manager, what a reload changes.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DaemonProcess, smallMaps } from '../support/daemon-process.ts';
import { parseExposition } from '../support/exposition.ts';
import { run } from '../support/namespaces.ts';
import { NotifySocket } from '../support/notify-socket.ts';
import { findPromtool, promtoolComplaints } from '../support/promtool.ts';
import { SERVICE_USER } from '../support/service-sandbox.ts';
import { unitCapabilities, unitSetting } from '../support/service-unit.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { waitUntil } from '../support/wait-until.ts';

let bed: TestBed;
beforeEach(async () => {
  bed = await createTestBed({ amphorae: 2 });
});
afterEach(() => bed.remove());

test('it runs as an ordinary user with the capabilities and system calls of the unit', async () => {
  const daemon = await DaemonProcess.start(bed);
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  const fieldOf = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
  const user = SERVICE_USER.toString();
  expect(fieldOf('Uid')?.split('\t')).toEqual([user, user, user, user]);
  expect(fieldOf('NoNewPrivs')).toBe('1');
  expect(fieldOf('Seccomp')).toBe('2');
  const bits = { net_admin: 12, net_raw: 13, perfmon: 38, bpf: 39 };
  const mask = Object.values(bits).reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
  expect(unitCapabilities().toSorted()).toEqual(Object.keys(bits).toSorted());
  expect(unitSetting('AmbientCapabilities')).toEqual(unitSetting('CapabilityBoundingSet'));
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    expect(BigInt(`0x${fieldOf(set) ?? ''}`), set).toBe(mask);
});

describe('without one of its capabilities', () => {
  const without = (name: string) => ({
    capabilities: unitCapabilities().filter((other) => other !== name),
  });

  test.each(['bpf', 'perfmon', 'net_admin'])('%s: it does not start', async (name) => {
    const starting = DaemonProcess.start(bed, smallMaps, without(name));
    await expect(starting).rejects.toThrow(/distributord exited:\n.*load the XDP program/);
  });

  test('net_raw: it cannot announce a VIP', async () => {
    const daemon = await DaemonProcess.start(bed, smallMaps, without('net_raw'));
    await TestDistributor.create(bed, daemon, { amphorae: [] });
    expect(daemon.log).toContain('socket(packet): Operation not permitted');
  });
});

test('without the key of its heartbeats it does not start, and leaves nothing', async () => {
  const controllers = '["127.0.0.1:5555"]';
  const keyFile = join(bed.directory, 'missing');
  const heartbeat = `{id: ${randomUUID()}, controllers: ${controllers}, keyFile: ${keyFile}}`;
  const starting = DaemonProcess.start(bed, `${smallMaps}heartbeat: ${heartbeat}\n`);
  await expect(starting).rejects.toThrow(/heartbeat\.keyFile: ENOENT/);
  expect(readdirSync(bed.pins)).toEqual([]);
});

test('its manager hears that it is ready, lives, reloads and stops', async () => {
  const address = join(bed.directory, 'notify.sock');
  const manager = await NotifySocket.open(address);
  try {
    const environment = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '400000' };
    const daemon = await DaemonProcess.start(bed, smallMaps, { environment });
    await manager.hears('WATCHDOG=1');
    expect(manager.heard[0]).toBe('READY=1\nSTATUS=answering calls');
    const before = manager.heard.length;
    daemon.reload();
    await manager.hears('RELOADING=1\nMONOTONIC_USEC=', before);
    await manager.hears('READY=1\nSTATUS=answering calls', before);
    daemon.configure('nothing: {}\n');
    daemon.reload();
    await manager.hears('the last reload of the configuration failed', before);
    expect(await daemon.stop()).toBe(0);
    await manager.hears('STOPPING=1');
  } finally {
    await manager.close();
  }
});

test('no signal opens a port for debuggers, which would let everyone of the host in', async () => {
  const daemon = await DaemonProcess.start(bed);
  const listening = () => run(bed.namespaces.distributor, ['ss', '-Hltn']);
  const before = await listening();
  process.kill(daemon.pid, 'SIGUSR1');
  daemon.reload();
  await waitUntil('the reload', () => daemon.log.includes('"event":"reloaded"'));
  expect(daemon.log).not.toContain('Debugger');
  expect(await listening()).toBe(before);
  await daemon.stop();
});

test('a reload changes what can change, under traffic, and names what cannot', async () => {
  const daemon = await DaemonProcess.start(bed);
  const distributor = await TestDistributor.create(bed, daemon);
  daemon.configure(
    `${smallMaps.replace('64', '65')}log: {level: debug}\ntimeouts: {tcpIdleSeconds: 77}\n` +
      'tables: {initialSlots: 512}\n',
  );
  daemon.reload();
  await waitUntil('the reload', () => daemon.log.includes('"event":"reloaded"'));
  expect(daemon.log).toContain('"msg":"needs a restart: capacity.vips"');
  const putVips = daemon.log
    .split('\n')
    .filter((line) => line.includes('"kind":"put-vip"') && line.includes(distributor.id));
  expect(putVips).toHaveLength(2);
  for (const line of putVips) expect(line).toContain('"tcpIdle":77');
  const { distributor_id } = await daemon.client.call('CreateDistributor', {
    load_balancer: { id: crypto.randomUUID() },
  });
  const created = await daemon.client.call('GetDistributor', { distributor_id });
  expect(created.table_size).toBe(512);

  daemon.configure('log: {level: loud}\n');
  daemon.reload();
  await waitUntil('the refusal', () => daemon.log.includes('"event":"reload-failed"'));
  expect(daemon.log).toMatch(/log\.level: .*loud/);
  expect(await scrape()).toContain('\ndistributord_config_last_reload_successful 0\n');
  const probes = await bed.clients.probe({ family: 4, clients: [1, 2, 3] });
  expect(probes.every(({ amphora }) => amphora !== null)).toBe(true);
});

/** Asked from inside the namespace: it listens on the loopback address there. */
function scrape(): Promise<string> {
  const url = 'http://127.0.0.1:9475/metrics';
  const code = `fetch('${url}').then((r) => r.text()).then((t) => process.stdout.write(t))`;
  return run(bed.namespaces.distributor, [process.execPath, '-e', code]);
}

test('metrics show the traffic', async () => {
  const daemon = await DaemonProcess.start(bed);
  await TestDistributor.create(bed, daemon);
  await bed.clients.probe({ family: 4, clients: [1, 2, 3] });
  const text = await scrape();
  const promtool = findPromtool();
  if (promtool !== null) expect(promtoolComplaints(promtool, ['check', 'metrics'], text)).toBe('');
  const series = parseExposition(text);
  const forwarded = series.filter(
    ({ name, labels }) =>
      name === 'distributord_vip_packets_total' && labels['class'] === 'forwarded',
  );
  const valueOf = (address: string) =>
    forwarded.find(({ labels }) => labels['vip'] === address)?.value;
  expect(valueOf(bed.vip.ipv4)).toBeGreaterThan(9);
  expect(valueOf(bed.vip.ipv6)).toBeDefined();
  const port = series.find(({ name }) => name === 'distributord_port_info');
  expect(port?.labels).toEqual({ interface: 'fe0', mode: 'native' });
  expect(series.find(({ name }) => name === 'process_open_fds')?.value).toBeGreaterThan(10);
});

test('its directory for pins is made as the unit says, where root keeps the others to itself', () => {
  const user = SERVICE_USER.toString();
  const commands = unitSetting('ExecStartPre').map((line) =>
    line
      .replace(/^\+/, '')
      .replaceAll(/-(o|g) distributord/g, (_, option: string) => `-${option} ${user}`),
  );
  expect(commands).toHaveLength(2);
  const asUser = `setpriv --reuid=${user} --regid=${user} --clear-groups`;
  const capabilities = '--inh-caps=-all,+bpf --ambient-caps=-all,+bpf --bounding-set=-all,+bpf';
  const create = 'type array key 4 value 4 entries 1 name pinned';
  const script = [
    'mount -t bpf -o mode=0700 bpf /sys/fs/bpf',
    `if ${asUser} test -x /sys/fs/bpf; then exit 1; fi`,
    // Again with each start.
    ...commands,
    ...commands,
    // ProtectKernelTunables=, and ReadWritePaths= as its exception.
    'mount --bind /sys/fs/bpf/distributord /sys/fs/bpf/distributord',
    'mount -o remount,bind,ro /sys/fs/bpf',
    `${asUser} ${capabilities} bpftool map create /sys/fs/bpf/distributord/map ${create}`,
    'stat -c "%a %u" /sys/fs/bpf /sys/fs/bpf/distributord /sys/fs/bpf/distributord/map',
    `if ${asUser} ls /sys/fs/bpf 2>&1; then exit 1; fi`,
    'umount /sys/fs/bpf/distributord',
    'mount -o remount,bind,rw /sys/fs/bpf',
    ...commands,
    `${asUser} ${capabilities} bpftool map show pinned /sys/fs/bpf/distributord/map`,
  ].join('\n');
  const output = execFileSync('unshare', ['--mount', 'bash', '-euc', script], { encoding: 'utf8' });
  const [root, directory, map] = output.split('\n');
  expect([root, directory, map]).toEqual(['1701 0', `700 ${user}`, `600 ${user}`]);
  expect(output).toContain('name pinned');
});
