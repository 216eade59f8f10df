// SPDX-License-Identifier: Apache-2.0
import { beforeEach, expect, test } from 'vitest';
import type { Distributor } from '../../src/model/distributor.ts';
import { ConflictWatch } from '../../src/reconcile/conflict-watch.ts';
import { Reconciler } from '../../src/reconcile/reconciler.ts';
import { StatusBoard, type BoardChange } from '../../src/reconcile/status-board.ts';
import { DistributorStore } from '../../src/store/distributor-store.ts';
import { MemoryDatapath } from './driver/memory-datapath.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const timeouts = { tcpIdle: 900, otherIdle: 60 };

let store: DistributorStore;
let datapath: MemoryDatapath;
let board: StatusBoard;

beforeEach(() => {
  store = new DistributorStore();
  datapath = new MemoryDatapath();
  board = new StatusBoard({
    ...{ store, datapath, log: silent },
    reconciler: new Reconciler(datapath, { log: silent, timeouts }),
    conflicts: new ConflictWatch(datapath, silent),
    now: () => 1_000_000,
  });
});

async function put(id: string, interfaces: readonly string[] = []): Promise<void> {
  const after: Distributor = {
    ...{ id, loadBalancer: { id: `lb ${id}`, name: '' }, amphorae: [] },
    ...{ tableSize: 1024, nextPosition: 0 },
    vips: interfaces.map((port) => ({
      ...{
        address: `10.0.0.${id.charCodeAt(0)}`,
        interface: port,
        vlanIds: [],
        subnet: null,
        gateway: null,
      },
      ...{ affinity: 'SOURCE_IP', tracking: 'ADAPTIVE', tcpIdle: null, otherIdle: null },
    })),
  };
  await store.commit({ id, before: store.get(id)?.distributor ?? null, after });
  board.refresh(id);
}

async function remove(id: string): Promise<void> {
  await store.commit({ id, before: store.get(id)?.distributor ?? null, after: null });
  board.refresh(id);
}

test('more deletions than are remembered: a watcher from before them starts over', async () => {
  await put('first');
  const before = board.revision;
  for (let n = 0; n <= 10_000; n++) {
    await put(`d${n}`);
    await remove(`d${n}`);
  }
  expect(() => board.changesSince(before)).toThrow(/is not within/);
  const oldest = board.changesSince(before + 2);
  expect(oldest).toHaveLength(10_000);
  expect(board.changesSince(0).map(({ id }) => id)).toEqual(['first']);
});

test('changes come in the order of their revisions, each distributor once', async () => {
  for (const id of ['a', 'b', 'c']) await put(id);
  const before = board.revision;
  await put('b');
  await put('a');
  await put('b');
  await remove('c');
  const told = board.changesSince(before);
  expect(told.map(({ id, stored }) => (stored === null ? `-${id}` : id))).toEqual(['a', 'b', '-c']);
});

test('suspects are those on ports that changed, and no others', async () => {
  await put('a', ['eth0']);
  await put('b', ['eth1']);
  await put('c', ['eth0', 'eth1']);
  expect([...board.suspects()]).toEqual([]);
  const up = datapath.portStateNow;
  const down = { ...up, link: 'down' } as const;
  datapath.portState = (name) => (name === 'eth0' ? down : up);
  expect([...board.suspects()].sort()).toEqual(['a', 'c']);
  await put('c', ['eth1']);
  datapath.portState = () => up;
  expect([...board.suspects()]).toEqual(['a']);
});

test('listeners hear of what changes, until they leave', async () => {
  const heard: BoardChange[] = [];
  const leave = board.onChange((change) => heard.push(change));
  await put('a');
  board.refresh('a');
  leave();
  await put('b');
  expect(heard.map(({ id }) => id)).toEqual(['a']);
});
