// SPDX-License-Identifier: Apache-2.0
// Whatever strangers send, connections stay where they are, also while an amphora drains.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Amphora } from '../support/amphora.ts';
import type { ConnectionReport } from '../support/client-protocol.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { flood, type Flood } from '../support/flood.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';

const FLOWS = 65_536;
/** Of the tenant that is flooded, and of the other. */
const oldConnections = { flooded: 1000, spared: 100 } as const;
const newConnections = { flooded: 200, spared: 50 } as const;
/** Echoes may take their time on a busy machine: what counts is that they come. */
const patience = { intervalMs: 1000, stallMs: 20_000 } as const;

interface Tenant {
  readonly bed: TestBed;
  readonly distributor: TestDistributor;
  readonly drained: Amphora;
  /** Which amphora each client's connection reached. */
  readonly placed: ReadonlyMap<number, string | null>;
}

let daemon: DaemonProcess;
const beds: TestBed[] = [];
let flooded: Tenant;
let spared: Tenant;
let seed = 0;

beforeAll(async () => {
  const bed = await createTestBed({ amphorae: 3 });
  beds.push(bed);
  const other = await createTestBed({ amphorae: 2, tenant: { name: 'blue', host: bed } });
  beds.push(other);
  const capacity = `capacity: {vips: 64, slots: 262144, flows: ${FLOWS}}\n`;
  daemon = await DaemonProcess.start(bed, capacity);
  flooded = await drainUnderLoad(bed, 'flooded');
  spared = await drainUnderLoad(other, 'spared');
});
afterAll(async () => {
  for (const bed of beds.toReversed()) await bed.remove();
});

/** Connections from before a drain, and more of them from after it. */
async function drainUnderLoad(bed: TestBed, which: keyof typeof oldConnections): Promise<Tenant> {
  const distributor = await TestDistributor.create(bed, daemon);
  const first = oldConnections[which];
  await bed.clients.openConnections({ family: 4, count: first, ...patience });
  const drained = bed.amphora(1);
  await distributor.drain(drained);
  await bed.clients.openConnections({
    ...{ family: 4, firstClient: first, count: newConnections[which] },
    ...patience,
  });
  return { bed, distributor, drained, placed: placement(await bed.clients.waitForExchange()) };
}

function placement(reports: readonly ConnectionReport[]): Map<number, string | null> {
  return new Map(reports.map(({ client, amphora, alive }) => [client, alive ? amphora : null]));
}

async function packetsOf({ distributor }: Tenant): Promise<number> {
  const verdicts = Object.values(await distributor.verdicts(4));
  return verdicts.reduce((sum, packets) => sum + packets, 0);
}

/** Floods until the distributor has counted so many packets more, its clients' few included. */
async function floodWith(kind: Flood['kind'], packets: number): Promise<void> {
  const goal = (await packetsOf(flooded)) + packets;
  for (let left = packets; left > 0; left = goal - (await packetsOf(flooded)))
    await flood(flooded.bed, { kind, packets: Math.max(left, 10_000), seed: ++seed });
}

/** Every connection of both tenants exchanges bytes with the amphora that it began with. */
async function expectAllAsBefore(): Promise<void> {
  for (const { bed, placed } of [flooded, spared]) {
    const reports = await bed.clients.waitForExchange({ deadlineMs: 30_000 });
    expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
    expect(placement(reports)).toEqual(placed);
  }
}

test('before the flood, connections are on all amphorae, new ones not on the draining one', () => {
  for (const { bed, drained, placed } of [flooded, spared]) {
    const names = [...placed.values()];
    for (const { name } of bed.amphorae)
      expect(names.filter((amphora) => amphora === name).length).toBeGreaterThan(
        placed.size / 2 / bed.amphorae.length,
      );
    const added = bed === flooded.bed ? newConnections.flooded : newConnections.spared;
    expect(names.slice(-added)).not.toContain(drained.name);
  }
});

describe('breaks no connection, neither from before the drain nor from after it', () => {
  test('a flood of 2,000,000 SYNs', async () => {
    const before = await flooded.distributor.count(4, 'tx_new');
    await floodWith('syn', 2_000_000);
    // Enough of them were new flows in slots that the drain has unsettled.
    const after = await flooded.distributor.count(4, 'tx_new');
    expect(after - before).toBeGreaterThan(4 * FLOWS);
    await expectAllAsBefore();
  });

  test.each([
    { kind: 'ack', what: 'ACKs of nobody' },
    { kind: 'pairs', what: 'SYNs, each with an ACK' },
    { kind: 'udp', what: 'UDP' },
    { kind: 'fragments', what: 'first fragments' },
  ] as const)('a flood of 300,000 packets: $what', async ({ kind }) => {
    await floodWith(kind, 300_000);
    await expectAllAsBefore();
  });
});

describe('after the floods', () => {
  test('the flooded VIP has what it may have of the flow table', async () => {
    expect(await flooded.distributor.count(4, 'tx_unpinned')).toBeGreaterThan(0);
  });

  test('the other tenant still finds room for all of its new connections', async () => {
    const { bed, distributor, placed } = spared;
    const reports = await bed.clients.openConnections({
      ...{ family: 4, firstClient: placed.size, count: newConnections.spared },
      ...patience,
    });
    expect(reports.filter(({ alive }) => !alive)).toEqual([]);
    await bed.clients.waitForExchange();
    expect(await distributor.count(4, 'tx_unpinned')).toBe(0);
  });

  test('the drained amphora has all of its connections, and they go on', async () => {
    const { bed, drained, placed } = flooded;
    const expected = [...placed.values()].filter((amphora) => amphora === drained.name);
    for (let exchanges = 0; exchanges < 3; exchanges++) {
      const reports = await bed.clients.waitForExchange();
      const its = reports.filter(({ amphora, alive }) => alive && amphora === drained.name);
      expect(its).toHaveLength(expected.length);
    }
  });
});
