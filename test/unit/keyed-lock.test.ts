// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { KeyedLock } from '../../src/reconcile/keyed-lock.ts';

test('knows for how long the longest piece of work has been running; waiting does not count', async () => {
  const locks = new KeyedLock();
  expect(locks.longestRun).toBe(0);
  const first = Promise.withResolvers<undefined>();
  const second = Promise.withResolvers<undefined>();
  const started = performance.now();
  const running = locks.run('a', () => first.promise);
  const waiting = locks.run('a', () => second.promise);
  await new Promise(setImmediate);
  expect(locks.longestRun).toBeGreaterThan(0);
  expect(locks.longestRun).toBeLessThanOrEqual(performance.now() - started);
  const released = performance.now();
  first.resolve(undefined);
  await running;
  await new Promise(setImmediate);
  expect(locks.longestRun).toBeLessThanOrEqual(performance.now() - released);
  second.reject(new Error('failed'));
  await expect(waiting).rejects.toThrow('failed');
  expect(locks.longestRun).toBe(0);
});
