// SPDX-License-Identifier: Apache-2.0
import type { WatchDistributorsResponse__Output as Change } from '../../build/proto/distributor/v1/WatchDistributorsResponse.ts';
import { CallError, type Client } from './client.ts';
import { exitStatus } from './exit-status.ts';
import { showDateTime } from './moments.ts';
import { tell, type Output } from './output.ts';
import { resuming } from './resume.ts';
import { nameOf, statusOf } from './show.ts';

export interface WatchOptions {
  readonly client: Client;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/**
 * Prints changes of all distributors until interrupted.
 * @throws CallError if the daemon refused, or was never reached
 */
export async function followDistributors(options: WatchOptions): Promise<number> {
  const { client, output, signal } = options;
  const show = output.json ? (change: Change) => JSON.stringify(change) : changeLines();
  let after = 0;
  let reached = false;
  const open = () => client.stream('WatchDistributors', { after }, signal);
  const watch = async () => {
    const resume = {
      patienceMs: Infinity,
      reached,
      signal,
      tell: (message: string) => tell(output, message),
    };
    for await (const change of resuming(open, resume)) {
      const line = show(change);
      if (line !== null) output.out.write(`${line}\n`);
      after = change.watch_revision;
      reached = true;
    }
  };
  while (!signal.aborted) {
    try {
      await watch();
    } catch (error) {
      const expired = error instanceof CallError && error.reason === 'WATCH_EXPIRED';
      if (!expired || after === 0) throw error;
      tell(output, `what changed after watch revision ${after} is lost: all distributors again`);
      after = 0;
    }
  }
  return exitStatus.interrupted;
}

/** Makes lines of changes; remembers the names of distributors, for when they are deleted. */
export function changeLines(now: () => number = Date.now): (change: Change) => string | null {
  const names = new Map<string, string>();
  return ({ change, distributor, deleted_id: deleted }) => {
    const time = showDateTime(now());
    if (change === 'deleted_id' && deleted !== undefined) {
      const name = names.get(deleted) ?? '-';
      names.delete(deleted);
      return [time, deleted, name, 'DELETED'].join('  ');
    }
    if (change !== 'distributor' || !distributor) return null;
    const name = nameOf(distributor);
    names.set(distributor.id, name);
    const types = [...new Set(distributor.conditions.map(({ type }) => type))].join(' ');
    const facts = [statusOf(distributor), `revision ${distributor.revision}`, types];
    return [time, distributor.id, name, ...facts].join('  ').trimEnd();
  };
}
