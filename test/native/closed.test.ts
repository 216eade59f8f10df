// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { capacity, datapathCalls } from './datapath-calls.ts';
import { callLoosely, errorOf } from './native-error.ts';

describe('a closed Datapath', () => {
  const datapath = new native.Datapath(capacity);
  const table = datapath.table({ base: 0, size: 16 });
  datapath.close();

  test.each(datapathCalls)('throws CLOSED from $method()', ({ method, argument }) => {
    const error = errorOf(() => callLoosely(datapath, method, [argument]));
    expect(error.code).toBe('CLOSED');
    expect(error.message).toBe('Datapath is closed');
  });

  test('is asked for every method that there is', () => {
    const methods = Object.getOwnPropertyNames(native.Datapath.prototype);
    const asked = datapathCalls.map(({ method }): string => method);
    expect([...asked, 'close', 'constructor'].sort()).toEqual(methods.sort());
  });

  test('is closed again without complaint', () => {
    datapath.close();
    datapath.close();
  });

  test('leaves the tables it gave out their memory', () => {
    const slot = { current: 1, previous: 2, clock: 3 };
    table.put(15, slot);
    expect(table.at(15)).toEqual(slot);
  });

  test('is no matter to another one', () => {
    const other = new native.Datapath(capacity);
    other.close();
    const third = new native.Datapath(capacity);
    expect(third.inventory().mapIds.length).toBeGreaterThan(0);
    third.close();
  });
});

describe('a closed NeighbourWatch', () => {
  const watch = new native.NeighbourWatch(() => undefined);
  watch.close();

  test.each(['add', 'remove'])('throws CLOSED from %s()', (method) => {
    const argument = { ifindex: 1, ip: '192.0.2.1' };
    const error = errorOf(() => callLoosely(watch, method, [argument]));
    expect(error.code).toBe('CLOSED');
    expect(error.message).toBe('NeighbourWatch is closed');
  });

  test('is closed again without complaint', () => {
    watch.close();
    watch.close();
  });
});

describe('an open NeighbourWatch', () => {
  test.each([
    { method: 'add', field: 'ifindex', argument: { ip: '192.0.2.1' } },
    { method: 'add', field: 'ip', argument: { ifindex: 1 } },
    { method: 'add', field: 'ip', argument: { ifindex: 1, ip: 'host' } },
    { method: 'remove', field: 'ifindex', argument: { ip: '192.0.2.1' } },
    { method: 'remove', field: 'ip', argument: { ifindex: 1, ip: '' } },
  ])('refuses $method() by $field', ({ method, field, argument }) => {
    const watch = new native.NeighbourWatch(() => undefined);
    const error = errorOf(() => callLoosely(watch, method, [argument]));
    expect(error.code).toBe('BAD_ARGUMENT');
    expect(error.message).toMatch(new RegExp(`^${field}: `));
    watch.close();
  });
});
