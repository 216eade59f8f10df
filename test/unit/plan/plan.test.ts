// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diff } from '../../../src/plan/diff.ts';
import { applyOperation, type Operation } from '../../../src/plan/operation.ts';
import type {
  DatapathState,
  DatapathVip,
  Occupant,
  WantedState,
} from '../../../src/plan/wanted.ts';

const mac = fc.nat(3).map((n) => `02:00:00:00:00:0${n}`);
const occupant = fc.record({
  amphoraId: fc.constantFrom('a', 'b', 'c', 'd'),
  ip: fc.constantFrom('10.0.0.11', '10.0.0.12'),
  mac,
});
const vip: fc.Arbitrary<DatapathVip> = fc.record({
  address: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1'),
  interface: fc.constantFrom('eth0', 'eth1'),
  ifindex: fc.constantFrom(2, 3),
  mac,
  vlanIds: fc.constantFrom([], [5], [5, 6]),
  affinity: fc.constantFrom('SOURCE_IP', 'SOURCE_IP_AND_PORT'),
  tracking: fc.constantFrom('ADAPTIVE', 'FULL', 'STATELESS'),
  tcpIdle: fc.constantFrom(60, 900),
  otherIdle: fc.constantFrom(30, 60),
});
const neighbour = fc.record({
  ifindex: fc.constantFrom(2, 3),
  ip: fc.constantFrom('10.0.0.11', '10.0.0.12'),
});

/** A state that a distributor can ask for: weight only where there is an amphora. */
const present: fc.Arbitrary<WantedState> = fc
  .record({
    tableSize: fc.constantFrom(1024, 2048, 4096),
    occupants: fc.array(fc.option(fc.record({ occupant, weight: fc.nat(4) })), { maxLength: 6 }),
    vips: fc.array(vip, { maxLength: 4 }),
    neighbours: fc.array(neighbour, { maxLength: 4 }),
  })
  .map(({ tableSize, occupants, vips, neighbours }) => {
    const weights: number[] = [];
    const positions = new Map<number, Occupant>();
    occupants.forEach((entry, position) => {
      if (entry === null) return;
      positions.set(position, entry.occupant);
      if (entry.weight === 0) return;
      while (weights.length < position) weights.push(0);
      weights.push(entry.weight);
    });
    return {
      tableSize,
      weights,
      positions,
      vips: new Map(vips.map((v) => [[v.interface, ...v.vlanIds, v.address].join('/'), v])),
      neighbours: new Map(neighbours.map((n) => [`${n.ifindex} ${n.ip}`, n])),
    };
  });
const state = fc.option(present);
/** What is there may be a change that was interrupted while slots were given out anew. */
const actualState: fc.Arbitrary<DatapathState | null> = fc
  .tuple(state, fc.boolean())
  .map(([there, isKnown]) => (there === null || isKnown ? there : { ...there, weights: null }));

/** Tables never shrink. */
function reachable(actual: DatapathState | null, wanted: WantedState | null) {
  if (actual === null || wanted === null) return wanted;
  return { ...wanted, tableSize: Math.max(wanted.tableSize, actual.tableSize) };
}

/** What makes a state unfit for traffic. */
function dangling(state: DatapathState | null): string[] {
  if (state === null) return [];
  return (state.weights ?? []).flatMap((weight, position) =>
    weight > 0 && !state.positions.has(position) ? [`slots refer to empty ${position}`] : [],
  );
}

describe('diff', () => {
  test('of a state and itself is empty', () => {
    fc.assert(
      fc.property(state, (state) => {
        expect(diff(state, state)).toEqual([]);
      }),
    );
  });

  test('applied to the one gives the other', () => {
    fc.assert(
      fc.property(actualState, state, (actual, wish) => {
        const wanted = reachable(actual, wish);
        const end = diff(actual, wanted).reduce<DatapathState | null>(applyOperation, actual);
        expect(diff(end, wanted)).toEqual([]);
        expect(end?.tableSize).toEqual(wanted?.tableSize);
        expect(end === null).toBe(wanted === null);
      }),
    );
  });

  test('leaves nothing dangling after any prefix of its operations', () => {
    fc.assert(
      fc.property(actualState, state, (actual, wish) => {
        let current = actual;
        for (const operation of diff(actual, reachable(actual, wish))) {
          refuseUnsound(current, operation);
          current = applyOperation(current, operation);
          expect(dangling(current)).toEqual([]);
        }
      }),
    );
  });

  test('from wherever a failure left it, reaches the state before or the one after', () => {
    fc.assert(
      fc.property(state, state, fc.nat(), (actual, wish, cut) => {
        const wanted = reachable(actual, wish);
        const operations = diff(actual, wanted);
        const stuck = operations
          .slice(0, cut % (operations.length + 1))
          .reduce<DatapathState | null>(applyOperation, actual);
        for (const goal of [reachable(stuck, actual), wanted]) {
          const end = diff(stuck, goal).reduce<DatapathState | null>(applyOperation, stuck);
          expect(diff(end, goal)).toEqual([]);
        }
      }),
    );
  });
});

/** What the data path would refuse. */
function refuseUnsound(state: DatapathState | null, operation: Operation): void {
  if (operation.kind === 'clear-position')
    expect(state?.weights?.[operation.position] ?? 0).toBe(0);
  if (operation.kind === 'drop-table') expect(state?.vips.size).toBe(0);
  if (operation.kind === 'put-vip') expect(state).not.toBeNull();
}
