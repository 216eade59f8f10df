// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { changedKeys } from '../../../src/config/changed-keys.ts';
import { effectOf } from '../../../src/config/effects.ts';
import { parseConfig } from '../../../src/config.ts';

const config = (text: string) => parseConfig(text, 'c.yaml');

test.each([
  ['nothing', '', []],
  ['a default spelled out', 'log: {level: info}', []],
  ['one key', 'log: {level: warn}', ['log.level']],
  [
    'keys of several sections, in order',
    'timeouts: {tcpIdleSeconds: 1}\ncapacity: {flows: 16, vips: 1}',
    ['capacity.flows', 'capacity.vips', 'timeouts.tcpIdleSeconds'],
  ],
  ['a section that is gone', 'metrics: null', ['metrics']],
])('%s', (_, text, keys) => {
  expect(changedKeys(config(''), config(text))).toEqual(keys);
  expect(changedKeys(config(text), config(''))).toEqual(keys);
});

test('a list is one key', () => {
  expect(changedKeys({ a: { b: [1, { c: 2 }] } }, { a: { b: [1, { c: 3 }] } })).toEqual(['a.b']);
  expect(changedKeys({ a: [1] }, { a: [1] })).toEqual([]);
});

test.each([
  ['log.level', 'reload'],
  ['timeouts.tcpIdleSeconds', 'reload'],
  ['timeouts.learningWindowSeconds', 'reload'],
  ['listen.tls', 'restart'],
  ['listen.tls.identities', 'reload'],
  ['limits.maxMessageBytes', 'restart'],
  ['limits.watches.perClient', 'reload'],
  ['capacity.vips', 'restart'],
  ['metrics', 'restart'],
  ['metrics.port', 'restart'],
])('%s takes effect with a %s', (key, effect) => {
  expect(effectOf(key)).toBe(effect);
});

test('every key of the configuration has an effect, and no other name has', () => {
  const keysOf = (value: object, path: string): string[] =>
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
      typeof inner === 'object' && inner !== null
        ? keysOf(inner, `${path}${key}.`)
        : [`${path}${key}`],
    );
  for (const key of keysOf(config(''), '')) expect(['reload', 'restart']).toContain(effectOf(key));
  expect(() => effectOf('nothing.such')).toThrow(RangeError);
});
