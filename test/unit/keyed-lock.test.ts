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

test('work on all keys runs beside no other, and before newcomers that came later', async () => {
  const locks = new KeyedLock();
  const order: string[] = [];
  const first = Promise.withResolvers<undefined>();
  const together = Promise.withResolvers<undefined>();
  const note = (name: string) => () => {
    order.push(name);
    return Promise.resolve();
  };
  const running = [
    locks.runNew('balancer', () => locks.run('a', () => first.promise.then(note('new a')))),
    locks.runTogether(
      () => ['b', 'a', 'b'],
      async (letGo) => {
        order.push('all');
        await together.promise;
        letGo('a');
        await locks.run('a', note('a within'));
        order.push('all done');
      },
    ),
  ];
  await new Promise(setImmediate);
  running.push(locks.runNew('later', note('newcomer')), locks.run('elsewhere', note('elsewhere')));
  await new Promise(setImmediate);
  expect(order).toEqual(['elsewhere']);
  first.resolve(undefined);
  await new Promise(setImmediate);
  expect(order).toEqual(['elsewhere', 'new a', 'all']);
  running.push(locks.run('b', note('b')));
  const idle = locks.idle().then(note('idle'));
  together.resolve(undefined);
  await Promise.all([...running, idle]);
  expect(order.slice(3)).toEqual([
    'a within',
    'all done',
    expect.anything(),
    expect.anything(),
    'idle',
  ]);
  expect(new Set(order.slice(5, 7))).toEqual(new Set(['b', 'newcomer']));
});

test('work on all keys that fails lets go of them', async () => {
  const locks = new KeyedLock();
  const failing = locks.runTogether(
    () => ['a', 'b'],
    () => Promise.reject(new Error('failed')),
  );
  await expect(failing).rejects.toThrow('failed');
  expect(locks.longestRun).toBe(0);
  await locks.runNew('a', () => locks.run('b', () => Promise.resolve()));
});
