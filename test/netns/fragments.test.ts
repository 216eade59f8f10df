// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DatagramReport } from '../support/client-protocol.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { growth, kernelCounters } from '../support/kernel-counters.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { waitUntil } from '../support/wait-until.ts';

const families = [4, 6] as const;
const clients = Array.from({ length: 100 }, (_, client) => client);
/** Those that begin while slots are unsettled. */
const later = clients.map((client) => clients.length + client);
const bytes = 8000;

let bed: TestBed;
let daemon: DaemonProcess;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 3 });
  daemon = await DaemonProcess.start(bed);
});
afterAll(() => bed.remove());

/** Resolves when each flow has had that many more answers, or when one has lost any. */
async function exchange(datagrams: number): Promise<void> {
  const before = await bed.clients.reportDatagrams();
  await waitUntil(
    `${datagrams} answers to each flow`,
    async () => {
      const reports = await bed.clients.reportDatagrams();
      const answered = ({ answered }: DatagramReport, index: number) =>
        answered >= (before[index]?.answered ?? 0) + datagrams;
      return reports.every(answered) || reports.some(({ lost }) => lost > 0);
    },
    { deadlineMs: 60_000 },
  );
}

const faults = (reports: readonly DatagramReport[]): DatagramReport[] =>
  reports.filter(
    ({ amphorae, lost, wrong, detail }) =>
      amphorae.length !== 1 || lost > 0 || wrong > 0 || detail !== null,
  );

describe.each(['SOURCE_IP', 'SOURCE_IP_AND_PORT'] as const)('with affinity %s', (persistence) => {
  let distributor: TestDistributor;
  beforeEach(async () => {
    const amphorae = bed.amphorae.slice(0, 2);
    distributor = await TestDistributor.create(bed, daemon, { persistence, amphorae });
  });
  afterEach(async () => {
    await bed.clients.closeDatagrams();
    await distributor.delete();
  });

  test('datagrams in fragments arrive whole, and at one amphora, whatever changes', async () => {
    const before = await kernelCounters(bed.namespaces.client);
    const opened = [];
    for (const family of families)
      opened.push(...(await bed.clients.openDatagrams({ family, clients, bytes })));
    expect(faults(opened)).toEqual([]);
    expect(new Set(opened.flatMap(({ amphorae }) => amphorae)).size).toBe(2);

    await Promise.all([exchange(3), distributor.drain(bed.amphora(1))]);
    expect((await distributor.status()).unsettled_slots).toBeGreaterThan(0);
    for (const family of families)
      await bed.clients.openDatagrams({ family, clients: later, bytes });
    await exchange(3);
    await Promise.all([exchange(3), distributor.register([bed.amphora(3)])]);
    await exchange(3);

    const reports = await bed.clients.closeDatagrams();
    expect(faults(reports)).toEqual([]);
    expect(reports).toHaveLength(families.length * (clients.length + later.length));
    const grown = growth(before, await kernelCounters(bed.namespaces.client));
    const sent = { 4: grown('IpFragOKs'), 6: grown('Ip6FragOKs') };
    for (const family of families) {
      expect(sent[family], 'sent in fragments').toBeGreaterThanOrEqual(13 * clients.length);
      expect(await distributor.count(family, 'drop_fragment')).toBe(0);
    }
  });
});
