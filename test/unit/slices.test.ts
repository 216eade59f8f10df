// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Slices } from '../../src/slices.ts';

let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

test.each([1, 2, 16])(
  'works that share slices have 4 ms of each turn of the event loop: %i',
  async (works) => {
    const steps = 40;
    const slices = new Slices();
    let [turn, isDone] = [0, false];
    const perTurn = new Map<number, number>();
    const perWork = Array.from({ length: works }, () => 0);
    const counting = (async () => {
      while (!isDone) {
        await new Promise(setImmediate);
        turn++;
      }
    })();
    const work = async (index: number) => {
      for (let step = 0; step < steps; step++) {
        while (slices.isOver) await slices.turn();
        now++;
        perWork[index] = step + 1;
        perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: works }, (_, index) => work(index)));
    isDone = true;
    await counting;
    expect(perWork.every((done) => done === steps)).toBe(true);
    expect(Math.max(...perTurn.values())).toBe(4);
  },
);
