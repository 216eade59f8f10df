// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionReport } from '../support/client-protocol.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { growth, kernelCounters } from '../support/kernel-counters.ts';
import { run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import type { Family } from '../support/topology.ts';
import { waitUntil } from '../support/wait-until.ts';

const families = [4, 6] as const;
const connections = 16;
const bytes = 500_000;

/** What a box counts of packets too large for the path's narrow link, for which it sends errors. */
const tooLarge = { 4: 'IcmpOutDestUnreachs', 6: 'Icmp6OutPktTooBigs' } as const;

let bed: TestBed;
let daemon: DaemonProcess;

/** New connections of both families, whose ends know nothing of the path. */
async function openConnections(): Promise<void> {
  await bed.clients.forget({});
  // What is learnt of the way to an address outlives the connection that has learnt it.
  const { client, amphorae } = bed.namespaces;
  for (const namespace of [client, ...amphorae])
    for (const family of families)
      await run(namespace, ['ip', `-${family}`, 'route', 'flush', 'cache']);
  for (const family of families) await bed.clients.openConnections({ family, count: connections });
}

const gateway = () => bed.namespaces.gateway ?? '';

/** All errors met on the way; empty when every byte has come back right. */
function faults(reports: readonly ConnectionReport[]): unknown[] {
  return reports.filter(({ alive, bytesEchoed }) => !alive || bytesEchoed < bytes);
}

/** Sends much over the connections of a family, both ways, and looks at who has been told to send less. */
async function transfer(distributor: TestDistributor, family: Family) {
  const name = tooLarge[family];
  const before = {
    gateway: await kernelCounters(gateway()),
    router: await kernelCounters(bed.namespaces.router),
    forwarded: await distributor.count(family, 'tx_icmp_error'),
  };
  const reports = await bed.clients.transfer({ family, bytes });
  return {
    reports,
    toClients: growth(before.gateway, await kernelCounters(gateway()))(name),
    toVip: growth(before.router, await kernelCounters(bed.namespaces.router))(name),
    forwarded: (await distributor.count(family, 'tx_icmp_error')) - before.forwarded,
  };
}

describe.each([
  { mtu: 1500, pathMtu: 1400 },
  { mtu: 9000, pathMtu: 1500 },
])('with a path of $pathMtu behind ports of $mtu', (options) => {
  beforeAll(async () => {
    bed = await createTestBed({ amphorae: 2, ...options });
    daemon = await DaemonProcess.start(bed);
  });
  afterAll(() => bed.remove());

  describe.each(['SOURCE_IP', 'SOURCE_IP_AND_PORT'] as const)('with affinity %s', (persistence) => {
    let distributor: TestDistributor;
    beforeAll(async () => {
      distributor = await TestDistributor.create(bed, daemon, { persistence });
      await openConnections();
    });
    afterAll(async () => {
      await bed.clients.forget({});
      await distributor.delete();
    });

    test.each(families)('IPv%i: what is too large for the path gets through', async (family) => {
      const { reports, toClients, toVip, forwarded } = await transfer(distributor, family);
      expect(faults(reports)).toEqual([]);
      expect(reports).toHaveLength(connections);
      expect(toClients).toBeGreaterThan(0);
      expect(toVip).toBeGreaterThan(0);
      expect(forwarded).toBe(toVip);
    });

    test('IPv6: datagrams do, though a router does not cut them up', async () => {
      const clients = [100, 101, 102, 103];
      await bed.clients.openDatagrams({ family: 6, clients, bytes: 8000, lostAfterMs: 1000 });
      await waitUntil(
        'each client to have had five answers',
        async () => (await bed.clients.reportDatagrams()).every(({ answered }) => answered >= 5),
        { deadlineMs: 20_000 },
      );
      // What is too large is lost, once: to the VIP, unless that way is known, and on the way back.
      for (const { lost, wrong } of await bed.clients.closeDatagrams()) {
        expect([1, 2]).toContain(lost);
        expect(wrong).toBe(0);
      }
    });

    describe('while slots are unsettled', () => {
      beforeAll(async () => {
        await openConnections();
        await distributor.drain(bed.amphora(1));
      });

      test.each(families)('IPv%i: it does on the connections open before', async (family) => {
        const { reports, toClients, toVip, forwarded } = await transfer(distributor, family);
        expect((await distributor.status()).unsettled_slots).toBeGreaterThan(0);
        expect(new Set(reports.map(({ amphora }) => amphora)).size).toBe(2);
        expect(faults(reports)).toEqual([]);
        expect(toClients).toBeGreaterThan(0);
        expect(toVip).toBeGreaterThan(0);
        expect(forwarded).toBe(toVip);
      });
    });
  });
});
