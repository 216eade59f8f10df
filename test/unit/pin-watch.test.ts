// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { PinWatch } from '../../src/reconcile/pin-watch.ts';

test('what is missing is told once, and counted', () => {
  const answers: (number | Error)[] = [0, 2, new Error('EPERM'), new Error('EPERM'), 1, 0];
  const said: string[] = [];
  const log = {
    warn: ({ pins }: { pins: number }) => void said.push(`missing ${pins.toString()}`),
    error: ({ err }: { err: Error }) => void said.push(err.message),
  };
  const keepPinned = () => {
    const answer = answers.shift() ?? 0;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const watch = new PinWatch({ keepPinned }, log as never);
  const seen = [1, 2, 3, 4, 5, 6].map(() => {
    watch.keepUp();
    return [watch.areInPlace, watch.restored];
  });
  expect(said).toEqual(['missing 2', 'EPERM', 'missing 1']);
  expect(seen).toEqual([
    ...[
      [true, 0],
      [true, 2],
      [false, 2],
    ],
    ...[
      [false, 2],
      [true, 3],
      [true, 3],
    ],
  ]);
});
