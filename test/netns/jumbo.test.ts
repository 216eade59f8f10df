// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { growth, kernelCounters } from '../support/kernel-counters.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';

const families = [4, 6] as const;
const mtu = 9000;
const connections = 16;

let bed: TestBed;
let daemon: DaemonProcess;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 2, mtu });
  daemon = await DaemonProcess.start(bed);
});
afterAll(() => bed.remove());

describe.each(['SOURCE_IP', 'SOURCE_IP_AND_PORT'] as const)('with affinity %s', (persistence) => {
  let distributor: TestDistributor;
  beforeAll(async () => {
    distributor = await TestDistributor.create(bed, daemon, { persistence });
  });
  afterAll(() => distributor.delete());

  test('the port is attached in native mode', async () => {
    const { vips, conditions } = await distributor.status();
    expect(vips.map(({ xdp_mode }) => xdp_mode)).toEqual(['native', 'native']);
    expect(conditions).toEqual([]);
  });

  test.each(families)('IPv%i: datagrams of 8,900 bytes pass in one piece', async (family) => {
    const before = await kernelCounters(bed.namespaces.client);
    const clients = Array.from({ length: 50 }, (_, client) => client);
    const opened = await bed.clients.openDatagrams({ family, clients, bytes: 8900 });
    await bed.clients.closeDatagrams();
    expect(opened.filter(({ answered, detail }) => answered !== 1 || detail !== null)).toEqual([]);
    expect(new Set(opened.flatMap(({ amphorae }) => amphorae)).size).toBe(2);
    const grown = growth(before, await kernelCounters(bed.namespaces.client));
    expect(grown('IpFragCreates', 'Ip6FragCreates', 'IpReasmReqds', 'Ip6ReasmReqds')).toBe(0);
  });

  test.each(families)('IPv%i: so do large transfers, while slots change', async (family) => {
    const bytes = 1_000_000;
    await bed.clients.openConnections({ family, count: connections });
    const counters = await distributor.stats();
    const before = counters.vips.reduce((sum, { forwarded_bytes }) => sum + forwarded_bytes, 0);
    const [first] = await Promise.all([
      bed.clients.transfer({ family, bytes }),
      distributor.drain(bed.amphora(1)),
    ]);
    const reports = await bed.clients.transfer({ family, bytes });
    await distributor.register(bed.amphorae);
    for (const { alive, bytesEchoed } of [...first, ...reports]) {
      expect(alive).toBe(true);
      expect(bytesEchoed).toBeGreaterThanOrEqual(bytes);
    }
    expect(new Set(reports.map(({ amphora }) => amphora)).size).toBe(2);
    const { vips } = await distributor.stats();
    const after = vips.reduce((sum, { forwarded_bytes }) => sum + forwarded_bytes, 0);
    expect(after - before).toBeGreaterThan(2 * connections * bytes);
    await bed.clients.forget({});
  });
});
