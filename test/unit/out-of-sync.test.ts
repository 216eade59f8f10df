// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { Distributor } from '../../src/model/distributor.ts';
import { Reconciler } from '../../src/reconcile/reconciler.ts';
import { MemoryDatapath } from './driver/memory-datapath.ts';

const distributor: Distributor = {
  ...{ id: 'd', loadBalancer: { id: '', name: '' }, vips: [], amphorae: [] },
  ...{ tableSize: 1024, nextPosition: 0 },
};

test('what fails again each second is logged once, and again when it fails for another reason', async () => {
  const datapath = new MemoryDatapath();
  const errors: unknown[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (facts: object) => errors.push(facts) };
  const timeouts = { tcpIdle: 900, otherIdle: 60 };
  const reconciler = new Reconciler(datapath, { log, timeouts });
  const fail = async (why: string, times: number) => {
    datapath.execute = () => Promise.reject(new Error(why));
    for (let n = 0; n < times; n++) await reconciler.tryConverge('d', distributor);
  };
  await fail('no room', 3);
  expect(errors).toHaveLength(1);
  expect(reconciler.pending).toEqual(['d']);
  await fail('no port', 3);
  expect(errors).toHaveLength(2);
  expect(reconciler.outOfSync('d')).toBe('no port');
  datapath.execute = () => Promise.resolve();
  await reconciler.tryConverge('d', distributor);
  expect(reconciler.pending).toEqual([]);
});
