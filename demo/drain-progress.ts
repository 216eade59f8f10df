// SPDX-License-Identifier: Apache-2.0
import type { Clients } from '../test/support/clients.ts';
import type { DrainWatch } from '../test/support/drain-watch.ts';

/** What a draining amphora has left, so long after its clients began to leave. */
export interface DrainProgress {
  readonly seconds: number;
  readonly state: string;
  readonly connections: number;
}

/**
 * The clients of an amphora that drains leave it, first those of IPv4, then the others. Resolves when
 * the drain has ended, with what the daemon said of it between these.
 */
export async function leaveAll(
  clients: Clients,
  amphora: string,
  watch: DrainWatch,
): Promise<DrainProgress[]> {
  const started = performance.now();
  const progress: DrainProgress[] = [];
  const note = (state: string, connections: number) => {
    const seconds = (performance.now() - started) / 1000;
    progress.push({ seconds, state: state.replace('DRAIN_STATE_', ''), connections });
  };
  for (const family of [4, 6] as const) {
    const left = (await clients.report({ amphora })).filter(({ alive }) => alive).length;
    const { state } = await watch.until(
      `${left} connections are left`,
      ({ remaining }) => remaining?.tcp === left,
      // What an amphora that went had may have come here, to be reset: it counts until it is idle.
      { deadlineMs: 10_000 },
    );
    note(state, left);
    await clients.close({ amphora, family });
  }
  const { state, remaining } = await watch.end({ deadlineMs: 30_000 });
  note(state, (remaining?.tcp ?? 0) + (remaining?.closing ?? 0));
  return progress;
}
