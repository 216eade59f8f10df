// SPDX-License-Identifier: Apache-2.0
// The Python driver's own tests, against the package as it is installed.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PYTHON, pythonEnvironment } from '../support/octavia-controller.ts';

const PACKAGE = join(import.meta.dirname, '../../integrations/octavia');
const files = readdirSync(join(PACKAGE, 'tests')).filter((name) => name.startsWith('test_'));

test.each(files)('%s', async (file) => {
  const argv = ['-W', 'ignore', '-m', 'pytest', '--quiet', '--tb=short', join('tests', file)];
  const options = { cwd: PACKAGE, env: pythonEnvironment };
  const complaint = await new Promise<string>((resolve) => {
    execFile(PYTHON, argv, options, (error, stdout, stderr) => {
      resolve(error === null ? '' : `${stdout}${stderr}`);
    });
  });
  expect(complaint).toBe('');
});
