// SPDX-License-Identifier: Apache-2.0
import { native } from '../../src/datapath/native.ts';

/** Ages in seconds, as of the moment that it was made. */
export class Clock {
  readonly #start = native.now();

  /** The clock is of 32 bits, and younger than an age where the machine has just started. */
  ago(age: number): number {
    return (this.#start - age) >>> 0;
  }

  /** 0 is any time since the start. */
  age(time: number): number {
    return time >= this.#start && time <= native.now() ? 0 : (this.#start - time) | 0;
  }
}
