// SPDX-License-Identifier: Apache-2.0
import type { WatchDistributorsResponse__Output as Change } from '../../build/proto/distributor/v1/WatchDistributorsResponse.ts';
import { CallError, type Client } from './client.ts';
import { exitStatus } from './exit-status.ts';
import { showDateTime } from './moments.ts';
import { tell, type Output } from './output.ts';
import { resuming } from './resume.ts';
import { nameOf, statusOf } from './show.ts';
import { toJson } from './json.ts';

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
  const lines = new ChangeLines();
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
      const shown = output.json ? [toJson(change)] : lines.of(change);
      for (const line of shown) output.out.write(`${line}\n`);
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
      lines.startOver();
    }
  }
  return exitStatus.interrupted;
}

/** Makes lines of changes; remembers the names of distributors, for when they are gone. */
export class ChangeLines {
  readonly #names = new Map<string, string>();
  /** Of those that have not been told of since the start. */
  readonly #untold = new Set<string>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** All distributors will be told of anew; those that are not by then are gone. */
  startOver(): void {
    for (const id of this.#names.keys()) this.#untold.add(id);
  }

  of({ change, distributor, deleted_id: deleted }: Change): readonly string[] {
    const time = showDateTime(this.#now());
    if (change === 'deleted_id' && deleted !== undefined) return [this.#goneLine(time, deleted)];
    if (change === 'synchronized') return [...this.#untold].map((id) => this.#goneLine(time, id));
    if (change !== 'distributor' || !distributor) return [];
    const name = nameOf(distributor);
    this.#names.set(distributor.id, name);
    this.#untold.delete(distributor.id);
    const types = [...new Set(distributor.conditions.map(({ type }) => type))].join(' ');
    const facts = [statusOf(distributor), `revision ${distributor.revision}`, types];
    return [[time, distributor.id, name, ...facts].join('  ').trimEnd()];
  }

  #goneLine(time: string, id: string): string {
    const name = this.#names.get(id) ?? '-';
    this.#names.delete(id);
    this.#untold.delete(id);
    return [time, id, name, 'DELETED'].join('  ');
  }
}
