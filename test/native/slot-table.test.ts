// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { numbers } from './datapath-calls.ts';
import { callLoosely, errorOf } from './native-error.ts';

const NOW = 1000;
const IDLE = 900;
const unsettled = { current: 1, previous: 2 };

describe('settle', () => {
  test.each([
    { clock: NOW - IDLE - 1, left: 0, it: 'settles a slot quiet for longer than idle' },
    { clock: NOW - IDLE, left: 1, it: 'leaves a slot quiet for exactly idle' },
    { clock: NOW, left: 1, it: 'leaves a slot of this second' },
    {
      clock: NOW + 1,
      left: 1,
      it: 'leaves a slot that the program stamped after the caller read the clock',
    },
  ])('$it', ({ clock, left }) => {
    const table = new native.SlotTable(4);
    table.put(0, { ...unsettled, clock });
    const earliest = left === 0 ? 0 : clock;
    expect(table.settle({ now: NOW, idle: IDLE })).toEqual({ unsettled: left, earliest });
    expect(table.at(0).previous).toBe(left === 0 ? 0 : unsettled.previous);
  });

  test.each([
    { clocks: [], earliest: 0, it: 'none where all are settled' },
    { clocks: [NOW - 3, NOW - 7, NOW], earliest: NOW - 7, it: 'that of the oldest' },
    { clocks: [NOW - IDLE - 1, NOW - 7], earliest: NOW - 7, it: 'of those that stay unsettled' },
    { clocks: [NOW + 1, NOW], earliest: NOW, it: 'not that of the next second' },
    { clocks: [2, 2 ** 32 - 2], now: 3, earliest: 2 ** 32 - 2, it: 'before the clock began anew' },
  ])('tells the earliest clock: $it', ({ clocks, earliest, now = NOW }) => {
    const table = new native.SlotTable(4);
    clocks.forEach((clock, index) => table.put(index, { ...unsettled, clock }));
    table.put(3, { current: 1, previous: 0, clock: NOW - IDLE });
    expect(table.settle({ now, idle: IDLE }).earliest).toBe(earliest);
  });
});

describe('BAD_ARGUMENT', () => {
  const change = { owners: new Uint16Array(4), retired: new Uint16Array(0), now: NOW };
  const slot = { ...unsettled, clock: NOW };
  const larger = new native.SlotTable(8);
  const calls = [
    { method: 'apply', field: 'owners', args: [{ ...change, owners: new Uint16Array(3) }] },
    { method: 'apply', field: 'owners', args: [{ ...change, owners: new Uint32Array(4) }] },
    { method: 'apply', field: 'owners', args: [{ ...change, owners: undefined }] },
    { method: 'apply', field: 'retired', args: [{ ...change, retired: [1] }] },
    { method: 'apply', field: 'now', args: [{ ...change, now: undefined }] },
    { method: 'settle', field: 'now', args: [{ idle: IDLE }] },
    { method: 'settle', field: 'idle', args: [{ now: NOW }] },
    { method: 'splitFrom', field: 'smaller', args: [{ now: NOW }] },
    { method: 'splitFrom', field: 'smaller', args: [{ smaller: {}, now: NOW }] },
    { method: 'splitFrom', field: 'smaller', args: [{ smaller: larger, now: NOW }] },
    { method: 'splitFrom', field: 'now', args: [{ smaller: new native.SlotTable(2) }] },
    ...['now', 'idle'].flatMap((field) =>
      numbers(0xffff_ffff).map((value) => ({
        ...{ method: 'settle', field },
        args: [{ now: NOW, idle: IDLE, [field]: value }],
      })),
    ),
    ...[4, -1, 0.5, NaN, '1', null].flatMap((index) => [
      { method: 'at', field: 'index', args: [index] },
      { method: 'put', field: 'index', args: [index, slot] },
    ]),
    ...numbers(0xffff).flatMap((value) => [
      { method: 'put', field: 'current', args: [0, { ...slot, current: value }] },
      { method: 'put', field: 'previous', args: [0, { ...slot, previous: value }] },
    ]),
    { method: 'put', field: 'clock', args: [0, unsettled] },
  ];
  test.each(calls)('$method: $field: $args', ({ method, field, args }) => {
    const table = new native.SlotTable(4);
    table.put(1, slot);
    const error = errorOf(() => callLoosely(table, method, args));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.code).toBe('BAD_ARGUMENT');
    expect(error.message).toMatch(new RegExp(`^${field}: `));
    expect([0, 1, 2, 3].map((index) => table.at(index).current)).toEqual([0, 1, 0, 0]);
    expect(table.at(1)).toEqual(slot);
  });

  test.each([0, 3, -4, 4.5, 2 ** 32 + 4, '4', null, undefined])('size %o', (size) => {
    const error = errorOf(() => Reflect.construct(native.SlotTable, [size]));
    expect(error.code).toBe('BAD_ARGUMENT');
    expect(error.message).toMatch(/^size: /);
  });
});
