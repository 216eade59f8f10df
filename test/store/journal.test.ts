// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DistributorStore } from '../../src/store/distributor-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { distributor } from '../support/documents.ts';
import { StateDirectory } from './state-directory.ts';

let directory: StateDirectory;
beforeEach(async () => {
  directory = await StateDirectory.make();
});
afterEach(() => directory.remove());

/** Its n-th distributor has another name. */
function rename(store: DistributorStore, n: number, name: string): Promise<number> {
  const { id, loadBalancer } = distributor(n);
  const before = store.get(id)?.distributor ?? null;
  const after = distributor(n, { loadBalancer: { ...loadBalancer, name } });
  return store.commit({ id, before, after });
}

test('changes that come while the disk is busy share a transaction', async () => {
  const store = await openStore(directory.path);
  const write = async (n: number) => {
    for (let i = 0; i < 20; i++) await rename(store, n, `${i}`);
  };
  await Promise.all(Array.from({ length: 16 }, (_, n) => write(n)));
  const { commits, changes, failures, queueLength } = store.statistics();
  expect({ changes, failures, queueLength }).toEqual({ changes: 320, failures: 0, queueLength: 0 });
  expect(commits).toBeLessThan(160);
  await store.close();
});

test('closing waits for changes that wait', async () => {
  const store = await openStore(directory.path);
  const changes = Array.from({ length: 5 }, async (_, n) => {
    await rename(store, n, 'first');
    await rename(store, n, 'second');
  });
  await rename(store, 100, 'x');
  await store.close();
  await Promise.allSettled(changes);
  const again = await openStore(directory.path);
  for (const { distributor: each } of store.all())
    expect(again.get(each.id)?.distributor).toEqual(each);
  expect(again.statistics().distributors).toBe(store.statistics().distributors);
  await again.close();
  await expect(rename(store, 200, 'late')).rejects.toMatchObject({ reason: 'STORE_FAILED' });
});

const isRoot = process.getuid?.() === 0;
test('a full disk: changes fail, nothing of them is there; with room they succeed again', async (context) => {
  context.skip(!isRoot, 'mounting needs root');
  const disk = join(directory.path, 'disk');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  try {
    const store = await openStore(join(disk, 'state'));
    await rename(store, 1, 'before');
    const { bavail, bsize } = await statfs(disk);
    const ballast = join(disk, 'ballast');
    await writeFile(ballast, Buffer.alloc(bavail * bsize));
    const long = 'x'.repeat(50_000);
    const failed = await Promise.allSettled([rename(store, 1, long), rename(store, 2, long)]);
    for (const each of failed)
      expect(each).toMatchObject({ status: 'rejected', reason: { reason: 'STORE_FAILED' } });
    expect([...store.all()].map((each) => each.distributor.loadBalancer.name)).toEqual(['before']);
    await rm(ballast);
    await rename(store, 2, long);
    await store.close();
    const again = await openStore(join(disk, 'state'));
    const names = [...again.all()].map((each) => each.distributor.loadBalancer.name);
    expect(names).toEqual(['before', long]);
    await again.close();
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});
