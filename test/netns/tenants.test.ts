// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Amphora } from '../support/amphora.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { growth, kernelCounters, type KernelCounters } from '../support/kernel-counters.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { waitUntil } from '../support/wait-until.ts';

const families = [4, 6] as const;
const connections = 100;
const clients = Array.from({ length: 200 }, (_, client) => client);
/** What all datagrams of a flow come from, in both tenants. */
const sourcePort = 5000;
/** Every packet that reaches an amphora for its VIP: it looks nothing up and nobody else calls it. */
const delivered = ['TcpInSegs', 'UdpInDatagrams', 'Udp6InDatagrams'];

interface Tenant {
  readonly bed: TestBed;
  readonly distributor: TestDistributor;
  /** The one that will be. */
  readonly drained: Amphora;
}

let daemon: DaemonProcess;
const tenants: Tenant[] = [];
const beds: TestBed[] = [];

beforeAll(async () => {
  const host = await createTestBed({ amphorae: 3 });
  beds.push(host);
  beds.push(await createTestBed({ amphorae: 3, tenant: { name: 'blue', host } }));
  daemon = await DaemonProcess.start(host);
  for (const [index, bed] of beds.entries()) {
    // In another order, so that what one tenant has at a position the other has elsewhere.
    const amphorae = index === 0 ? bed.amphorae : bed.amphorae.toReversed();
    const distributor = await TestDistributor.create(bed, daemon, { amphorae });
    tenants.push({ bed, distributor, drained: bed.amphora(1 + index) });
  }
});
afterAll(async () => {
  for (const bed of beds.toReversed()) await bed.remove();
});

const forAll = <Result>(work: (tenant: Tenant) => Promise<Result>): Promise<Result[]> =>
  Promise.all(tenants.map(work));
const countersOf = ({ bed }: Tenant): Promise<KernelCounters[]> =>
  Promise.all(bed.amphorae.map(({ namespace }) => kernelCounters(namespace)));

/** New connections and datagrams from every client; those that nobody answered, or another's amphora. */
async function strays({ bed }: Tenant): Promise<unknown[]> {
  const own = new Set(bed.amphorae.map(({ name }) => name));
  const results = [];
  for (const family of families) {
    results.push(...(await bed.clients.probe({ family, clients })));
    results.push(...(await bed.clients.udpProbe({ family, clients })));
  }
  return results.filter(({ amphora }) => amphora === null || !own.has(amphora));
}

/** Whom new connections reach. */
async function reached({ bed }: Tenant): Promise<Set<string | null>> {
  const results = [];
  for (const family of families) results.push(...(await bed.clients.probe({ family, clients })));
  return new Set(results.map(({ amphora }) => amphora));
}

test('the tenants differ in nothing but names', () => {
  const [one, other] = beds;
  expect(one?.vip).toEqual(other?.vip);
  const addresses = (bed: TestBed | undefined) =>
    bed?.amphorae.map(({ ipv4, ipv6, mac }) => [ipv4, ipv6, mac]);
  expect(addresses(one)).toEqual(addresses(other));
  expect(one?.distributorPort).not.toBe(other?.distributorPort);
});

test('two tenants with the same addresses never get a byte of each other', async () => {
  const before = await forAll(countersOf);
  await forAll(async ({ bed }) => {
    for (const family of families) {
      await bed.clients.openConnections({ family, count: connections });
      await bed.clients.openDatagrams({ family, clients, bytes: 100, sourcePort });
    }
  });
  expect(await forAll(strays)).toEqual([[], []]);
  const [, found] = await Promise.all([
    forAll(({ distributor, drained }) => distributor.drain(drained)),
    forAll(strays),
  ]);
  expect(found).toEqual([[], []]);
  expect(await forAll(strays)).toEqual([[], []]);
  const left = tenants.map(({ bed, drained }) =>
    bed.amphorae.filter((amphora) => amphora !== drained).map(({ name }) => name),
  );
  expect(await forAll(reached)).toEqual(left.map((names) => new Set(names)));

  // A flow stays where it was, though the other tenant has one with the very same addresses and ports.
  const flows = await forAll(({ bed }) => bed.clients.closeDatagrams());
  expect(flows.flat().filter(({ amphorae, lost }) => amphorae.length !== 1 || lost > 0)).toEqual(
    [],
  );

  const reports = await forAll(({ bed }) => bed.clients.waitForExchange());
  for (const [index, { bed }] of tenants.entries()) {
    const own = bed.amphorae.map(({ name }) => name);
    expect(reports[index]?.filter(({ alive }) => !alive)).toEqual([]);
    expect(new Set(reports[index]?.map(({ amphora }) => amphora))).toEqual(new Set(own));
  }
  await forAll(({ bed }) => bed.clients.close({}));

  // What each distributor says it sent to an amphora is what that amphora received: no less, as
  // nothing went to the other tenant's, no more, as nothing came from there.
  for (const [index, tenant] of tenants.entries())
    await waitUntil('packets sent and packets received to agree', async () => {
      const { amphorae } = await tenant.distributor.stats();
      const after = await countersOf(tenant);
      return tenant.bed.amphorae.every(({ name }, place) => {
        const received = growth(before[index]?.[place] ?? {}, after[place] ?? {})(...delivered);
        const sent = amphorae.find(({ amphora_id }) => amphora_id === name)?.packets;
        return received > 0 && sent === received;
      });
    });
});
