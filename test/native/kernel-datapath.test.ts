// SPDX-License-Identifier: Apache-2.0
// The data path's own book-keeping, over the real maps: room, growth, release.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KernelDatapath } from '../../src/datapath/kernel-datapath.ts';
import type { Operation } from '../../src/plan/operation.ts';

const idOf = (digit: string) => `00000000-0000-4000-8000-00000000000${digit}`;
const [a, b, c, d] = [idOf('a'), idOf('b'), idOf('c'), idOf('d')];
const capacity = { vips: 2, slots: 4096, flows: 64, fragments: 64 };

let datapath: KernelDatapath;
beforeEach(() => {
  datapath = new KernelDatapath({ capacity, learningWindow: 5, pins: null });
});
afterEach(() => {
  datapath.close();
});

const create = (id: string, size: number) => datapath.execute(id, { kind: 'create-table', size });
const drop = (id: string) => datapath.execute(id, { kind: 'drop-table' });
const occupy = (position: number): Operation => ({
  kind: 'put-position',
  position,
  occupant: {
    amphoraId: `a${position}`,
    ip: `10.0.0.${position}`,
    mac: `02:00:00:00:00:0${position}`,
  },
  sameAmphora: false,
});

test('room that is given back can be had again, whatever its size', async () => {
  for (let round = 0; round < 50; round++) {
    await create(a, 1024);
    await create(b, 2048);
    await create(c, 1024);
    await expect(create(d, 256)).rejects.toMatchObject({
      reason: 'CAPACITY_EXHAUSTED',
      field: 'capacity.slots',
      value: '256',
    });
    for (const id of [b, a, c]) await drop(id);
  }
  await create(d, 4096);
});

test('growth that finds no room changes nothing', async () => {
  await create(a, 2048);
  await create(b, 1024);
  await datapath.execute(b, occupy(0));
  await datapath.execute(b, { kind: 'assign-slots', weights: [1], retired: [] });
  const before = datapath.slotCounts(b);
  await expect(datapath.execute(b, { kind: 'grow-table', size: 2048 })).rejects.toMatchObject({
    reason: 'CAPACITY_EXHAUSTED',
  });
  expect(datapath.slotCounts(b)).toEqual(before);
  await drop(a);
  await datapath.execute(b, { kind: 'grow-table', size: 2048 });
});

test('growth keeps what slots remember, twice as often', async () => {
  await create(a, 512);
  for (const position of [0, 1]) await datapath.execute(a, occupy(position));
  await datapath.execute(a, { kind: 'assign-slots', weights: [1, 1], retired: [] });
  await datapath.execute(a, { kind: 'assign-slots', weights: [0, 1], retired: [] });
  expect(datapath.slotCounts(a)).toEqual({ unsettled: 256, previous: new Map([[0, 256]]) });
  await datapath.execute(a, { kind: 'grow-table', size: 1024 });
  expect(datapath.slotCounts(a)).toEqual({ unsettled: 512, previous: new Map([[0, 512]]) });
  await datapath.execute(a, { kind: 'assign-slots', weights: [0, 1], retired: [0] });
  expect(datapath.slotCounts(a)).toEqual({ unsettled: 512, previous: new Map([[1, 512]]) });
});

test('a distributor that is not there is named', async () => {
  await expect(drop('ghost')).rejects.toThrow('ghost');
});
