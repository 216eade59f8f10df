// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UNIT, unitSetting, unitSystemCalls } from '../support/service-unit.ts';

let directory: string;
let unit: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'unit-'));
  unit = join(directory, 'distributord.service');
  // It need not be installed here.
  const text = readFileSync(UNIT, 'utf8').replaceAll('/usr/bin/distributord', '/bin/true');
  writeFileSync(unit, text);
});
afterAll(() => rmSync(directory, { recursive: true }));

function analyze(...argv: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', argv, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('systemd finds no fault with the unit', () => {
  expect(analyze('verify', '--man=no', unit)).toEqual({ status: 0, output: '' });
});

test('the unit exposes little', () => {
  const { output } = analyze('security', '--offline=true', '--no-pager', unit);
  const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(output)?.[1]);
  expect(exposure).toBeLessThanOrEqual(2.5);
});

test.each(['bpf', 'socket', 'execve', 'epoll_pwait'])('%s is allowed', (call) => {
  expect(unitSystemCalls()).toContain(call);
});

test.each([
  ...['io_uring_setup', 'mount', 'ptrace', 'kexec_load', 'init_module', 'chown', 'setuid'],
  ...['perf_event_open', 'keyctl', 'reboot', 'capset'],
])('%s is not', (call) => {
  expect(unitSystemCalls()).not.toContain(call);
});

test('what is made before a start need not be there before it', () => {
  const made = unitSetting('ExecStartPre').flatMap((line) => line.split(' ').slice(-1));
  const writable = unitSetting('ReadWritePaths').flatMap((line) => line.split(' '));
  expect(writable.length).toBeGreaterThan(0);
  for (const path of writable) {
    expect(made).toContain(path.replace(/^-/, ''));
    expect(path.startsWith('-'), path).toBe(true);
  }
});
