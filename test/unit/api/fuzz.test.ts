// SPDX-License-Identifier: Apache-2.0
// A look at every change; test/security has the long run.
import { expect, onTestFinished, test } from 'vitest';
import { FuzzSession } from './fuzz-session.ts';

test('2,000 random requests', async () => {
  const session = await FuzzSession.start(1);
  onTestFinished(() => session.stop());
  const { byCode, unchanged } = await session.run(2000);
  expect(byCode.get('OK')).toBeGreaterThan(0);
  expect(byCode.get('INVALID_ARGUMENT')).toBeGreaterThan(0);
  expect(unchanged).toBeGreaterThan(0);
});
