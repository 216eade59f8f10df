// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { FuzzSession } from '../unit/api/fuzz-session.ts';

const requests = 100_000;
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 32);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test(`100,000 random requests (SEED=${seed})`, async () => {
  const session = await FuzzSession.start(seed);
  onTestFinished(() => session.stop());
  const heaps: number[] = [];
  const codes = new Map<string, number>();
  for (let third = 0; third < 3; third++) {
    const { byCode, unchanged } = await session.run(Math.ceil(requests / 3));
    for (const [code, count] of byCode) codes.set(code, (codes.get(code) ?? 0) + count);
    expect(unchanged).toBeGreaterThan(0);
    heaps.push(heapInUse());
  }
  process.stdout.write(
    `${JSON.stringify({ seed, codes: Object.fromEntries(codes), megabytes: heaps.map((heap) => Math.round(heap / 2 ** 20)) })}\n`,
  );
  const [first = 0, , last = 0] = heaps;
  expect(last - first).toBeLessThan(50 * 2 ** 20);
});
