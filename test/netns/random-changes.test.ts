// SPDX-License-Identifier: Apache-2.0
// Whatever is done to the set of amphorae, in whatever order: no connection breaks that need not.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { shareFaults, sharesOf } from '../../demo/ledger.ts';
import { Random } from '../fuzz/random.ts';
import type { Member } from '../support/amphora-set.ts';
import { changeKinds, planChanges, type PlannedChange } from '../support/change-plan.ts';
import { countedConnections } from '../support/counted-connections.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { FIRST_OTHER_CLIENT, Population } from '../support/population.ts';
import { chooseSeed } from '../support/seed.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';

const families = [4, 6] as const;
const initialSlots = 1024;
const idleSeconds = 20;
/** Some connections are silent for longer than the learning window, none as long as the idle timeout. */
const config = `
capacity: {vips: 64, slots: 262144, flows: 65536}
tables: {initialSlots: ${initialSlots.toString()}}
timeouts: {tcpIdleSeconds: ${idleSeconds.toString()}, otherIdleSeconds: ${idleSeconds.toString()}, learningWindowSeconds: 5}
`;
const pace = { oftenMs: 1500, seldomMs: 8000 } as const;
/** Clients that open a new connection of either family after every change. */
const probers = Array.from({ length: 500 }, (_, index) => FIRST_OTHER_CLIENT + index);

const seed = chooseSeed();
const names = Array.from({ length: 12 }, (_, index) => `amphora-${(index + 1).toString()}`);
const registered = 4;
const plan = planChanges({ seed, changes: 30, amphorae: names, registered, initialSlots });

let bed: TestBed;
let daemon: DaemonProcess;
let distributor: TestDistributor;
let population: Population;
let failed = false;

beforeAll(async () => {
  process.stdout.write(`random changes: SEED=${seed.toString()}\n`);
  bed = await createTestBed({ amphorae: names.length });
  daemon = await DaemonProcess.start(bed, config);
  const amphorae = bed.amphorae.slice(0, registered);
  distributor = await TestDistributor.create(bed, daemon, { amphorae });
  const reachable = names.slice(0, registered);
  const random = new Random(seed);
  population = new Population(bed.clients, reachable, { clients: 1000, random, ...pace });
  await population.start();
});
afterAll(() => bed.remove());
beforeEach(({ skip, onTestFailed }) => {
  if (failed) skip('an earlier change has failed');
  onTestFailed(() => {
    failed = true;
  });
});

const idsOf = (members: readonly Member[], state: Member['state']): string[] =>
  members.filter((member) => member.state === state).map(({ id }) => id);

/** What decides an amphora's share of new connections. */
const weightsOf = (members: readonly Member[]): Map<string, number> =>
  new Map(
    members
      .filter(({ position }) => position !== null)
      .map(({ id, state, weight }) => [id, state === 'ACTIVE' ? weight : 0]),
  );

/** A new connection of either family from every prober. */
async function probe(): Promise<Map<string, string>> {
  const reached = new Map<string, string>();
  for (const family of families)
    for (const { client, amphora, error } of await bed.clients.probe({ family, clients: probers }))
      reached.set(`IPv${family.toString()} client ${client.toString()}`, amphora ?? String(error));
  return reached;
}

/** Connection starts that the data path has sent to amphorae which get none. */
async function startsAt(idle: readonly string[]): Promise<number> {
  const { amphorae } = await distributor.stats();
  return amphorae
    .filter(({ amphora_id }) => idle.includes(amphora_id))
    .reduce((sum, { new_flows }) => sum + new_flows, 0);
}

/** While connections come and go. */
async function apply({ make, before, after, gone }: PlannedChange): Promise<void> {
  const reachable = { before: idsOf(before, 'ACTIVE'), after: idsOf(after, 'ACTIVE') };
  await population.during({ ...reachable, gone }, () => make(distributor.byName));
  // Nobody tells their kernels that their clients have gone: they are to forget these, too.
  for (const amphora of gone.map((name) => bed.amphora(name))) {
    await amphora.stop();
    await amphora.start();
  }
}

test('the plan has every kind of change, and an active amphora at any time', () => {
  expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(changeKinds));
  for (const { title, after } of plan) expect(idsOf(after, 'ACTIVE'), title).not.toEqual([]);
});

describe(`2,000 connections that come and go, SEED=${seed.toString()}`, () => {
  test.each(plan)('$number: $title', async (change) => {
    const { after, tableSize } = change;
    await apply(change);
    expect(await distributor.members()).toEqual(after);
    expect((await distributor.status()).table_size).toBe(tableSize);

    const idle = after.filter(({ state }) => state !== 'ACTIVE').map(({ id }) => id);
    const startsBefore = await startsAt(idle);
    const reached = await probe();
    const active = new Set(idsOf(after, 'ACTIVE'));
    expect([...reached].filter(([, amphora]) => !active.has(amphora))).toEqual([]);
    const shares = sharesOf(weightsOf(after), [...reached.values()]);
    expect(shareFaults(shares, reached.size)).toEqual([]);

    await population.exchangeOften();
    expect(await population.faults()).toEqual([]);
    expect(await startsAt(idle)).toBe(startsBefore);
  });

  test('in the end all of them are where they were, also those that were silent', async () => {
    await population.settle();
    const [one, ...others] = idsOf(plan.at(-1)?.after ?? [], 'ACTIVE');
    if (one !== undefined && others.length > 0) await distributor.drain(bed.amphora(one));
    const reports = await bed.clients.waitForExchange({ deadlineMs: 30_000 });
    expect(await population.faults()).toEqual([]);
    expect(reports.filter(({ alive }) => alive).length).toBeGreaterThan(1900);
    for (const { packets } of (await distributor.stats()).vips) {
      expect(packets['drop_internal']).toBe(0);
      expect(packets['drop_no_amphora']).toBe(0);
      expect(packets['tx_unpinned']).toBe(0);
    }
  });

  test('what is left at draining amphorae is what their kernels have', async () => {
    const draining = idsOf(await distributor.members(), 'DRAINING');
    expect(draining).not.toEqual([]);
    // What another amphora had that went may have come here, to be reset: it counts until it is idle.
    const deadlineMs = (idleSeconds + 5) * 1000;
    for (const name of draining)
      await countedConnections(distributor, bed.amphora(name), { deadlineMs });
  });
});
