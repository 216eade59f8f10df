// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { afterAll, test } from 'vitest';
import { anySequence, play } from '../support/pinning/events.ts';
import { closeShippedProgram, ShippedProgram } from './shipped-program.ts';

afterAll(closeShippedProgram);

test('no sequence of changes and packets moves a connection, by the program that ships', () => {
  fc.assert(
    fc.property(anySequence, (events) => {
      play(events, new ShippedProgram(8));
    }),
    { numRuns: 1500 },
  );
});
