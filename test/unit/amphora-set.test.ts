// SPDX-License-Identifier: Apache-2.0
// Positions, standbys and failover, as pure functions of a distributor.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AmphoraRequest } from '../../src/model/amphora.ts';
import type { Distributor } from '../../src/model/distributor.ts';
import { drainAmphorae, finishDrain } from '../../src/model/drain.ts';
import { failoverAmphora, unregisterAmphorae } from '../../src/model/failover.ts';
import { registerAmphorae } from '../../src/model/registration.ts';
import { setWeights } from '../../src/model/weights.ts';

const limits = { initialSlots: 1024, maxSlots: 2048 };
const ready = () => true;
const empty: Distributor = {
  id: '00000000-0000-4000-8000-000000000001',
  loadBalancer: { id: '00000000-0000-4000-8000-000000000002', name: '' },
  vips: [],
  amphorae: [],
  tableSize: limits.initialSlots,
  nextPosition: 0,
};

function request(n: number, rest: Partial<AmphoraRequest> = {}): AmphoraRequest {
  const nothing = { weight: null, position: null, role: null };
  return { id: `a${n}`, ip: `10.0.0.${n}`, mac: null, ...nothing, ...rest };
}

function register(before: Distributor, ...requests: readonly AmphoraRequest[]): Distributor {
  return registerAmphorae(before, requests, { limits, isReady: ready, now: 0 });
}

const unregister = (before: Distributor, ...ids: readonly string[]) =>
  unregisterAmphorae(before, ids, { failed: false, isReady: ready });

/** `id@position`, or the state of who has none. */
const placesOf = ({ amphorae }: Distributor) =>
  amphorae.map(({ id, position, state }) => `${id}@${position ?? state}`);

describe('positions', () => {
  test('are given out in order, and those that were held are not, while there are others', () => {
    let set = register(empty, request(1), request(2), request(3));
    set = unregister(set, 'a2', 'a3');
    set = register(set, request(4));
    expect(placesOf(set)).toEqual(['a1@0', 'a4@3']);
    set = register(set, request(5));
    expect(placesOf(set)).toEqual(['a1@0', 'a5@1', 'a4@3']);
    expect(set.tableSize).toBe(1024);
  });

  test('that are asked for are filled, held before or not', () => {
    let set = register(empty, request(1), request(2), request(3));
    set = unregister(set, 'a2');
    set = register(set, request(4, { position: 1 }), request(5, { position: 6 }));
    expect(placesOf(set)).toEqual(['a1@0', 'a4@1', 'a3@2', 'a5@6']);
  });

  test('are more in a table that doubles, once all are taken', () => {
    const numbers = Array.from({ length: 5 }, (_, i) => request(i + 1));
    const set = register(empty, ...numbers);
    expect(placesOf(set)).toEqual(['a1@0', 'a2@1', 'a3@2', 'a4@3', 'a5@4']);
    expect(set.tableSize).toBe(2048);
  });

  test('given explicitly on an empty distributor make it what the list came from', () => {
    const position = fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(position, fc.array(fc.integer({ min: 1, max: 256 })), (positions, weights) => {
        const requests = positions.map((place, i) =>
          request(place + 1, { position: place, weight: weights[i] ?? 1 }),
        );
        const original = register(empty, ...requests);
        const list = original.amphorae.map(({ id, ip, weight, position: place }) => ({
          ...request(1),
          ...{ id, ip, weight, position: place },
        }));
        const rebuilt = register(empty, ...list.reverse());
        expect(rebuilt).toEqual(original);
      }),
    );
  });
});

test('registering many beside many VIPs does not look at all of these for each of those', () => {
  const lookups = { count: 0 };
  const vips = Array.from({ length: 300 }, (_, n) => ({
    get address() {
      lookups.count++;
      return `10.1.${n >> 8}.${n & 255}`;
    },
  }));
  const amphorae = Array.from({ length: 8 }, (_, n) => request(n + 1));
  register({ ...empty, vips: vips as unknown as Distributor['vips'] }, ...amphorae);
  expect(lookups.count).toBe(300);
});

describe('a standby', () => {
  const set = register(
    empty,
    request(1, { weight: 5 }),
    request(2),
    request(8, { role: 'STANDBY' }),
    request(9, { role: 'STANDBY' }),
  );

  test('holds no position, and those that stand by are in the order of their coming', () => {
    expect(placesOf(set)).toEqual(['a1@0', 'a2@1', 'a8@STANDBY', 'a9@STANDBY']);
  });

  test('takes position and weight of the one that failed, which stands by when it is back', () => {
    let after = failoverAmphora(set, 'a1', ready);
    expect(placesOf(after)).toEqual(['a8@0', 'a2@1', 'a9@STANDBY', 'a1@FAILED']);
    expect(after.amphorae[0]?.weight).toBe(5);
    expect(failoverAmphora(after, 'a1', ready)).toBe(after);
    after = register(after, request(1));
    expect(placesOf(after)).toEqual(['a8@0', 'a2@1', 'a9@STANDBY', 'a1@STANDBY']);
  });

  test('comes back behind the others, in the order of coming back', () => {
    let after = failoverAmphora(failoverAmphora(set, 'a1', ready), 'a2', ready);
    after = register(register(after, request(2)), request(1));
    expect(placesOf(after)).toEqual(['a8@0', 'a9@1', 'a2@STANDBY', 'a1@STANDBY']);
  });

  test('that is not ready is passed over', () => {
    const after = failoverAmphora(set, 'a1', ({ id }) => id === 'a9');
    expect(placesOf(after)).toEqual(['a9@0', 'a2@1', 'a8@STANDBY', 'a1@FAILED']);
  });

  test('is not one that failed and did not come back', () => {
    let after = unregister(set, 'a9');
    after = failoverAmphora(after, 'a1', ready);
    expect(() => failoverAmphora(after, 'a2', ready)).toThrow(/no amphora stands by/);
  });

  test('is there for the first of two failures; the clients of the second spread', () => {
    const one = unregister(set, 'a9');
    const after = unregisterAmphorae(one, ['a1', 'a2'], { failed: true, isReady: ready });
    expect(placesOf(after)).toEqual(['a8@0']);
  });

  test('takes no place of an amphora that is unregistered in good order, or drains', () => {
    expect(placesOf(unregister(set, 'a1'))).toEqual(['a2@1', 'a8@STANDBY', 'a9@STANDBY']);
    const options = { deadline: null, then: null, force: false, isReady: ready, now: 0 };
    const draining = drainAmphorae(set, ['a1'], options);
    const after = unregisterAmphorae(draining, ['a1'], { failed: true, isReady: ready });
    expect(placesOf(after)).toEqual(['a2@1', 'a8@STANDBY', 'a9@STANDBY']);
    expect(() => failoverAmphora(draining, 'a1', ready)).toThrow(/is draining/);
  });

  test('becomes active, at a position of its own, when it is registered so', () => {
    expect(placesOf(register(set, request(8, { role: 'ACTIVE' })))).toEqual([
      ...['a1@0', 'a2@1', 'a8@2', 'a9@STANDBY'],
    ]);
  });

  test('is registered again without a role as what it was', () => {
    expect(register(set, request(8), request(1))).toBe(set);
  });
});

describe('weights', () => {
  const set = register(empty, request(1, { weight: 5 }), request(2));
  const options = { force: false, isReady: ready, now: 0 };

  test('0 drains, and the weight from before comes back with registration', () => {
    const after = setWeights(set, [{ amphoraId: 'a1', weight: 0 }], options);
    expect(after.amphorae[0]).toMatchObject({ state: 'DRAINING', weight: 5 });
    expect(register(after, request(1))).toEqual(set);
  });

  test('the same again change nothing', () => {
    expect(setWeights(set, [{ amphoraId: 'a1', weight: 5 }], options)).toBe(set);
    const after = setWeights(set, [{ amphoraId: 'a1', weight: 0 }], options);
    const later = { force: false, isReady: ready, now: 9 };
    expect(setWeights(after, [{ amphoraId: 'a1', weight: 0 }], later)).toBe(after);
    expect(register(after, request(1, { weight: 0 }))).toBe(after);
  });

  test('an amphora that is registered with 0 drains from the start', () => {
    const after = register(set, request(3, { weight: 0 }));
    expect(after.amphorae[2]).toMatchObject({ state: 'DRAINING', weight: 1, position: 2 });
  });
});

describe('the end of a drain', () => {
  const drain = {
    deadline: 5000,
    then: 'UNREGISTER',
    force: false,
    isReady: ready,
    now: 0,
  } as const;
  const set = drainAmphorae(register(empty, request(1), request(2)), ['a1'], drain);
  const late = { amphoraId: 'a1', startedAt: 0, outcome: 'DEADLINE_PASSED' } as const;

  test('comes at the deadline', () => {
    expect(placesOf(finishDrain(set, late, 6000))).toEqual(['a2@1']);
  });

  test('does not come at a deadline that was extended meanwhile', () => {
    const extended = drainAmphorae(set, ['a1'], { ...drain, deadline: 9000, now: 5500 });
    expect(finishDrain(extended, late, 6000)).toBe(extended);
    const drained = { ...late, outcome: 'DRAINED' } as const;
    expect(placesOf(finishDrain(extended, drained, 6000))).toEqual(['a2@1']);
  });

  test('is that of the job that began then, and of no other', () => {
    const again = drainAmphorae(register(set, request(1)), ['a1'], { ...drain, now: 1 });
    expect(finishDrain(again, late, 6000)).toBe(again);
  });
});
