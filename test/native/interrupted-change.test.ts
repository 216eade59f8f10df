// SPDX-License-Identifier: Apache-2.0
// A daemon is killed anywhere in a change: the next one completes it, undoes it, or makes
// another one of it, and no slot forgets whose connections it has.
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelDatapath } from '../../src/datapath/kernel-datapath.ts';
import { native, type NativeOccupant, type NativeSlot } from '../../src/datapath/native.ts';
import { seedOf } from '../../src/datapath/seed.ts';
import { positionCapacity } from '../../src/model/table-size.ts';
import { vipKey } from '../../src/model/vip.ts';
import { diff } from '../../src/plan/diff.ts';
import { applyOperation } from '../../src/plan/operation.ts';
import type { DatapathState, DatapathVip, Occupant, WantedState } from '../../src/plan/wanted.ts';
import { newBedName, pinDirectory } from '../support/bed-names.ts';
import { chooseSeed } from '../support/seed.ts';
import { Killed, KillableNative, PORTS } from './killable-native.ts';

let pins = '';
const capacity = { vips: 8, slots: 4096, flows: 64, fragments: 64 };
const killable = new KillableNative();
const seed = chooseSeed();

const opened: KernelDatapath[] = [];
function open(): KernelDatapath {
  for (const before of opened.splice(0)) before.close();
  const datapath = new KernelDatapath({ capacity, learningWindow: 5, pins });
  opened.push(datapath);
  return datapath;
}

function removeAll(): void {
  for (const datapath of opened.splice(0)) datapath.close();
  if (pins !== '') rmSync(pins, { recursive: true, force: true });
  pins = pinDirectory(newBedName());
}
beforeAll(removeAll);
afterAll(removeAll);

const vip: fc.Arbitrary<DatapathVip> = fc
  .record({
    port: fc.constantFrom(...PORTS),
    address: fc.constantFrom('10.0.0.1', 'fd00::1'),
    affinity: fc.constantFrom('SOURCE_IP' as const, 'SOURCE_IP_AND_PORT' as const),
    tcpIdle: fc.constantFrom(60, 900),
  })
  .map(({ port: { name, ifindex, mac }, ...rest }) => ({
    ...{ ...rest, interface: name, ifindex, mac, vlanIds: [] },
    ...{ tracking: 'ADAPTIVE', otherIdle: 60 },
  }));

const wantedState: fc.Arbitrary<WantedState> = fc
  .record({
    tableSize: fc.constantFrom(1024, 2048),
    amphorae: fc.array(fc.option(fc.record({ version: fc.nat(3), weight: fc.nat(2) })), {
      maxLength: 4,
    }),
    vips: fc.array(vip, { maxLength: 3 }),
  })
  .map(({ tableSize, amphorae, vips }) => {
    const weights: number[] = [];
    const positions = new Map<number, Occupant>();
    amphorae.forEach((amphora, position) => {
      if (amphora === null) return;
      const name = `${position}.${amphora.version}`;
      positions.set(position, {
        amphoraId: `amphora-${name}`,
        ip: `10.0.${name}`,
        mac: `02:00:00:00:0${position}:0${amphora.version}`,
      });
      if (amphora.weight === 0) return;
      while (weights.length < position) weights.push(0);
      weights.push(amphora.weight);
    });
    const byKey = new Map(vips.map((each) => [vipKey(each), each]));
    return { tableSize, weights, positions, vips: byKey, neighbours: new Map() };
  });

/** Brings a distributor's data path from what it is to what it shall be. */
async function converge(
  datapath: KernelDatapath,
  id: string,
  { actual, wish }: { actual: DatapathState | null; wish: WantedState },
): Promise<WantedState> {
  const tableSize = Math.max(wish.tableSize, actual?.tableSize ?? 0);
  const wanted = { ...wish, tableSize };
  for (const operation of diff(actual, wanted)) await datapath.execute(id, operation);
  return wanted;
}

/** All that the next daemon would find, as the kernel has it. */
interface Found {
  readonly slots: readonly NativeSlot[];
  readonly occupants: readonly NativeOccupant[];
}

function find(id: string): Found {
  for (const datapath of opened.splice(0)) datapath.close();
  const datapath = new native.Datapath({
    ...{ ...capacity, positions: positionCapacity(capacity.slots), pins },
  });
  try {
    const { tables, vips } = datapath.adopted();
    const table = tables.find(({ distributorId }) => distributorId === id);
    if (table === undefined) throw new Error('the distributor is not there');
    const { slotBase: base, positionBase: index, size } = table;
    for (const own of vips.filter(({ distributorId }) => distributorId === id))
      expect(own).toMatchObject({ slotBase: base, positionBase: index, tableSize: size });
    const slots = datapath.table({ base, size });
    return {
      slots: Array.from({ length: size }, (_, slot) => slots.at(slot)),
      occupants: datapath.occupants({ index, count: positionCapacity(size) }),
    };
  } finally {
    datapath.close();
  }
}

function amphoraAt({ occupants }: Found, owner: number) {
  return occupants.find(({ position }) => position === owner - 1)?.amphora ?? null;
}

/** What connections need to amphorae that were there all the time. */
function expectNothingForgotten(
  { before, after }: { before: Found; after: Found },
  wishes: readonly WantedState[],
): void {
  const ratio = after.slots.length / before.slots.length;
  const stays = (position: number, id: string) =>
    wishes.every(({ positions }) => positions.get(position)?.amphoraId === id);
  for (const { position, amphora } of before.occupants) {
    if (amphora === null || !stays(position, amphora.id)) continue;
    const { generation, since } = amphora;
    expect(amphoraAt(after, position + 1)).toMatchObject({ generation, since });
  }
  after.slots.forEach((slot, index) => {
    const { current } = before.slots[Math.floor(index / ratio)] ?? { current: 0 };
    const had = amphoraAt(before, current);
    if (slot.current === current || had === null || !stays(current - 1, had.id)) return;
    expect(slot.previous).toBe(current);
  });
}

async function expectBuilt(id: string, { slots }: Found, { weights }: WantedState): Promise<void> {
  const owners = await native.buildTable({
    seed: seedOf(id),
    weights: Uint32Array.from(weights),
    size: slots.length,
  });
  expect(slots.map(({ current }) => current)).toEqual([...owners]);
}

/** Does the change until the daemon is killed; true if it came to its end before. */
async function isDone(change: () => Promise<unknown>, calls: number): Promise<boolean> {
  killable.left = calls;
  try {
    await change();
    return true;
  } catch (error) {
    const { cause } = error as Error;
    if (!(error instanceof Killed) && !(cause instanceof Killed)) throw error;
    return false;
  } finally {
    killable.left = Infinity;
  }
}

test(`a change that is interrupted anywhere is completed or undone, SEED=${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(wantedState, wantedState, wantedState),
      fc.nat(60),
      fc.boolean(),
      async (wishes, calls, undo) => {
        const [first, second, third] = wishes;
        const id = randomUUID();
        removeAll();
        let datapath = open();
        await datapath.adopt();
        const start = await converge(datapath, id, { actual: null, wish: first });
        const before = find(id);

        datapath = open();
        const actual = (await datapath.adopt()).states.get(id) ?? null;
        expect(diff(actual, start)).toEqual([]);
        const done = await isDone(() => converge(datapath, id, { actual, wish: second }), calls);

        datapath = open();
        const last = done ? third : undo ? first : second;
        const left = (await datapath.adopt()).states.get(id) ?? null;
        const end = await converge(datapath, id, { actual: left, wish: last });
        const after = find(id);
        await expectBuilt(id, after, end);
        expectNothingForgotten({ before, after }, [second, last]);

        datapath = open();
        const found = (await datapath.adopt()).states.get(id) ?? null;
        expect(diff(found, end)).toEqual([]);
        const operations = diff(found, null);
        for (const operation of operations) await datapath.execute(id, operation);
        expect(operations.reduce<DatapathState | null>(applyOperation, found)).toBeNull();
      },
    ),
    { numRuns: 40, seed },
  );
});
