// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { framesReceived } from '../support/kernel-counters.ts';
import { run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { waitUntil } from '../support/wait-until.ts';

const families = [4, 6] as const;
const clients = Array.from({ length: 200 }, (_, client) => client);

let bed: TestBed;
let daemon: DaemonProcess;
let distributor: TestDistributor;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 3 });
  daemon = await DaemonProcess.start(bed);
  distributor = await TestDistributor.create(bed, daemon);
});
afterAll(() => bed.remove());

/** All that the distributor says has come to its port. */
async function accounted(): Promise<{ vips: number; host: number }> {
  const { vips, host_packets } = await distributor.stats();
  const verdicts = vips.flatMap(({ packets }) => Object.values(packets));
  return { vips: verdicts.reduce((sum, count) => sum + count, 0), host: host_packets };
}

/** Frames on the port of which the distributor's figures know nothing (as both go on: now, or soon). */
async function difference(): Promise<number> {
  const { vips, host } = await accounted();
  return (await framesReceived(bed.namespaces.distributor, bed.distributorPort)) - vips - host;
}

test('every frame that the port has received is counted, once', async () => {
  // What came before the first VIP did, the program has not seen.
  const unseen = await difference();
  const before = await accounted();
  const sent = 100;
  const ping = ['ping', '-q', '-f', '-c', sent.toString(), bed.distributor.ipv4];
  for (const family of families) {
    await bed.clients.openConnections({ family, count: 50 });
    await Promise.all([
      bed.clients.probe({ family, clients }),
      bed.clients.udpProbe({ family, clients }),
      run(bed.namespaces.router, ping),
      distributor.drain(bed.amphora(family === 4 ? 1 : 2)),
    ]);
  }
  await bed.clients.waitForExchange();
  await bed.clients.close({});

  await waitUntil('the figures to agree', async () => (await difference()) === unseen);
  const after = await accounted();
  expect(after.host - before.host).toBeGreaterThanOrEqual(families.length * sent);
  // At least SYN, ACK, request and end of each connection, and one datagram from each client.
  expect(after.vips - before.vips).toBeGreaterThanOrEqual(families.length * 5 * clients.length);
  const { vips } = await distributor.stats();
  for (const { packets } of vips) expect(packets['drop_internal']).toBe(0);
});
