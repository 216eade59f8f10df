// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

/** Ten minutes: a test that sends some thousand packets takes some, emulated. */
const TIMEOUT = '600000';
const SHOWN = 80;

/** They repeat for seconds what others do once, on random input: emulated, for many minutes. */
const left = ['any-sequence', 'fuzz', 'interrupted-change', 'interrupted-upgrade'];

/**
 * Runs a project's tests here, but those that repeat. Gives the line that they end with, or throws
 * with what failed.
 */
export function runVitest(project: string): Promise<string> {
  const limits = [`--testTimeout=${TIMEOUT}`, `--hookTimeout=${TIMEOUT}`];
  const excluded = left.map((name) => `--exclude=**/${name}.test.ts`);
  const argv = ['run', '--project', project, '--no-color', ...limits, ...excluded];
  const { status, stdout, stderr } = spawnSync('vitest', argv, {
    encoding: 'utf8',
    env: { ...process.env, CI: '1', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
  });
  if (status !== 0)
    return Promise.reject(new Error(stderr.trim().split('\n').slice(0, SHOWN).join('\n')));
  return Promise.resolve(stdout.trim().split('\n').at(-1) ?? '');
}
