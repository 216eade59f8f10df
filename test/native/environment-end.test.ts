// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const addon = new URL('../../build/native/Release/distributor.node', import.meta.url).pathname;

/** Ends by itself: a handle that was never closed must neither hang the process nor crash it. */
test.each([
  ['a watch that was never closed', 'new native.NeighbourWatch(() => {})'],
  [
    'some closed and some not',
    'for (let i = 0; i < 8; i++) { const w = new native.NeighbourWatch(() => {}); if (i % 2) w.close(); }',
  ],
  [
    'a data path that was never closed',
    'new native.Datapath({ vips: 1, slots: 256, positions: 1, flows: 16, fragments: 16, pins: null }).table({ base: 0, size: 256 })',
  ],
  [
    'a sweep that is under way',
    'new native.Datapath({ vips: 1, slots: 256, positions: 1, flows: 16, fragments: 16, pins: null }).sweepFlows({ closing: 60, positions: Uint32Array.of(0) })',
  ],
])('%s lets the process end', async (_, code) => {
  const script = `const native = require(${JSON.stringify(addon)}); ${code}; console.log('end');`;
  const run = promisify(execFile)(process.execPath, ['-e', script], { timeout: 20_000 });
  expect((await run).stdout).toBe('end\n');
});
