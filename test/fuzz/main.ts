// SPDX-License-Identifier: Apache-2.0
// Sends frames that nobody would write through the program that ships, and holds it to what it must
// never do. Runs itself again in a network namespace that it makes and removes.
import { once } from 'node:events';
import { spawnIn } from '../support/namespaces.ts';
import { parseArguments, USAGE } from './arguments.ts';
import { createFuzzBed, removeFuzzBed } from './bed.ts';
import { runSession } from './session.ts';

const INSIDE = 'DISTRIBUTOR_FUZZ_INSIDE';

async function runInNamespace(argv: readonly string[]): Promise<number> {
  const namespace = await createFuzzBed();
  const child = spawnIn(namespace, [process.execPath, import.meta.filename, ...argv], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [INSIDE]: '1' },
  });
  const stop = () => child.kill('SIGKILL');
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const [code] = (await once(child, 'exit')) as [number | null];
  await removeFuzzBed(namespace);
  return code ?? 1;
}

try {
  const argv = process.argv.slice(2);
  const task = parseArguments(argv);
  if (process.env[INSIDE] === undefined) {
    process.exitCode = await runInNamespace(argv);
  } else {
    // Without its parent nobody removes the namespace while this runs.
    const abandoned = () => process.exit(1);
    process.on('disconnect', abandoned);
    process.exitCode = (await runSession(task)) ? 0 : 1;
    process.off('disconnect', abandoned).disconnect();
  }
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}
