// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../support/namespaces.ts';

const FUZZER = join(import.meta.dirname, '../fuzz/main.ts');
const FRAMES = 200_000;

/** The fuzzer's exit status says whether all was well; what it prints, how to see it again. */
function fuzz(...argv: readonly string[]): Promise<string> {
  return run(null, [process.execPath, FUZZER, ...argv]);
}

test('no frame makes the program do what it must not, and every verdict is reached', async () => {
  expect(await fuzz('--frames', FRAMES.toString())).toContain(`${FRAMES} frames in`);
});

test('a frame is found again by its seed and number', async () => {
  const argv = ['--seed', '7', '--only', '3210'];
  expect(await fuzz(...argv)).toBe(await fuzz(...argv));
});

test('a frame can be tried alone', async () => {
  const toNobody = 'ff'.repeat(14);
  expect(await fuzz('--frame', toNobody)).toBe('pass_not_vip\n');
});
