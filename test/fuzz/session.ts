// SPDX-License-Identifier: Apache-2.0
import { native } from '../../src/datapath/native.ts';
import type { Arguments } from './arguments.ts';
import { Checker } from './checker.ts';
import { FuzzFrame } from './frame.ts';
import { FRAMES_IN_PART, runPart, type Failure } from './part.ts';
import { Random, seedOfPart } from './random.ts';
import { describeFailure, missingVerdicts, verdictTable } from './report.ts';
import { Tenants } from './tenants.ts';
import { verdictName } from './verdicts.ts';
import { Violation } from './violation.ts';
import { ports } from './world.ts';

/** Frames after which all verdicts must have been reached. */
const ENOUGH = 200_000;

/** Does what the arguments say, in a namespace with the ports. True if nothing was wrong. */
export async function runSession({ seed, task }: Arguments): Promise<boolean> {
  const interfaces = native.interfaces();
  const ifindexes = ports.map(
    ({ name }) => interfaces.find((found) => found.name === name)?.ifindex ?? 0,
  );
  const tenants = new Tenants(ifindexes);
  const session = new Session(tenants, seed);
  try {
    switch (task.kind) {
      case 'run':
        return await session.run(task.frames);
      case 'only':
        return await session.only(task.frame);
      case 'frame':
        return await session.frame(task.bytes, task.port);
    }
  } finally {
    tenants.datapath.close();
  }
}

class Session {
  readonly #tenants: Tenants;
  readonly #checker: Checker;
  readonly #seed: number;

  constructor(tenants: Tenants, seed: number) {
    this.#tenants = tenants;
    this.#checker = new Checker(tenants);
    this.#seed = seed;
  }

  async run(frames: number): Promise<boolean> {
    print(`seed ${this.#seed}`);
    const start = performance.now();
    for (let part = 0; part * FRAMES_IN_PART < frames; part++) {
      const left = frames - part * FRAMES_IN_PART;
      const failure = await this.#part(part, Math.min(FRAMES_IN_PART, left), false);
      if (failure === null) continue;
      // If a counter was wrong, which frame was it? Every one is looked at again.
      const closer = await this.#part(part, failure.index + 1, true);
      complain(describeFailure(closer ?? failure, { seed: this.#seed, part }));
      return false;
    }
    const seconds = (performance.now() - start) / 1000;
    print(verdictTable(this.#checker.reached));
    print(`${frames} frames in ${seconds.toFixed(1)} s: ${Math.round(frames / seconds)} a second`);
    const missing = missingVerdicts(this.#checker.reached);
    if (frames < ENOUGH || missing.length === 0) return true;
    complain(`not reached: ${missing.join(', ')}`);
    return false;
  }

  async only(number: number): Promise<boolean> {
    const part = Math.floor(number / FRAMES_IN_PART);
    let last = '';
    const failure = await runPart(this.#tenants, this.#checker, {
      ...{ seed: this.#seed, part, frames: (number % FRAMES_IN_PART) + 1, thorough: true },
      onFrame: (_, frame, verdict) =>
        (last = `${frame.bytes.toString('hex')}\n${verdictName(verdict)}`),
    });
    if (failure === null) print(last);
    else complain(describeFailure(failure, { seed: this.#seed, part }));
    return failure === null;
  }

  async frame(bytes: Uint8Array, port: number): Promise<boolean> {
    await this.#tenants.reset(new Random(seedOfPart(this.#seed, 0)));
    this.#checker.begin();
    const frame = new FuzzFrame();
    frame.set(bytes);
    frame.port = port;
    try {
      print(verdictName(this.#checker.check(frame).verdict));
      this.#checker.checkAllCounters();
      return true;
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      complain(error.message);
      return false;
    }
  }

  #part(part: number, frames: number, thorough: boolean): Promise<Failure | null> {
    return runPart(this.#tenants, this.#checker, { seed: this.#seed, part, frames, thorough });
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What is wrong, apart from what is told: a caller may show this alone. */
function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}
