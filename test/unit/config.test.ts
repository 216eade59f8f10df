// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigError, parseConfig } from '../../src/config.ts';

test('every key has a default, and nothing changes afterwards', () => {
  const config = parseConfig('', 'c.yaml');
  expect(config.listen.socket).toBe('/run/distributord/distributord.sock');
  expect(config.timeouts.tcpIdleSeconds).toBe(900);
  expect(() => Object.assign(config.timeouts, { tcpIdleSeconds: 1 })).toThrow(TypeError);
});

test('the file that is installed shows the defaults, in keys that can be uncommented', async () => {
  const text = await readFile('packaging/distributord.yaml', 'utf8');
  const defaults = parseConfig('', 'c.yaml');
  expect(parseConfig(text, 'c.yaml')).toEqual(defaults);
  const uncommented = text.slice(text.indexOf('# listen:')).replaceAll(/^# /gm, '');
  expect(parse(uncommented)).toEqual(defaults);
  expect(parseConfig(uncommented, 'c.yaml')).toEqual(defaults);
});

test.each([
  ['an unknown key', 'listen: {port: 80}', /listen: .*port/],
  ['an unknown section', 'listne: {}', /listne/],
  ['a wrong type', 'capacity: {vips: many}', /capacity\.vips: .*\(is "many"\)/],
  ['a fraction', 'capacity: {vips: 1.5}', /capacity\.vips: .*\(is 1\.5\)/],
  ['a negative time', 'timeouts: {tcpIdleSeconds: -1}', /timeouts\.tcpIdleSeconds: .*\(is -1\)/],
  ['no power of two', 'tables: {initialSlots: 1000}', /tables\.initialSlots: .*\(is 1000\)/],
  [
    'a first table larger than the largest',
    'tables: {initialSlots: 4096, maxSlots: 1024}',
    /tables\.initialSlots: must not exceed tables\.maxSlots, 1024/,
  ],
  ['a table that does not fit', 'capacity: {slots: 256}', /must not exceed capacity\.slots, 256/],
  [
    'slots without whole positions',
    'capacity: {slots: 100000}',
    /capacity\.slots: .*\(is 100000\)/,
  ],
  ['a relative socket', 'listen: {socket: here}', /listen\.socket: .*\(is "here"\)/],
  ['an unknown level', 'log: {level: loud}', /log\.level: .*\(is "loud"\)/],
  ['a list', '- 1', /c\.yaml/],
  ['no YAML', 'a: [', /c\.yaml/],
])('%s is refused by name', (_, text, message) => {
  expect(() => parseConfig(text, 'c.yaml')).toThrow(ConfigError);
  expect(() => parseConfig(text, 'c.yaml')).toThrow(message);
});

const main = new URL('../../src/main.ts', import.meta.url).pathname;
test.each([
  ['a missing file', ['--config', '/does/not/exist.yaml'], /exist\.yaml: ENOENT/],
  ['an unknown option', ['--verbose'], /--verbose/],
  ['an argument too many', ['start'], /start/],
])('distributord exits with 2 for %s', async (_, argv, message) => {
  const run = promisify(execFile)(process.execPath, [main, ...argv]);
  const failure = await run.catch((thrown: unknown) => thrown as { code: number; stderr: string });
  expect(failure).toMatchObject({ code: 2 });
  expect(failure.stderr).toMatch(message);
});
