// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const prefix = '/opt/distributor';

let destination: string;
beforeAll(() => {
  destination = mkdtempSync(join(tmpdir(), 'install-'));
});
afterAll(() => rmSync(destination, { recursive: true }));

const at = (path: string) => join(destination, path);
const read = (path: string) => readFileSync(at(path), 'utf8');

async function script(name: string, environment: Readonly<Record<string, string>> = {}) {
  const argv = [join(ROOT, 'scripts', name), prefix, destination];
  const env = { ...process.env, PURGE: '', ...environment };
  return (await promisify(execFile)('sh', argv, { env })).stdout;
}

/** Files that are there, besides directories. */
function files(): string[] {
  return readdirSync(destination, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !statSync(at(path)).isDirectory(),
  );
}

const unit = 'usr/lib/systemd/system/distributord.service';
const configuration = 'etc/distributord/distributord.yaml';

// One after the other: what is installed by the first is removed by the last.
test('install puts everything under the prefix, and says where', async () => {
  const output = await script('install.sh');
  const shown = [...output.matchAll(/^ {2}\S.* (\/\S+)/gm)].map(([, path = '']) => path);
  expect(shown.length).toBeGreaterThanOrEqual(6);
  for (const path of shown) expect(existsSync(path), path).toBe(true);
  for (const command of ['distributord', 'distributorctl']) {
    const text = read(`${prefix}/bin/${command}`);
    const [, node = '', main = ''] = /^exec (\S+) (\S+) "\$@"$/m.exec(text) ?? [];
    expect(node.startsWith(prefix) && main.startsWith(prefix)).toBe(true);
    const { stdout } = await promisify(execFile)(at(node), [at(main), '--version']);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  }
  expect(read(unit)).toContain(`ExecStart=${prefix}/bin/distributord --config`);
  expect(read(unit)).toContain('ExecStartPre=+/usr/bin/install ');
  expect(read('usr/lib/sysusers.d/distributord.conf')).toContain('u distributord ');
  expect(existsSync(at(`${prefix}/lib/distributord/node_modules/typescript`))).toBe(false);
});

test('installing again keeps the configuration and leaves nothing old', async () => {
  writeFileSync(at(configuration), 'log: {level: warn}\n');
  writeFileSync(at(`${prefix}/lib/distributord/src/old.ts`), '');
  await script('install.sh');
  expect(read(configuration)).toBe('log: {level: warn}\n');
  expect(existsSync(at(`${prefix}/lib/distributord/src/old.ts`))).toBe(false);
});

test('uninstall keeps the configuration, and with PURGE=1 nothing', async () => {
  await script('uninstall.sh');
  expect(files()).toEqual([configuration]);
  await script('uninstall.sh', { PURGE: '1' });
  expect(files()).toEqual([]);
  const left = readdirSync(destination, { recursive: true, encoding: 'utf8' });
  expect(left.filter((path) => path.endsWith('/distributord'))).toEqual([]);
});
