// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';

/** Milliseconds; what others of the event loop wait for at most. */
const sliceMs = 4;

/**
 * Cuts long work into slices: gives the event loop a turn whenever one is over. Works that share
 * them have one slice together between two turns; each asks again after a turn, as others may have
 * used the slice up: `while (slices.isOver) await slices.turn()`.
 */
export class Slices {
  #began = performance.now();
  #turn: Promise<void> | null = null;

  get isOver(): boolean {
    return performance.now() - this.#began >= sliceMs;
  }

  /** To be asked between any two steps; null while the slice goes on. */
  turn(): Promise<void> | null {
    if (!this.isOver) return null;
    this.#turn ??= setImmediate().then(() => {
      this.#began = performance.now();
      this.#turn = null;
    });
    return this.#turn;
  }
}
