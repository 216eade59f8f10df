// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anySequence, play, type Event } from '../../support/pinning/events.ts';
import { ProgramModel } from '../../support/pinning/program-model.ts';

test('no sequence of changes and packets moves a connection of an amphora that stays', () => {
  fc.assert(
    fc.property(anySequence, (events) => {
      play(events, new ProgramModel(8));
    }),
    {
      numRuns: 10_000,
    },
  );
});

/** The cases that the design names; flows 0 to 23 cover every slot. */
const flows = Array.from({ length: 24 }, (_, flow): number => flow);
const open: readonly Event[] = flows.map((flow) => ({ kind: 'open', flow }));
const data: readonly Event[] = flows.map((flow) => ({ kind: 'data', flow }));
const close: readonly Event[] = flows.map((flow) => ({ kind: 'close', flow }));
const wait = (seconds: number): Event => ({ kind: 'wait', seconds });
/** Odd: kept at its end; no multiple of 3: no deadline; of 5: even if none is left. */
const drain = (which: number, seed = 7): Event => ({ kind: 'drain', which, seed });
const register = (seed: number): Event => ({ kind: 'register', seed });

test.each<[string, readonly Event[]]>([
  ['scale-up', [...open, register(3), ...data, wait(10), ...data]],
  ['scale-down by drain', [...open, drain(0), ...data, wait(800), ...data, ...open, ...data]],
  [
    'a drain, then another before the first settles',
    [register(3), ...open, drain(0), ...data, ...open, wait(60), drain(1, 11), ...data, ...open],
  ],
  [
    'a drain cancelled',
    [...open, drain(0), ...data, { kind: 'registerAgain', which: 0, seed: 7 }, ...data, ...open],
  ],
  [
    'the previous owner unregistered',
    [register(3), ...open, drain(0), ...data, { kind: 'unregister', which: 0, seed: 8 }, ...data],
  ],
  [
    'the current owner unregistered',
    [register(3), ...open, drain(0), ...open, { kind: 'unregister', which: 1, seed: 8 }, ...data],
  ],
  [
    'a standby takes over',
    [{ kind: 'standBy', seed: 3 }, ...open, { kind: 'failOver', which: 1 }, ...data, ...open],
  ],
  [
    'a drain to its end, and the amphora unregistered',
    [register(3), ...open, drain(0, 8), ...data, ...close, wait(900), wait(1000), ...data, ...open],
  ],
  [
    'a drain with a connection that speaks once in a while',
    [
      ...[register(3), ...open, drain(0, 8), wait(800), { kind: 'data', flow: 3 }, wait(800)],
      ...[{ kind: 'data', flow: 3 }, wait(800), { kind: 'data', flow: 3 }],
    ],
  ],
  [
    'weights changed twice',
    [...open, { kind: 'reassign', seed: 4 }, ...data, { kind: 'reassign', seed: 6 }, ...data],
  ],
  [
    'the table doubled',
    [...open, drain(0), ...data, { kind: 'double' }, ...data, drain(1), ...data],
  ],
  [
    'the last active amphora draining',
    [...open, drain(0), ...data, drain(1, 25), ...data, register(4), ...data, ...open],
  ],
  [
    'the oldest owner unregistered while the others drain',
    [...open, drain(0), ...data, ...open, drain(1), { kind: 'unregister', which: 0 }, ...data],
  ],
  ['a tuple used again after an orderly close', [...open, drain(0), ...close, ...open, ...data]],
  [
    'a tuple used again after a silent one',
    [...open, drain(0), ...data, wait(100), ...open, ...data],
  ],
  [
    'a tuple used again after its slot was settled in between',
    [...open, drain(0), ...data, wait(901), wait(1), ...open, ...data, register(3), ...data],
  ],
])('worked case: %s', (_, events) => {
  expect(() => {
    play(events, new ProgramModel(8));
  }).not.toThrow();
});
