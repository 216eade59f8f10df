// SPDX-License-Identifier: Apache-2.0
// An amphora that does not have the VIP, but routes: what it is sent, it sends back.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { addressOf, FRONT_END_PORT } from '../support/topology.ts';
import { waitUntil } from '../support/wait-until.ts';

const probes = 10;

let bed: TestBed;
let distributor: TestDistributor;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 1 });
  distributor = await TestDistributor.create(bed, await DaemonProcess.start(bed));
  const { namespace } = bed.amphora(1);
  const setting = (path: string, value: number) =>
    run(namespace, ['sh', '-c', `echo ${value} > /proc/sys/net/${path}`]);
  await run(namespace, ['ip', 'address', 'del', `${bed.vip.ipv4}/32`, 'dev', 'lo']);
  await run(namespace, ['ip', 'address', 'del', `${bed.vip.ipv6}/128`, 'dev', 'lo']);
  await setting('ipv4/ip_forward', 1);
  await setting(`ipv4/conf/${FRONT_END_PORT}/send_redirects`, 0);
  await setting('ipv4/conf/all/send_redirects', 0);
  await setting('ipv6/conf/all/forwarding', 1);
});
afterAll(() => bed.remove());

test.each([4, 6] as const)('IPv%i: a packet that comes back goes no further', async (family) => {
  const address = addressOf(family, bed.vip);
  const unanswered = ['sh', '-c', `ping -q -c${probes} -i0.05 -W1 ${address} || true`];
  await run(bed.namespaces.router, unanswered);
  await waitUntil(
    'every packet to come back',
    async () => (await distributor.count(family, 'drop_loop')) >= probes,
  );
  expect(await distributor.count(family, 'drop_loop')).toBe(probes);
  expect(await distributor.count(family, 'tx_settled')).toBe(probes);
});
