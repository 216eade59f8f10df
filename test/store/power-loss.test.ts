// SPDX-License-Identifier: Apache-2.0
// The file as it is at any moment of a write load opens, and has all that was acknowledged.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import { Random } from '../fuzz/random.ts';
import { chooseSeed } from '../support/seed.ts';
import { StateDirectory } from './state-directory.ts';
import { pairOf, writers } from './write-load.ts';
import { WritingProcess } from './writing.ts';

const moments = 100;

let directory: StateDirectory;
let writing: WritingProcess;
beforeEach(async () => {
  directory = await StateDirectory.make();
  writing = new WritingProcess(join(directory.path, 'live'));
});
afterEach(async () => {
  await writing.kill();
  await directory.remove();
});

/** By writer: how many of its changes a store has; each of them whole. */
async function changesIn(path: string): Promise<number[]> {
  const store = await openStore(path);
  try {
    const changes = Array.from({ length: writers }, (_, writer) => {
      const [id, otherId] = pairOf(writer, 1).map((each) => each?.id ?? '');
      const first = store.get(id ?? '')?.distributor ?? null;
      const second = store.get(otherId ?? '')?.distributor ?? null;
      const change = Number(first?.loadBalancer.name ?? 0);
      expect([first, second]).toEqual(change === 0 ? [null, null] : pairOf(writer, change));
      return change;
    });
    const there = changes.flatMap((change, writer) => (change === 0 ? [] : pairOf(writer, change)));
    expect(store.statistics().distributors).toBe(there.filter((each) => each !== null).length);
    return changes;
  } finally {
    await store.close();
  }
}

function expectNoneLost(found: readonly number[], promised: readonly number[]): void {
  for (const [writer, change] of found.entries()) {
    expect(change, `writer ${writer}`).toBeGreaterThanOrEqual(promised[writer] ?? 0);
  }
}

const seed = chooseSeed();
test(`at ${moments} random moments, SEED=${seed}`, { timeout: 300_000 }, async () => {
  const random = new Random(seed);
  const copy = join(directory.path, 'copy');
  let before: readonly number[] = Array.from({ length: writers }, () => 0);
  for (let moment = 0; moment < moments; moment++) {
    await writing.progress(random.below(60));
    // Not right after an answer: anywhere within what comes next.
    await delay(random.below(12));
    const promised = await writing.whileStopped(async () => {
      await cp(join(directory.path, 'live'), copy, { recursive: true });
      return [...writing.acknowledged];
    });
    const found = await changesIn(copy);
    expectNoneLost(found, promised);
    expectNoneLost(found, before);
    before = found;
    await rm(copy, { recursive: true });
  }
  await writing.progress(1);
});

test('killed, and opened again by another one, many times', { timeout: 300_000 }, async () => {
  const live = join(directory.path, 'live');
  for (let round = 0; round < 5; round++) {
    await writing.progress(100);
    await expect(openStore(live)).rejects.toThrow(/is in use: another distributord/);
    await writing.kill();
    const found = await changesIn(live);
    expectNoneLost(found, writing.acknowledged);
    writing = new WritingProcess(live);
  }
});
