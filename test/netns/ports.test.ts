// SPDX-License-Identifier: Apache-2.0
// Ports come and go under their VIPs, which go with them.
import { afterEach, beforeEach, expect, test } from 'vitest';
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
