// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { errorKinds, type Reason } from '../../../src/errors.ts';
import { Random } from '../../fuzz/random.ts';
import { fuzzRequest, type FuzzRequest } from '../../support/api-fuzz.ts';
import { ApiBed } from './api-bed.ts';
import { RawClient, type RawAnswer } from './raw-calls.ts';

/** So many calls are in flight at a time. */
const together = 8;
/** Node ends a connection on which more than a thousand streams were cancelled in a burst. */
const watchesPerConnection = 500;
const unlimited = { callsPerSecond: 1_000_000, burst: 1_000_000 };

export interface FuzzTally {
  readonly byCode: ReadonlyMap<string, number>;
  /** Groups of calls that were all refused or only read. */
  readonly unchanged: number;
}

/** The real API under random requests. */
export class FuzzSession {
  readonly #bed: ApiBed;
  readonly #client: RawClient;
  readonly #random: Random;
  #watcher: RawClient;
  #watches = 0;

  private constructor(bed: ApiBed, seed: number) {
    this.#bed = bed;
    this.#client = new RawClient(`unix:${bed.socket}`);
    this.#watcher = new RawClient(`unix:${bed.socket}`);
    this.#random = new Random(seed);
  }

  static async start(seed: number): Promise<FuzzSession> {
    return new FuzzSession(await ApiBed.start({ limits: { ratePerClient: unlimited } }), seed);
  }

  /** Every answer is one of the registry's, and who is refused has changed nothing. */
  async run(requests: number): Promise<FuzzTally> {
    const byCode = new Map<string, number>();
    let unchanged = 0;
    for (let n = 0; n < requests; n += together) {
      this.#renewWatcher();
      const asked = Array.from({ length: together }, () => fuzzRequest(this.#random));
      const before = this.#bed.snapshot();
      const answers = await Promise.all(asked.map((request) => this.#ask(request)));
      for (const [index, answer] of answers.entries()) {
        expectProper(answer, asked[index] as FuzzRequest);
        byCode.set(answer.code, (byCode.get(answer.code) ?? 0) + 1);
      }
      const changes = asked.filter(
        ({ method }, index) =>
          answers[index]?.code === 'OK' && !/^(Get|List|Watch|Export)/.test(method),
      );
      if (changes.length > 0) continue;
      unchanged++;
      expect(this.#bed.snapshot()).toEqual(before);
    }
    return { byCode, unchanged };
  }

  async stop(): Promise<void> {
    this.#client.close();
    this.#watcher.close();
    await this.#bed.stop();
  }

  #ask(request: FuzzRequest): Promise<RawAnswer> {
    if (!/^(Watch|Export)/.test(request.method)) return this.#client.call(request);
    this.#watches++;
    return this.#watcher.first(request);
  }

  /** Between calls. */
  #renewWatcher(): void {
    if (this.#watches < watchesPerConnection) return;
    this.#watches = 0;
    this.#watcher.close();
    this.#watcher = new RawClient(`unix:${this.#bed.socket}`);
  }
}

function expectProper({ code, reason }: RawAnswer, request: FuzzRequest): void {
  const told = `${request.method} ${request.bytes.toString('hex')}`;
  if (code === 'OK') return;
  if (request.method.startsWith('/')) expect(code, told).toBe('UNIMPLEMENTED');
  else {
    expect(Object.keys(errorKinds), `${code} for ${told}`).toContain(reason);
    expect(code, told).toBe(errorKinds[reason as Reason].status);
  }
  expect(code, told).not.toBe('INTERNAL');
}
