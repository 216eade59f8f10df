// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drainDisplay } from '../../../src/cli/drain-display.ts';
import { fakeOutput } from './fake-screen.ts';
import { drain, timestamp } from './messages.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the deadline comes nearer on a terminal though nothing is reported', () => {
  const output = fakeOutput({ columns: 80 });
  const display = drainDisplay(output);
  display.update([drain('a1', { deadline: timestamp(Date.now() + 30_000) })], null);
  vi.advanceTimersByTime(2000);
  display.close();
  vi.advanceTimersByTime(2000);
  expect(output.out.text.split('\r\u001b[K').slice(1)).toEqual([
    'a1: not counted yet, 30 s to the deadline',
    'a1: not counted yet, 29 s to the deadline',
    'a1: not counted yet, 28 s to the deadline',
    '',
  ]);
});
