// SPDX-License-Identifier: Apache-2.0
import type { Datapath, PositionOf, SlotCounts } from '../datapath/datapath.ts';
import type { Log } from '../log.ts';
import type { Amphora, DrainingAmphora, DrainOutcome, EndOfDrain } from '../model/amphora.ts';
import type { Distributor } from '../model/distributor.ts';
import { idleTimeouts } from '../plan/wanted.ts';
import type { Store } from '../store/store.ts';
import {
  DrainWatch,
  finishedReport,
  type DrainReport,
  type DrainSample,
  type DrainState,
  type SampledVip,
} from './drain-watch.ts';
import type { Reconciler } from './reconciler.ts';

/** Ends a job: records the outcome, and unregisters the amphora if the job says so. */
export type FinishDrain = (distributorId: string, end: EndOfDrain) => Promise<void>;

export interface DrainSupervisorOptions {
  readonly store: Store;
  readonly datapath: Datapath;
  readonly reconciler: Reconciler;
  readonly finish: FinishDrain;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Seconds of a clock that is never set. */
  readonly clock?: () => number;
}

/** What all drains of a distributor have in common. */
type CommonSample = Pick<DrainSample, 'now' | 'clock' | 'vips'> & Pick<SlotCounts, 'previous'>;

/** How many jobs that are over are remembered for those who ask late. */
const remembered = 1000;
/** Counting may take a tenth of the time. */
const restPerWork = 9;
/** Flow entries are swept so often, in seconds, though nobody drains. */
const sweepInterval = 10;

/**
 * Counts what is left of every draining amphora's connections, each second, and ends the
 * drains that are over. Costs nothing while nobody drains, but for a sweep now and then.
 */
export class DrainSupervisor {
  readonly #options: DrainSupervisorOptions;
  readonly #now: () => number;
  readonly #clock: () => number;
  /** By distributor, then by amphora: the jobs that go on. */
  readonly #watches = new Map<string, Map<string, DrainWatch>>();
  /** How jobs of ours are about to end. */
  readonly #ending = new Map<DrainWatch, DrainOutcome>();
  readonly #ended = new Map<string, DrainReport>();
  readonly #listeners = new Set<(distributorId: string) => void>();
  #nextSweep = 0;
  #isSweeping = false;
  #isClosed = false;

  constructor(options: DrainSupervisorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#clock = options.clock ?? (() => performance.now() / 1000);
  }

  /** Follows the jobs as they are recorded. To be called when a change is complete. */
  review(distributorId: string): void {
    const amphorae = this.#options.store.get(distributorId)?.distributor.amphorae ?? [];
    const byId = new Map(amphorae.map((amphora) => [amphora.id, amphora]));
    const watches = this.#watches.get(distributorId) ?? new Map<string, DrainWatch>();
    let changed = false;
    for (const [id, watch] of watches) {
      const amphora = byId.get(id);
      if (isSameJob(amphora, watch)) {
        watch.follow(amphora);
        continue;
      }
      this.#conclude(distributorId, watch, amphora);
      watches.delete(id);
      changed = true;
    }
    for (const amphora of amphorae) {
      if (amphora.state !== 'DRAINING' || amphora.drain.finished !== null) continue;
      if (watches.has(amphora.id)) continue;
      watches.set(amphora.id, new DrainWatch(amphora));
      this.#ended.delete(key(distributorId, amphora.id));
      this.#nextSweep = 0;
      changed = true;
    }
    if (watches.size > 0) this.#watches.set(distributorId, watches);
    else this.#watches.delete(distributorId);
    if (changed) this.#tell(distributorId);
  }

  /** To be called every second. */
  async keepUp(): Promise<void> {
    const isIdle = this.#watches.size === 0;
    if (this.#isSweeping || this.#clock() < this.#nextSweep) return;
    this.#isSweeping = true;
    const started = this.#clock();
    try {
      await this.#observe();
    } catch (error) {
      if (!this.#isClosed)
        this.#options.log.error({ err: error }, 'flow entries cannot be counted');
    }
    if (this.#isClosed) return;
    this.#endThoseThatAreOver();
    this.#isSweeping = false;
    const rest = (this.#clock() - started) * restPerWork;
    // Not a whole second: the caller's timer may come a little early.
    this.#nextSweep = started + Math.max(isIdle ? sweepInterval : 0.5, rest);
  }

  /** How the drain of an amphora stands, or ended; null if it was not drained. */
  report(distributorId: string, amphoraId: string): DrainReport | null {
    const watch = this.#watches.get(distributorId)?.get(amphoraId);
    const amphora = this.#find(distributorId, amphoraId);
    if (watch !== undefined) {
      if (isSameJob(amphora, watch)) watch.follow(amphora);
      return watch.report('DRAINING', null);
    }
    const ended = this.#ended.get(key(distributorId, amphoraId));
    if (amphora?.state !== 'DRAINING') return ended ?? null;
    const { startedAt, finished } = amphora.drain;
    if (ended?.startedAt === startedAt && finished !== null) return ended;
    if (finished !== null) return finishedReport(amphora, finished);
    return new DrainWatch(amphora).report('DRAINING', null); // to be reviewed yet
  }

  /** Calls whenever jobs of a distributor have been looked at, until the returned function is. */
  onProgress(listener: (distributorId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends no more drains. */
  close(): void {
    this.#isClosed = true;
  }

  async #observe(): Promise<void> {
    const { reconciler, datapath, log } = this.#options;
    // What still gets new connections has not begun to drain.
    const withdrawn = [...this.#all()].filter(({ distributorId, position }) =>
      reconciler.isWithdrawn(distributorId, position),
    );
    const { removed, tallies } = await datapath.sweepFlows(withdrawn);
    if (removed > 0) log.debug({ removed }, 'flow entries expired');
    const common = new Map<string, CommonSample | null>();
    withdrawn.forEach(({ distributorId, watch, position }, index) => {
      if (!common.has(distributorId)) common.set(distributorId, this.#look(distributorId));
      const shared = common.get(distributorId) ?? null;
      const counts = datapath.positionCounts(distributorId, position);
      if (shared === null || counts === null) return; // gone meanwhile
      const { previous, ...sample } = shared;
      const { packets, openings, tenure } = counts;
      const unsettledSlots = previous.get(position) ?? 0;
      const tally = tallies[index] ?? null;
      watch.add({ ...sample, packets, openings, tenure, unsettledSlots, tally });
    });
  }

  #endThoseThatAreOver(): void {
    const now = this.#now();
    for (const { distributorId, watch } of this.#all()) {
      const outcome = watch.outcomeAt(now);
      if (outcome !== null) this.#finish(distributorId, watch, outcome);
    }
    for (const distributorId of this.#watches.keys()) this.#tell(distributorId);
  }

  *#all(): Iterable<PositionOf & { readonly watch: DrainWatch }> {
    for (const [distributorId, watches] of this.#watches)
      for (const watch of watches.values())
        yield { distributorId, watch, position: watch.amphora.position };
  }

  #look(distributorId: string): CommonSample | null {
    const { store, datapath } = this.#options;
    const distributor = store.get(distributorId)?.distributor;
    if (distributor === undefined) return null;
    return {
      now: this.#now(),
      clock: this.#clock(),
      vips: this.#sampleVips(distributor),
      previous: datapath.slotCounts(distributorId)?.previous ?? new Map<number, number>(),
    };
  }

  #sampleVips({ id, vips }: Distributor): readonly SampledVip[] {
    const { datapath, reconciler } = this.#options;
    const { timeouts } = reconciler;
    if (vips.length === 0) {
      // They may come back: a VIP is removed and added again where its port was replaced.
      const idle = Math.max(timeouts.tcpIdle, timeouts.otherIdle);
      return [{ tracking: 'ADAPTIVE', idle, otherIdle: timeouts.otherIdle, age: 0, unpinned: 0 }];
    }
    return vips.flatMap((vip) => {
      if (vip.tracking === 'STATELESS') return []; // has let its connections go
      const { tcpIdle, otherIdle } = idleTimeouts(vip, timeouts);
      return [
        {
          tracking: vip.tracking,
          idle: Math.max(tcpIdle, otherIdle),
          otherIdle,
          age: datapath.vipState(id, vip)?.age ?? 0,
          unpinned: datapath.vipCounts(id, vip)?.packets['tx_unpinned'] ?? 0,
        },
      ];
    });
  }

  #finish(distributorId: string, watch: DrainWatch, outcome: DrainOutcome): void {
    if (this.#ending.has(watch)) return;
    this.#ending.set(watch, outcome);
    const { id: amphoraId, drain } = watch.amphora;
    const { finish, log } = this.#options;
    finish(distributorId, { amphoraId, startedAt: drain.startedAt, outcome })
      .catch((error: unknown) => {
        log.error(
          { distributor: distributorId, amphora: amphoraId, err: error },
          'drain not ended',
        );
      })
      .finally(() => this.#ending.delete(watch));
  }

  #conclude(distributorId: string, watch: DrainWatch, amphora: Amphora | undefined): void {
    const state = this.#endOf(watch, amphora);
    const report = watch.report(state, this.#now());
    this.#ended.set(key(distributorId, watch.amphora.id), report);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > remembered && oldest !== undefined) this.#ended.delete(oldest);
    this.#options.log.info(
      { distributor: distributorId, ...report, event: 'drain-ended' },
      'drain ended',
    );
  }

  #endOf(watch: DrainWatch, amphora: Amphora | undefined): DrainState {
    if (amphora?.state === 'DRAINING' && amphora.drain.startedAt === watch.amphora.drain.startedAt)
      return amphora.drain.finished?.outcome ?? 'DRAINING';
    if (amphora !== undefined) return 'CANCELLED';
    return this.#ending.get(watch) ?? 'UNREGISTERED';
  }

  #find(distributorId: string, amphoraId: string): Amphora | undefined {
    const amphorae = this.#options.store.get(distributorId)?.distributor.amphorae ?? [];
    return amphorae.find(({ id }) => id === amphoraId);
  }

  #tell(distributorId: string): void {
    for (const listener of this.#listeners) listener(distributorId);
  }
}

function isSameJob(
  amphora: Amphora | undefined,
  { amphora: { drain } }: DrainWatch,
): amphora is DrainingAmphora {
  return (
    amphora?.state === 'DRAINING' &&
    amphora.drain.startedAt === drain.startedAt &&
    amphora.drain.finished === null
  );
}

function key(distributorId: string, amphoraId: string): string {
  return `${distributorId} ${amphoraId}`;
}
