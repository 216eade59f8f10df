// SPDX-License-Identifier: Apache-2.0
// Any field that is missing or malformed is refused by name, and nothing has changed.
import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { capacity, datapathCalls, flow, flowKey, numbers, vip } from './datapath-calls.ts';
import { callLoosely, errorOf } from './native-error.ts';

const datapath = new native.Datapath(capacity);
afterAll(() => datapath.close());

datapath.putVip(vip);
datapath.setPosition({ index: 0, mac: '02:00:00:00:00:01', sameAmphora: false, amphora: null });
datapath.table({ base: 0, size: 16 }).put(3, { current: 1, previous: 2, clock: 7 });
datapath.putFlow(flow);

/** All that the maps hold, as the kernel tells it. */
function contents(): string[] {
  return datapath
    .inventory()
    .mapIds.map((id) =>
      execFileSync('bpftool', ['-j', 'map', 'dump', 'id', id.toString()], {
        maxBuffer: 2 ** 26,
      }),
    )
    .map((dump) => dump.toString());
}

interface Refusal {
  readonly field: string;
  readonly what: string;
  readonly argument: object;
}

function refusals(argument: object, refused: Readonly<Record<string, readonly unknown[]>>) {
  return Object.entries(refused).flatMap(([field, values]): Refusal[] => {
    const without = Object.fromEntries(Object.entries(argument).filter(([name]) => name !== field));
    const malformed = values.map((value) => ({
      field,
      what: typeof value === 'bigint' ? `${value}n` : JSON.stringify(value),
      argument: { ...argument, [field]: value },
    }));
    return [{ field, what: 'missing', argument: without }, ...malformed];
  });
}

function expectRefused(call: () => unknown, field: string): void {
  const error = errorOf(call);
  expect(error).toBeInstanceOf(TypeError);
  expect(error.code).toBe('BAD_ARGUMENT');
  expect(error.message).toMatch(new RegExp(`^${field}: `));
}

const before = contents();

describe.each(datapathCalls.filter(({ argument }) => typeof argument === 'object' && argument))(
  'Datapath.$method',
  ({ method, argument, refused }) => {
    test.each(refusals(argument as object, refused))('$field: $what', (refusal) => {
      expectRefused(() => callLoosely(datapath, method, [refusal.argument]), refusal.field);
    });
  },
);

describe.each([
  { method: 'vipCounters', end: capacity.vips + 1 },
  { method: 'resetVip', end: capacity.vips + 1 },
  { method: 'positionCounters', end: capacity.positions },
  { method: 'resetPositionCounters', end: capacity.positions },
])('Datapath.$method', ({ method, end }) => {
  test.each([end, -1, 0.5, NaN, '1', null, undefined])('index %o', (index) => {
    expectRefused(() => callLoosely(datapath, method, [index]), 'index');
  });
});

test('a table must lie within the map', () => {
  const { slots } = capacity;
  expectRefused(() => datapath.table({ base: slots - 8, size: 16 }), 'base');
  expectRefused(() => datapath.table({ base: 0, size: slots * 2 }), 'base');
  expect(datapath.table({ base: slots - 16, size: 16 }).size).toBe(16);
});

test('none of it has changed a map', () => {
  expect(contents()).toEqual(before);
  expect(datapath.getFlow(flowKey)).toMatchObject({ owner: 1 });
});

describe('capacity', () => {
  test.each(
    refusals(capacity, {
      vips: numbers(0xffff_ffff),
      slots: numbers(0xffff_ffff),
      positions: numbers(0xffff_ffff),
      flows: numbers(0xffff_ffff),
    }),
  )('$field: $what', ({ field, argument }) => {
    expectRefused(() => Reflect.construct(native.Datapath, [argument]), field);
  });

  test.each([
    { field: 'slots', size: 0, code: 'EINVAL' },
    { field: 'positions', size: 0, code: 'EINVAL' },
    { field: 'flows', size: 0, code: 'EINVAL' },
    { field: 'vips', size: 0, code: 'EINVAL' },
    { field: 'vips', size: 0xffff_fffe, code: 'E2BIG' },
  ])('$size $field: what the kernel says, and which map', ({ field, size, code }) => {
    const error = errorOf(() => new native.Datapath({ ...capacity, [field]: size }));
    expect(error.code).toBe(code);
    expect(error.syscall).toBe('bpf(load)');
    expect(error.details).toContain(`'${field}'`);
  });
});

describe('the addon’s functions', () => {
  const client = { seed: 1n, source: '198.51.100.7', sourcePort: 0 };
  test.each(
    refusals(client, {
      seed: [1, -1n, 2n ** 64n, null],
      source: ['', 'host', 1],
      sourcePort: numbers(0xffff),
    }),
  )('slotHash: $field: $what', ({ field, argument }) => {
    expectRefused(() => callLoosely(native, 'slotHash', [argument]), field);
  });

  const announcement = {
    ...{ ifindex: 1, outerVlan: 0, innerVlan: 0 },
    ...{ address: '192.0.2.1', mac: '02:00:00:00:00:01' },
  };
  test.each(
    refusals(announcement, {
      ifindex: numbers(0xffff_ffff),
      outerVlan: numbers(4094),
      innerVlan: numbers(4094),
      address: ['', 'host', 1],
      mac: ['', 'host', 1],
    }),
  )('announce: $field: $what', ({ field, argument }) => {
    expectRefused(() => callLoosely(native, 'announce', [argument]), field);
  });

  const table = { seed: 1n, weights: Uint32Array.of(1, 1), size: 64 };
  test.each(
    refusals(table, {
      seed: [1, -1n, 2n ** 64n, null],
      weights: [[1, 1], Uint16Array.of(1), new Uint32Array(65535), null],
      size: [0, 3, ...numbers(0xffff_ffff)],
    }),
  )('buildTable: $field: $what', ({ field, argument }) => {
    expectRefused(() => callLoosely(native, 'buildTable', [argument]), field);
  });
});
