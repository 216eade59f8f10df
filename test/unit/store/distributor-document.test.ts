// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import {
  DocumentError,
  readDocument,
  writeDocument,
} from '../../../src/store/distributor-document.ts';
import { StateReader } from '../../../src/store/state-reader.ts';
import { active, distributor, distributorId, vip, whole } from '../../support/documents.ts';

type Path = readonly (string | number)[];

test('what is written is read as it was', () => {
  expect(readDocument(writeDocument(whole))).toEqual(whole);
  const empty = distributor(2);
  expect(readDocument(writeDocument(empty))).toEqual(empty);
});

/** The document with another value in one place; undefined = without it. */
function withValue(path: Path, value: unknown): string {
  const copy = structuredClone(whole) as unknown as Record<string | number, unknown>;
  let holder = copy;
  for (const key of path.slice(0, -1)) holder = holder[key] as typeof copy;
  holder[path.at(-1) ?? ''] = value;
  return JSON.stringify(copy);
}

function problemOf(document: string) {
  try {
    readDocument(document);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(DocumentError);
    return (error as DocumentError).problems[0] ?? null;
  }
}

/** Paths of all fields, those of objects themselves included. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, each]) =>
    pathsOf(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

const text = (path: Path) =>
  path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${key}`))
    .join('');

describe('every field', () => {
  const paths = pathsOf(whole).map((path) => [text(path), path] as const);

  test.each(paths)('%s: another type is refused', (name, path) => {
    for (const wrong of [true, [[]], { x: 1 }, -1.5]) {
      const problem = problemOf(withValue(path, wrong));
      expect(problem?.path.startsWith(name), `${name} ${JSON.stringify(wrong)}`).toBe(true);
    }
  });

  const named = paths.filter(([, path]) => typeof path.at(-1) === 'string');
  test.each(named)('%s: must be there', (name, path) => {
    expect(problemOf(withValue(path, undefined))?.path).toBe(name);
  });

  test('no other one', () => {
    for (const path of [
      ['x'],
      ['vips', 0, 'x'],
      ['amphorae', 1, 'drain', 'x'],
      ['loadBalancer', 'x'],
    ])
      expect(problemOf(withValue(path, 1))).toMatchObject({
        path: text(path.slice(0, -1)),
        message: expect.stringContaining('"x"') as string,
      });
  });
});

describe('values', () => {
  test.each<[Path, unknown, RegExp]>([
    [['id'], 'd1', /UUID/],
    [['id'], 'ABCDEF00-0000-4000-8000-000000000001', /canonical form, abcdef00/],
    [['loadBalancer', 'id'], '', /UUID/],
    [['vips', 0, 'address'], '10.0.0.256', /not an IP address/],
    [['vips', 0, 'address'], '127.0.0.1', /loopback/],
    [['vips', 1, 'address'], 'FD00::100', /canonical form, fd00::100/],
    [['vips', 0, 'interface'], '', /.+/],
    [['vips', 0, 'interface'], 'sixteen-letters-', /.+/],
    [['vips', 0, 'interface'], 'eth0/5', /interface/],
    [['vips', 0, 'interface'], 'eth\0', /interface/],
    [['vips', 1, 'vlanIds', 0], 0, /.+/],
    [['vips', 1, 'vlanIds', 0], 4095, /.+/],
    [['vips', 1, 'vlanIds'], [1, 2, 3], /.+/],
    [['vips', 0, 'subnet'], '10.0.1.0/24', /does not hold/],
    [['vips', 0, 'subnet'], '10.0.0.1/24', /host bits/],
    [['vips', 0, 'gateway'], '0.0.0.0', /unspecified/],
    [['vips', 0, 'affinity'], 'SOURCE', /.+/],
    [['vips', 0, 'tracking'], 'NONE', /.+/],
    [['vips', 0, 'tcpIdle'], 0, /.+/],
    [['vips', 0, 'otherIdle'], 86_401, /.+/],
    [['amphorae', 0, 'id'], 'has space', /printable/],
    [['amphorae', 0, 'ip'], 'fd00::0', /canonical/],
    [['amphorae', 1, 'mac'], '02:00:00:00:01:zz', /.+/],
    [['amphorae', 1, 'mac'], '03:00:00:00:01:01', /.+/],
    [['amphorae', 0, 'weight'], 0, /.+/],
    [['amphorae', 0, 'weight'], 257, /.+/],
    [['amphorae', 0, 'state'], 'GONE', /.+/],
    [['amphorae', 0, 'position'], null, /.+/],
    [['amphorae', 3, 'position'], 1, /.+/],
    [['amphorae', 1, 'position'], 4, /nextPosition/],
    [['amphorae', 1, 'drain', 'startedAt'], -1, /.+/],
    [['amphorae', 1, 'drain', 'startedAt'], Date.UTC(10_000), /.+/],
    [['amphorae', 1, 'drain', 'then'], 'STAY', /.+/],
    [['amphorae', 2, 'drain', 'finished', 'outcome'], 'CANCELLED', /.+/],
    [['tableSize'], 128, /.+/],
    [['tableSize'], 1000, /power of two/],
    [['tableSize'], 2 ** 24, /.+/],
    [['nextPosition'], -1, /.+/],
  ])('%j: %j is refused', (path, value, message) => {
    expect(problemOf(withValue(path, value))).toMatchObject({
      path: text(path),
      message: expect.stringMatching(message) as string,
      ...(typeof value === 'object' ? {} : { value: JSON.stringify(value) }),
    });
  });

  test.each<[string, Path, Path]>([
    ['VIP', ['vips', 1], ['vips', 0]],
    ['amphora id', ['amphorae', 1, 'id'], ['amphorae', 0, 'id']],
    ['amphora address', ['amphorae', 4, 'ip'], ['amphorae', 0, 'ip']],
    ['position', ['amphorae', 2, 'position'], ['amphorae', 1, 'position']],
    ['amphora at a VIP', ['amphorae', 1, 'ip'], ['vips', 0, 'address']],
  ])('%s: no two with the same', (_, path, of) => {
    let value: unknown = whole;
    for (const key of of) value = (value as Record<string | number, unknown>)[key];
    expect(problemOf(withValue(path, value))?.path.startsWith(text(path))).toBe(true);
  });

  test('a document that is not JSON, or no object', () => {
    for (const document of ['', '{', 'null', '[]', '"x"'])
      expect(problemOf(document), document).toMatchObject({ path: '' });
  });
});

describe('a state', () => {
  const first = distributor(1, {
    vips: [vip('10.0.0.100')],
    amphorae: [active('a1', 0)],
    nextPosition: 1,
  });
  const second = (parts: object) => ({ ...distributor(2), ...parts });

  test.each<[string, object, string]>([
    ['id', { id: first.id }, 'distributors[1].id'],
    ['load balancer', { loadBalancer: first.loadBalancer }, 'distributors[1].loadBalancer.id'],
    ['VIP', { vips: [vip('10.0.0.101'), ...first.vips] }, 'distributors[1].vips[1].address'],
    ['amphora', { amphorae: first.amphorae, nextPosition: 1 }, 'distributors[1].amphorae[0].id'],
    ['sound distributor', { vips: [vip('x')] }, 'distributors[1].vips[0].address'],
    ['known field', { x: 1 }, 'distributors[1]'],
  ])('one %s', (_, parts, field) => {
    const reader = new StateReader();
    reader.add(writeDocument(first));
    expect(() => reader.add(JSON.stringify(second(parts)))).toThrow(
      expect.objectContaining({ reason: 'INVALID_STATE', field }) as Error,
    );
  });

  test('with the same address on several ports', () => {
    const reader = new StateReader();
    reader.add(writeDocument(first));
    reader.add(writeDocument(distributor(2, { vips: [vip('10.0.0.100', { interface: 'eth1' })] })));
    expect(reader.distributors.map(({ id }) => id)).toEqual([1, 2].map(distributorId));
  });
});
