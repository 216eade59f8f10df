// SPDX-License-Identifier: Apache-2.0
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { Client } from './client.ts';
import { isOver } from './describe-drain.ts';
import type { DrainDisplay } from './drain-display.ts';
import { exitStatus } from './exit-status.ts';
import { resuming } from './resume.ts';

export interface DrainJob {
  readonly distributor_id: string;
  /** As it began. */
  readonly drains: readonly DrainStatus[];
}

export interface FollowOptions {
  readonly client: Client;
  readonly display: DrainDisplay;
  readonly signal: AbortSignal;
  /** How long the daemon may be gone, in ms. */
  readonly patienceMs?: number;
}

/**
 * Shows drains to their end; resolves to the exit status that says how they ended.
 * @throws CallError if the daemon refused to tell, or was gone for too long
 */
export async function followDrain(job: DrainJob, options: FollowOptions): Promise<number> {
  const { client, display, signal, patienceMs = 60_000 } = options;
  const latest = new Map(job.drains.map((drain) => [drain.amphora_id, drain]));
  const drains = () => [...latest.values()];
  display.update(drains(), null);
  const open = () => {
    // One that ended may be unregistered by now, and would be refused.
    const going = drains().filter((drain) => !isOver(drain));
    const asked = going.length === 0 ? drains() : going;
    const amphora_ids = asked.map(({ amphora_id }) => amphora_id);
    const request = { distributor_id: job.distributor_id, amphora_ids };
    return client.stream('WatchDrain', request, signal);
  };
  try {
    const tell = (message: string) => display.tell(message);
    for await (const response of resuming(open, { patienceMs, reached: true, signal, tell })) {
      for (const drain of response.drains) latest.set(drain.amphora_id, drain);
      display.update(drains(), response);
      if (drains().every(isOver)) break;
    }
  } finally {
    display.close();
  }
  display.finish(drains());
  if (drains().every(isOver)) return outcomeOf(drains());
  if (signal.aborted) {
    display.tell('the drain goes on; drain --wait watches it again');
    return exitStatus.interrupted;
  }
  display.tell('the daemon tells nothing more of the drain, which may go on');
  return exitStatus.failed;
}

/** Of several ends the one furthest from what was asked for counts. */
function outcomeOf(drains: readonly DrainStatus[]): number {
  const status: Record<DrainStatus['state'], number> = {
    DRAIN_STATE_UNSPECIFIED: exitStatus.failed,
    DRAIN_STATE_DRAINING: exitStatus.failed,
    DRAIN_STATE_DRAINED: exitStatus.success,
    DRAIN_STATE_DEADLINE_PASSED: exitStatus.deadlinePassed,
    DRAIN_STATE_CANCELLED: exitStatus.drainEnded,
    DRAIN_STATE_UNREGISTERED: exitStatus.drainEnded,
  };
  return Math.max(...drains.map(({ state }) => status[state]));
}
