// SPDX-License-Identifier: Apache-2.0
// A look at every change; test/security has the long run.
import { expect, test } from 'vitest';
import { FuzzSession } from './fuzz-session.ts';

test('2,000 random requests', async () => {
  const session = await FuzzSession.start(1);
  const { byCode, unchanged } = await session.run(2000);
  await session.stop();
  expect(byCode.get('OK')).toBeGreaterThan(0);
  expect(byCode.get('INVALID_ARGUMENT')).toBeGreaterThan(0);
  expect(unchanged).toBeGreaterThan(0);
});
