// SPDX-License-Identifier: Apache-2.0
// A write-ahead log that a killed daemon left, damaged: what was acknowledged is not dropped silently.
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import { Random } from '../fuzz/random.ts';
import { distributor } from '../support/documents.ts';
import { chooseSeed } from '../support/seed.ts';
import { StateDirectory } from './state-directory.ts';

const changes = 40;
const flips = 60;

let left: StateDirectory;
let database: Buffer;
let log: Buffer;

/** What a kill leaves after some changes, in transactions of their own. */
beforeEach(async () => {
  const live = await StateDirectory.make();
  left = await StateDirectory.make();
  const store = await openStore(live.path);
  for (let n = 0; n < changes; n++) {
    const after = distributor(n);
    await store.commit({ id: after.id, before: null, after });
  }
  database = await readFile(live.file);
  log = await readFile(`${live.file}-wal`);
  await store.close();
  await live.remove();
});
afterEach(() => left.remove());

async function leave(content: Buffer): Promise<void> {
  await writeFile(left.file, database);
  await writeFile(`${left.file}-wal`, content);
}

/** How many of the changes are there when it is opened. */
async function found(): Promise<number> {
  const store = await openStore(left.path);
  const { distributors } = store.statistics();
  await store.close();
  return distributors;
}

function flipped(bit: number): Buffer {
  const content = Buffer.from(log);
  const at = Math.floor(bit / 8);
  content[at] = content.readUInt8(at) ^ (1 << (bit % 8));
  return content;
}

const frame = 24 + 4096;
test.each([
  ['its header', 17, /state\.db-wal: its header/],
  ['the size of a page', 32 + 4 * frame + 5, /frame 5 of/],
  ['the salt of a frame', 32 + 4 * frame + 9, /frame 5 of/],
  ['the checksum of a frame', 32 + 4 * frame + 17, /frame 5 of/],
  ['a page', 32 + 4 * frame + 1000, /frame 5 of/],
])('%s: refused, left as it is, and good again with a good copy', async (_, byte, message) => {
  await leave(flipped(8 * byte));
  const before = await left.content();
  await expect(openStore(left.path)).rejects.toThrow(message);
  expect(await left.content()).toEqual(before);
  await leave(log);
  expect(await found()).toBe(changes);
});

test('cut within its last transaction, as by a loss of power', async () => {
  await leave(log);
  await truncate(`${left.file}-wal`, log.length - 100);
  expect(await found()).toBe(changes - 1);
});

const seed = chooseSeed();
test(`a bit anywhere costs no more than the last transaction, SEED=${seed}`, async () => {
  const random = new Random(seed);
  let refused = 0;
  for (let n = 0; n < flips; n++) {
    const bit = random.below(8 * log.length);
    await leave(flipped(bit));
    const there = await found().catch((error: unknown) => {
      expect(String(error), `bit ${bit}`).toContain('write-ahead log');
      refused++;
      return changes;
    });
    expect(there, `bit ${bit}`).toBeGreaterThanOrEqual(changes - 1);
  }
  expect(refused).toBeGreaterThan(0);
});
