// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { ConvergenceQueue } from '../../src/reconcile/convergence-queue.ts';

const ids = (count: number) => Array.from({ length: count }, (_, number) => `d${number}`);

test('each one is converged, and one that waits is not converged twice', async () => {
  const converged: string[] = [];
  const queue = new ConvergenceQueue((id) => Promise.resolve(void converged.push(id)));
  queue.add(ids(1000));
  queue.add(ids(1000));
  await queue.idle;
  // Those that were under way may have changed since they began.
  expect(new Set(converged).size).toBe(1000);
  expect(converged.length).toBeLessThan(1020);
  queue.add(['d1']);
  await queue.idle;
  expect(converged.at(-1)).toBe('d1');
});

test('few at a time, and one that waits for something does not hold up the others', async () => {
  const stuck = Promise.withResolvers<undefined>();
  let [running, most, done] = [0, 0, 0];
  const queue = new ConvergenceQueue(async (id) => {
    most = Math.max(most, ++running);
    if (id === 'd0') await stuck.promise;
    running--;
    done++;
    if (done === 99) stuck.resolve(undefined);
  });
  queue.add(ids(100));
  await queue.idle;
  expect(done).toBe(100);
  expect(most).toBeLessThanOrEqual(8);
});

test('what comes while another one waits for something is converged at once', async () => {
  const stuck = Promise.withResolvers<undefined>();
  const converged: string[] = [];
  const queue = new ConvergenceQueue(async (id) => {
    if (id === 'stuck') await stuck.promise;
    converged.push(id);
  });
  queue.add(['stuck']);
  queue.add(['other']);
  await new Promise(setImmediate);
  expect(converged).toEqual(['other']);
  stuck.resolve(undefined);
  await queue.idle;
  expect(converged).toEqual(['other', 'stuck']);
});

test('others have turns while thousands are converged', async () => {
  let done = 0;
  const busy = () => {
    const until = performance.now() + 1;
    while (performance.now() < until);
    done++;
    return Promise.resolve();
  };
  const queue = new ConvergenceQueue(busy);
  queue.add(ids(100));
  await new Promise(setImmediate);
  expect(done).toBeLessThan(100);
  await queue.idle;
  expect(done).toBe(100);
});

test('what is added meanwhile is converged, too', async () => {
  const converged: string[] = [];
  const queue = new ConvergenceQueue((id) => {
    converged.push(id);
    if (id === 'd0') queue.add(['late']);
    return Promise.resolve();
  });
  queue.add(ids(3));
  await queue.idle;
  expect(converged).toContain('late');
});
