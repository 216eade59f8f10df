// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';

/** Of what a test does at random: `SEED` of the environment, to repeat a run, or any. */
export function chooseSeed(): number {
  const { SEED: given } = process.env;
  if (given === undefined || given === '') return randomInt(2 ** 31);
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0) throw new RangeError(`SEED is not a number: ${given}`);
  return seed;
}
