// SPDX-License-Identifier: Apache-2.0
// Which distributors a pass looks at; what settling does to slots is the slot table's test.
import { beforeEach, expect, test } from 'vitest';
import type { Distributor } from '../../src/model/distributor.ts';
import { registerAmphorae } from '../../src/model/registration.ts';
import { Reconciler } from '../../src/reconcile/reconciler.ts';
import { MemoryDatapath } from './driver/memory-datapath.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const limits = { initialSlots: 1024, maxSlots: 2 ** 19 };

let datapath: MemoryDatapath;
let reconciler: Reconciler;
/** Ids of distributors that were looked at, and what each has then. */
let looks: string[];
let left: { unsettled: number; next: number };

beforeEach(() => {
  datapath = new MemoryDatapath();
  reconciler = new Reconciler(datapath, {
    log: silent,
    timeouts: { tcpIdle: 900, otherIdle: 60 },
  });
  looks = [];
  left = { unsettled: 5, next: 100 };
  datapath.settle = (id) => {
    looks.push(id);
    return left;
  };
});

async function create(n: number, tableSize: number, amphorae: number): Promise<void> {
  const id = `d${n}`;
  const empty: Distributor = {
    ...{ id, loadBalancer: { id: '', name: '' }, vips: [], amphorae: [] },
    ...{ tableSize, nextPosition: 0 },
  };
  const requests = Array.from({ length: amphorae }, (_, i) => ({
    ...{ id: `a${i}`, ip: `10.0.0.${i + 1}`, mac: `02:00:00:00:00:0${i}` },
    ...{ weight: null, position: null, role: null },
  }));
  await reconciler.converge(
    id,
    registerAmphorae(empty, requests, { limits, isReady: () => true, now: 0 }),
  );
}

test('10 unsettled distributors among 1,000 cost what 10 cost, and nothing before they are due', async () => {
  for (let n = 0; n < 1000; n++) await create(n, 1024, n % 100 === 0 ? 1 : 0);
  reconciler.settle(0);
  const unsettled = looks.splice(0);
  expect(unsettled).toHaveLength(10);
  for (let now = 1; now < 100; now++) reconciler.settle(now);
  expect(looks).toEqual([]);
  reconciler.settle(100);
  expect(looks).toEqual(unsettled);
  left = { unsettled: 0, next: 0 };
  reconciler.settle(300);
  looks.length = 0;
  reconciler.settle(10_000);
  expect(looks).toEqual([]);
});

test('a pass ends after a million slots, and the next one goes on behind it', async () => {
  const size = 2 ** 19;
  for (let n = 0; n < 5; n++) await create(n, size, 1);
  left = { unsettled: 5, next: 1 };
  const passes = [0, 1, 2].map((now) => {
    reconciler.settle(now);
    return looks.splice(0);
  });
  expect(passes).toEqual([
    ['d0', 'd1'],
    ['d2', 'd3'],
    ['d4', 'd0'],
  ]);
});
