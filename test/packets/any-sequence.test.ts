// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { anySequence, play } from '../support/pinning/events.ts';
import { closeShippedProgram, ShippedProgram } from './shipped-program.ts';

afterAll(closeShippedProgram);

test('no sequence of changes and packets moves a connection, by the program that ships', async () => {
  await fc.assert(
    fc.asyncProperty(anySequence, async (events) => {
      const program = new ShippedProgram(8);
      play(events, program);
      await expectSweepToAgree(program);
    }),
    { numRuns: 1500 },
  );
});

/** More than there are amphorae in any sequence but a very rare one. */
const POSITIONS = 16;
const NANOSECONDS = 1_000_000_000n;

/** The sweep counts what the records say; both within one second, for the same ages. */
async function expectSweepToAgree(program: ShippedProgram): Promise<void> {
  const second = native.now();
  const recorded = Array.from({ length: POSITIONS }, (_, position) => program.tally(position));
  const counted = await program.sweep();
  const isOneSecond = process.hrtime.bigint() / NANOSECONDS === BigInt(second);
  if (isOneSecond) expect(counted.slice(0, POSITIONS)).toEqual(recorded);
  else await expectSweepToAgree(program);
}
