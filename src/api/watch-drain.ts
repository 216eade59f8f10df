// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { WatchDrainRequest__Output as WatchDrainRequest } from '../../build/proto/distributor/v1/WatchDrainRequest.ts';
import type { WatchDrainResponse } from '../../build/proto/distributor/v1/WatchDrainResponse.ts';
import { DistributordError } from '../errors.ts';
import type { DrainReport } from '../reconcile/drain-watch.ts';
import type { DrainSupervisor } from '../reconcile/drain-supervisor.ts';
import type { Stored } from '../store/store.ts';
import type { Outlet } from './calls.ts';
import { drainStatus } from './drain-responses.ts';
import { WakeUp } from './wake-up.ts';

const intervalMs = 1000;

let lastTurn = Promise.resolve();

/** All streams wake up at once: each has a turn of the event loop, with others' work between. */
function takeTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => nextTurn());
  return lastTurn;
}

/** Tells how the drains that a request names go on, until the last of them is over. */
export class DrainStream {
  readonly #drains: DrainSupervisor;
  readonly #distributorId: string;
  /** By amphora, as last told: another job of the same amphora is not this stream's. */
  readonly #reports: Map<string, DrainReport>;

  /** @throws DRAIN_NOT_FOUND */
  constructor(drains: DrainSupervisor, { distributor }: Stored, request: WatchDrainRequest) {
    this.#drains = drains;
    this.#distributorId = distributor.id;
    const draining = distributor.amphorae.flatMap((amphora) =>
      amphora.state === 'DRAINING' && amphora.drain.finished === null ? [amphora.id] : [],
    );
    const named = request.amphora_ids.length > 0 ? request.amphora_ids : draining;
    this.#reports = new Map(named.map((id, index) => [id, this.#require(id, index)]));
  }

  async run({ signal, send }: Outlet<WatchDrainResponse>): Promise<void> {
    const wakeUp = new WakeUp();
    const unsubscribe = this.#drains.onProgress((id) => {
      if (id === this.#distributorId) wakeUp.notify();
    });
    let told = '';
    try {
      for (;;) {
        await takeTurn();
        const drains = [...this.#reports.values()].map(drainStatus);
        const text = JSON.stringify(drains);
        if (text !== told) {
          await send({ drains });
          if (this.#isOver) return;
          told = text;
          await delay(intervalMs, undefined, { signal });
        }
        await wakeUp.wait(signal);
        this.#look();
      }
    } finally {
      unsubscribe();
    }
  }

  get #isOver(): boolean {
    return [...this.#reports.values()].every(({ state }) => state !== 'DRAINING');
  }

  #look(): void {
    for (const [id, before] of this.#reports) {
      if (before.state !== 'DRAINING') continue;
      const report = this.#drains.report(this.#distributorId, id);
      const isSameJob = report !== null && report.startedAt === before.startedAt;
      this.#reports.set(id, isSameJob ? report : { ...before, state: 'CANCELLED' });
    }
  }

  #require(amphoraId: string, index: number): DrainReport {
    const report = this.#drains.report(this.#distributorId, amphoraId);
    if (report !== null) return report;
    throw new DistributordError(
      'DRAIN_NOT_FOUND',
      `amphora_ids[${index}] ${amphoraId} is not being drained`,
      { field: `amphora_ids[${index}]`, value: amphoraId },
    );
  }
}
