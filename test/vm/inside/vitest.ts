// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

/** Ten minutes: a test that sends some thousand packets takes some, emulated. */
const TIMEOUT = '600000';
const SHOWN = 40;

/** Runs a project's tests here. Gives the line that they end with, or throws with what failed. */
export function runVitest(project: string): Promise<string> {
  const limits = [`--testTimeout=${TIMEOUT}`, `--hookTimeout=${TIMEOUT}`];
  const argv = ['run', '--project', project, '--no-color', ...limits];
  const { status, stdout } = spawnSync('vitest', argv, {
    encoding: 'utf8',
    env: { ...process.env, CI: '1', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
  });
  const lines = stdout.trim().split('\n');
  if (status !== 0) return Promise.reject(new Error(lines.slice(-SHOWN).join('\n')));
  return Promise.resolve(lines.at(-1) ?? '');
}
