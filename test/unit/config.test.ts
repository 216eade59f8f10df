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

/** A section that would do, but for one line. */
function tls(line: string): string {
  const good = {
    address: '"::"',
    port: '9443',
    certificate: '/etc/c.pem',
    key: '/etc/k.pem',
    ca: '/etc/ca.pem',
    identities: '[{san: "DNS:controller.example", role: admin}]',
  };
  const lines = Object.entries(good).filter(([key]) => !line.startsWith(`${key}:`));
  const all = [...lines.map(([key, value]) => `${key}: ${value}`), line];
  return `listen:\n  tls:\n${all.map((text) => `    ${text}\n`).join('')}`;
}

test('TLS and loopback listeners are taken as they are', () => {
  const { listen } = parseConfig(
    `${tls('crl: /etc/crl.pem')}  group: octavia\n  insecure: {address: "::1", port: 0}\n`,
    'c.yaml',
  );
  expect(listen.tls?.identities).toEqual([{ san: 'DNS:controller.example', role: 'admin' }]);
  expect(listen).toMatchObject({ group: 'octavia', insecure: { address: '::1', port: 0 } });
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
  [
    'TLS on a name',
    tls('address: controller.example'),
    /listen\.tls\.address: must be an IP address \(is "controller\.example"\)/,
  ],
  ['a port that is none', tls('port: 70000'), /listen\.tls\.port: .*\(is 70000\)/],
  ['TLS without identities', tls('identities: []'), /listen\.tls\.identities: /],
  [
    'an identity of no kind',
    tls('identities: [{san: controller.example, role: admin}]'),
    /listen\.tls\.identities\.0\.san: must be DNS:.*\(is "controller\.example"\)/,
  ],
  [
    'an unknown role',
    tls('identities: [{san: "DNS:a", role: boss}]'),
    /listen\.tls\.identities\.0\.role: .*\(is "boss"\)/,
  ],
  ['TLS without a key', 'listen: {tls: {address: "::", port: 1}}', /listen\.tls\.key: /],
  [
    'no protection beyond this host',
    'listen: {insecure: {address: 0.0.0.0, port: 1}}',
    /listen\.insecure\.address: must be a loopback address \(is "0\.0\.0\.0"\)/,
  ],
  ['no calls at all', 'limits: {maxConcurrentCalls: {overall: 0}}', /overall: .*\(is 0\)/],
  ['an unknown limit', 'limits: {maxCalls: 1}', /limits: .*maxCalls/],
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
