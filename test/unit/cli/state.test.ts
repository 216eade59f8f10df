// SPDX-License-Identifier: Apache-2.0
// `distributorctl state` as a process, against the real API.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiBed } from '../api/api-bed.ts';
import { distributor, whole } from '../../support/documents.ts';

const main = new URL('../../../src/cli/main.ts', import.meta.url).pathname;

let bed: ApiBed;
let directory: string;
beforeAll(async () => {
  bed = await ApiBed.start();
  directory = await mkdtemp(join(tmpdir(), 'distributord-state-'));
});
afterAll(async () => {
  await bed.stop();
  await rm(directory, { recursive: true, force: true });
});

async function ctl(...argv: readonly string[]) {
  const arguments_ = [main, '--socket', bed.socket, 'state', ...argv];
  const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: child.exitCode, stdout, stderr };
}

const state = { format: 'distributord-state', version: 1, distributors: [whole, distributor(2)] };

test('import, export, and the same again', async () => {
  const given = join(directory, 'given.json');
  await writeFile(given, JSON.stringify(state));
  expect(await ctl('import', given, '--dry-run')).toEqual({
    ...{ code: 0, stderr: '' },
    stdout: 'would be: 2 added, 0 changed, 0 removed, 0 unchanged\n',
  });
  expect(await ctl('import', given)).toMatchObject({
    code: 0,
    stdout: '2 added, 0 changed, 0 removed, 0 unchanged; revision 2\n',
  });

  const kept = join(directory, 'kept.json');
  await writeFile(kept, 'what was there before', { mode: 0o644 });
  expect(await ctl('export', '--output', kept)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await stat(kept)).mode & 0o777).toBe(0o600);
  expect((await readdir(directory)).sort()).toEqual(['given.json', 'kept.json']);
  const exported = await readFile(kept, 'utf8');
  expect(JSON.parse(exported)).toEqual(state);
  expect(await ctl('export')).toEqual({ code: 0, stdout: exported, stderr: '' });

  expect(await ctl('import', kept)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^distributorctl: STATE_NOT_EMPTY: .*: 2\n/) as string,
  });
  expect(await ctl('import', kept, '--replace')).toMatchObject({
    code: 0,
    stdout: '0 added, 0 changed, 0 removed, 2 unchanged; revision 2\n',
  });
});

describe('a file that cannot be used: exit status 1, naming it', () => {
  test.each<[string, unknown, RegExp]>([
    ['not JSON', 'state', /is not JSON: /],
    ['no object', [], /holds no JSON object/],
    ['no format', {}, /format is missing, not "distributord-state"/],
    ['another format', { ...state, format: 'x' }, /format is "x", not "distributord-state"/],
    ['a newer version', { ...state, version: 2 }, /version is 2; this distributorctl reads 1/],
    ['no list', { ...state, distributors: {} }, /distributors is no list/],
    ['no distributors', { format: state.format, version: 1 }, /distributors is missing/],
    ['more than is known', { ...state, more: 1 }, /more is not known/],
    [
      'a wrong distributor',
      { ...state, distributors: [whole, { ...whole, id: 'd2' }] },
      /INVALID_STATE: distributors\[1\]\.id .*"d2"/,
    ],
  ])('%s', async (name, content, message) => {
    const path = join(directory, `${name}.json`);
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    const { code, stderr } = await ctl('import', path, '--replace');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) as string });
  });

  test('one that is not there, and a directory that is not', async () => {
    const absent = join(directory, 'absent', 'state.json');
    expect(await ctl('import', absent)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/absent\/state\.json cannot be read: ENOENT/) as string,
    });
    expect(await ctl('export', '--output', absent)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/absent\/state\.json cannot be written: ENOENT/) as string,
    });
  });
});
