// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnIn } from '../../test/support/namespaces.ts';
import { refuseOthers } from '../verdicts.ts';
import type { World } from '../world.ts';
import type { Place, Running } from './contender.ts';

const PROGRAM = join(import.meta.dirname, 'distributor-process.ts');

/** A world, and what is to become of its packets. */
export interface DistributorCase extends World {
  readonly verdict: string;
}

export async function startDistributor(one: DistributorCase, place: Place): Promise<Running> {
  const { namespace, port } = place;
  const argv = [process.execPath, PROGRAM, JSON.stringify(one), port];
  const child = spawnIn(namespace, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new TypeError('a process without pipes');
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const verdicts = async (): Promise<readonly number[]> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the process of the distributor has ended');
    return JSON.parse(line.value) as number[];
  };

  let before = await verdicts();
  const now = () => {
    stdin.write('\n');
    return verdicts();
  };
  return {
    async begin() {
      before = await now();
    },
    async verify() {
      refuseOthers(one, before, await now());
    },
  };
}
