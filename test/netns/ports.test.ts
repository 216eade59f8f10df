// SPDX-License-Identifier: Apache-2.0
// Ports come and go under their VIPs, which go with them.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { waitUntil } from '../support/wait-until.ts';

const families = [4, 6] as const;

let bed: TestBed;
let daemon: DaemonProcess;
let distributor: TestDistributor;

beforeEach(async () => {
  bed = await createTestBed({ amphorae: 3 });
  daemon = await DaemonProcess.start(bed);
  const amphorae = bed.amphorae.slice(0, 2);
  distributor = await TestDistributor.create(bed, daemon, { amphorae: [] });
  await distributor.register(amphorae, { byAddress: true });
});
afterEach(() => bed.remove());

const inHost = (...argv: string[]) => run(bed.namespaces.distributor, argv);
const conditions = async () => (await distributor.status()).conditions.map(({ type }) => type);

async function untilConditions(...types: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  const isSo = async () => {
    last = (await conditions()).sort();
    return last.join() === [...types].sort().join();
  };
  await waitUntil(`the conditions to be ${types.join()}`, isSo).catch((error: unknown) => {
    throw new Error(`they are ${last.join()}`, { cause: error });
  });
}

async function untilServed(): Promise<void> {
  for (const family of families)
    await waitUntil(
      `IPv${family} to be served`,
      async () => {
        const [result] = await bed.clients.probe({ family, clients: [1], timeoutMs: 1000 });
        return result?.error === null;
      },
      { deadlineMs: 20_000 },
    );
}

async function openConnections(): Promise<void> {
  for (const family of families)
    await bed.clients.openConnections({ family, count: 50, stallMs: 60_000 });
  // Connections of amphora 1 go on in slots that others own.
  await distributor.drain(bed.amphora(1));
  await distributor.register([bed.amphora(3)], { byAddress: true });
}

async function expectNoneBroken(): Promise<void> {
  const reports = await bed.clients.waitForExchange({ deadlineMs: 60_000 });
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
}

test('a port that is gone shows, and the one that comes in its place carries on', async () => {
  await openConnections();
  const putBack = await bed.removeDistributorPort();
  await untilConditions('PORT_GONE');
  expect((await distributor.status()).status).toBe('STATUS_DOWN');
  const { revision } = await distributor.status();
  await putBack();
  await untilConditions();
  await untilServed();
  await expectNoneBroken();
  expect((await distributor.status()).revision).toBe(revision);
});

test('a port that is replaced while the daemon is away is found by the next one', async () => {
  await openConnections();
  await daemon.stop();
  const putBack = await bed.removeDistributorPort();
  daemon = await DaemonProcess.start(bed);
  distributor = distributor.at(daemon);
  await untilConditions('PORT_GONE');
  await daemon.stop();
  await putBack();
  daemon = await DaemonProcess.start(bed);
  distributor = distributor.at(daemon);
  await untilConditions();
  await untilServed();
  await expectNoneBroken();
});

test('a port with another MAC answers with that, and connections go on', async () => {
  await openConnections();
  await inHost('ip', 'link', 'set', 'fe0', 'address', '02:10:00:00:00:99');
  await waitUntil('the VIPs to have the new MAC', async () =>
    (await distributor.status()).vips.every(({ mac }) => mac === '02:10:00:00:00:99'),
  );
  await untilServed();
  await expectNoneBroken();
  expect(await conditions()).toEqual([]);
});

test('a port that was down, or had its MTU changed, needs nothing, with the daemon or without', async () => {
  await openConnections();
  await inHost('ip', 'link', 'set', 'fe0', 'mtu', '1400');
  await inHost('ip', 'link', 'set', 'fe0', 'mtu', '1500');
  await inHost('ip', 'link', 'set', 'fe0', 'down');
  await untilConditions('PORT_DOWN');
  await inHost('ip', 'link', 'set', 'fe0', 'up');
  await untilConditions();
  await untilServed();
  await expectNoneBroken();
  await daemon.stop();
  expect(await inHost('ip', '-6', 'maddr', 'show', 'dev', 'fe0')).toContain('ff02::1:ff00:100');
  await untilServed();
});

test('a program that somebody took off a port is put back', async () => {
  await openConnections();
  interface Port {
    readonly xdp?: { readonly prog: { readonly id: number } };
  }
  const [port] = JSON.parse(await inHost('ip', '-j', 'link', 'show', 'fe0')) as Port[];
  const links = JSON.parse(await inHost('bpftool', '-j', 'link', 'show')) as {
    readonly id: number;
    readonly prog_id: number;
  }[];
  const link = links.find(({ prog_id }) => prog_id === port?.xdp?.prog.id);
  await inHost('bpftool', 'link', 'detach', 'id', String(link?.id));
  await waitUntil('the program to be back', async () =>
    (await inHost('ip', 'link', 'show', 'fe0')).includes('xdp'),
  );
  await untilServed();
  await expectNoneBroken();
});

async function restart(): Promise<void> {
  await daemon.stop();
  daemon = await DaemonProcess.start(bed);
  distributor = distributor.at(daemon);
}

/** A distributor of its own with one VIP on the port. */
async function addDistributor(port: string, address: string): Promise<string> {
  const load_balancer = { id: randomUUID() };
  const { distributor_id } = await daemon.client.call('CreateDistributor', { load_balancer });
  const vip = { address, attachment: { interface: port, port: 'interface' as const } };
  await daemon.client.call('AddVip', { distributor_id, vip });
  return distributor_id;
}

test('a port with another name keeps its VIPs, with the daemon or without', async () => {
  await openConnections();
  await inHost('ip', 'link', 'set', 'fe0', 'name', 'fe9');
  await untilConditions('PORT_GONE');
  await addDistributor('fe9', '10.20.0.77');
  await restart();
  await untilServed();
  await inHost('ip', 'link', 'set', 'fe9', 'name', 'fe0');
  await untilConditions();
  await restart();
  await untilServed();
  await expectNoneBroken();
});

describe('two ports with the same address, of two distributors', () => {
  const create = (px: number, py: number) =>
    `ip link add px index ${px.toString()} type veth peer name pxp\n` +
    `ip link add py index ${py.toString()} type veth peer name pyp\n` +
    'for port in px pxp py pyp; do ip link set $port up; done';
  const exchanges = {
    names: 'ip link set px name tmp; ip link set py name px; ip link set tmp name py',
    indexes: `ip link del px; ip link del py\n${create(202, 201)}`,
  };

  /** By the distributor: the index of the port that its VIP is on in the kernel. */
  function portsInKernel(): ReadonlyMap<string, number> {
    const [set = ''] = readdirSync(bed.pins).filter((name) => name.startsWith('maps-'));
    const argv = ['-j', 'map', 'dump', 'pinned', `${bed.pins}/${set}/vips`];
    const elements = JSON.parse(execFileSync('bpftool', argv, { encoding: 'utf8' })) as {
      readonly formatted: {
        readonly key: { readonly ifindex: number };
        readonly value: { readonly distributor: { readonly byte: readonly number[] } };
      };
    }[];
    const idOf = (bytes: readonly number[]) => Buffer.from(bytes).toString('hex');
    return new Map(
      elements.map(({ formatted: { key, value } }) => [idOf(value.distributor.byte), key.ifindex]),
    );
  }

  const indexOf = async (port: string) =>
    (JSON.parse(await inHost('ip', '-j', 'link', 'show', port)) as { ifindex: number }[])[0]
      ?.ifindex;

  for (const [what, exchange] of Object.entries(exchanges))
    for (const isAway of [false, true])
      test(`exchange ${what} ${isAway ? 'while the daemon is away' : 'under it'}`, async () => {
        await inHost('sh', '-ec', create(201, 202));
        const owners = new Map<string, string>();
        for (const port of ['px', 'py']) owners.set(port, await addDistributor(port, '10.9.9.9'));
        if (isAway) await daemon.stop();
        await inHost('sh', '-ec', exchange);
        if (isAway) {
          daemon = await DaemonProcess.start(bed);
          distributor = distributor.at(daemon);
        }
        await waitUntil('each VIP to be on the port of its name', async () => {
          const found = portsInKernel();
          const indexes = await Promise.all(
            [...owners].map(
              async ([port, id]) => [await indexOf(port), id.replaceAll('-', '')] as const,
            ),
          );
          return indexes.every(([index, id]) => found.get(id) === index);
        });
        for (const distributor_id of owners.values()) {
          const { conditions: found } = await daemon.client.call('GetDistributor', {
            distributor_id,
          });
          expect(found.map(({ type }) => type)).not.toContain('OUT_OF_SYNC');
        }
      });
});
