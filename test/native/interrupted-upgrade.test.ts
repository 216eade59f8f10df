// SPDX-License-Identifier: Apache-2.0
// Daemons of two builds, whose maps are laid out differently, are killed while they take over from
// each other: whichever comes next finds all that there was.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { Random } from '../fuzz/random.ts';
import { newBedName, pinDirectory } from '../support/bed-names.ts';
import { run } from '../support/namespaces.ts';
import { chooseSeed } from '../support/seed.ts';

/** Of kills that leave two sets of maps; about every eighth does. */
const HALF_WAY = 5;
const MOST_ROUNDS = 400;
const ROOT = join(import.meta.dirname, '../..');
const ADDONS = [ROOT, join(ROOT, 'build/next')].map((tree) =>
  join(tree, 'build/native/Release/distributor.node'),
);
const SCRIPT = join(import.meta.dirname, 'pinned-content.ts');
const pins = pinDirectory(newBedName());
const seed = chooseSeed();
const random = new Random(seed);

afterAll(() => native.tearDown({ pins }));

const argvOf = (addon: string, task: string) => [SCRIPT, addon, pins, task];

/** `takes`: milliseconds that one which is not killed has taken lately. */
async function killAtSomeMoment(addon: string, takes: number): Promise<void> {
  const child = spawn(process.execPath, argvOf(addon, 'check'), { stdio: 'ignore' });
  const exit = once(child, 'exit');
  await delay((takes * random.between(20, 90)) / 100);
  child.kill('SIGKILL');
  await exit;
}

test(`a change of programs may be interrupted anywhere, SEED=${seed.toString()}`, async () => {
  const [first = ''] = ADDONS;
  await run(null, [process.execPath, ...argvOf(first, 'fill')]);
  let interrupted = 0;
  let takes = 250;
  for (let round = 0; round < MOST_ROUNDS && interrupted < HALF_WAY; round++) {
    await killAtSomeMoment(random.pick(ADDONS), takes);
    const sets = readdirSync(pins).filter((name) => name.startsWith('maps-'));
    if (sets.length > 1) interrupted++;
    const started = performance.now();
    const faults = await run(null, [process.execPath, ...argvOf(random.pick(ADDONS), 'check')]);
    takes = performance.now() - started;
    expect(faults, `round ${round.toString()}`).toBe('');
  }
  expect(interrupted).toBe(HALF_WAY);
}, 300_000);
