// SPDX-License-Identifier: Apache-2.0
// A run falls into parts that know nothing of each other: state, corpus and frames of each follow
// from its seed alone, so that one frame is found again without running all before it.
import type { Checker } from './checker.ts';
import { newCast, SampleMaker } from './corpus.ts';
import { FuzzFrame } from './frame.ts';
import { Mutator } from './mutations.ts';
import { Random, seedOfPart } from './random.ts';
import type { Tenants } from './tenants.ts';
import { Violation } from './violation.ts';

export const FRAMES_IN_PART = 2000;
const SAMPLES = 96;
/** Frames between two changes of the state. */
const CHANGE_EVERY = 40;
const COUNT_ALL_EVERY = 1000;

export interface PartOptions {
  readonly seed: number;
  readonly part: number;
  readonly frames: number;
  /** Looks at every counter after each frame, not now and then. */
  readonly thorough: boolean;
  readonly onFrame?: (index: number, frame: FuzzFrame, verdict: number) => void;
}

/** Where and how a part failed. */
export interface Failure {
  readonly violation: Violation;
  /** In the part. */
  readonly index: number;
  readonly frame: FuzzFrame;
}

/** Null if nothing was wrong. */
export async function runPart(
  tenants: Tenants,
  checker: Checker,
  options: PartOptions,
): Promise<Failure | null> {
  const random = new Random(seedOfPart(options.seed, options.part));
  await tenants.reset(random);
  checker.begin();
  const cast = newCast(random, (vip) => tenants.macs(random, vip.distributor.index));
  const maker = new SampleMaker(random, cast);
  const corpus = Array.from({ length: SAMPLES }, () => maker.make());
  const mutator = new Mutator(random, corpus);
  const frame = new FuzzFrame();
  for (let index = 0; index < options.frames; index++) {
    if (index % CHANGE_EVERY === CHANGE_EVERY - 1) tenants.change(random, cast);
    mutator.fill(frame);
    try {
      const { verdict } = checker.check(frame);
      const isLast = index === options.frames - 1;
      if (options.thorough || isLast || index % COUNT_ALL_EVERY === COUNT_ALL_EVERY - 1)
        checker.checkAllCounters();
      options.onFrame?.(index, frame, verdict);
    } catch (error) {
      if (error instanceof Violation) return { violation: error, index, frame };
      throw error;
    }
  }
  return null;
}
