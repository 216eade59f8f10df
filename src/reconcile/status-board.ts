// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Distributor } from '../model/distributor.ts';
import type { Occupant } from '../plan/wanted.ts';
import type { Store, Stored } from '../store/store.ts';
import {
  conditionsOf,
  statusOf,
  type Condition,
  type Observers,
  type Status,
} from './conditions.ts';

export interface TimedCondition extends Condition {
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface StatusReport {
  readonly status: Status;
  readonly conditions: readonly TimedCondition[];
}

/** What a watcher is told: a distributor as it is, or that it is gone. */
export interface BoardChange {
  readonly id: string;
  readonly stored: Stored | null;
  readonly watchRevision: number;
}

interface Entry extends StatusReport {
  readonly occupants: ReadonlyMap<number, Occupant>;
  readonly stored: Stored;
  readonly watchRevision: number;
}

export interface StatusBoardOptions extends Observers {
  readonly store: Store;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** So many deletions are remembered for watchers that come back. */
const tombstones = 10_000;

/**
 * The status of every distributor, since when, and in which order they changed. Work is
 * done for distributors that may have changed, not for all.
 */
export class StatusBoard {
  readonly #options: StatusBoardOptions;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Revision of the deletion by id, oldest first. */
  readonly #deleted = new Map<string, number>();
  readonly #byPort = new Map<string, Set<string>>();
  /** As suspects() has last seen them. */
  readonly #ports = new Map<string, string>();
  readonly #full = new Set<string>();
  readonly #listeners = new Set<(change: BoardChange) => void>();
  /** Watch revisions up to this one cannot be continued from. */
  #floor: number;
  #revision: number;

  constructor(options: StatusBoardOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    // Above any revision of a daemon before this one, which made fewer than one a microsecond.
    this.#floor = this.#now() * 1000;
    this.#revision = this.#floor;
  }

  /** Of the last change. */
  get revision(): number {
    return this.#revision;
  }

  /** Looks at a distributor anew. To be called when it may have changed; not while it changes. */
  refresh(id: string): void {
    const stored = this.#options.store.get(id);
    const before = this.#entries.get(id);
    if (stored === undefined) {
      if (before !== undefined) this.#remove(before);
      return;
    }
    const { distributor } = stored;
    const report = this.report(stored);
    const { status, conditions } = report;
    // Replaced, never changed: another map means another amphora or MAC somewhere.
    const occupants = this.#options.reconciler.occupants(id);
    const isSameState = before?.stored === stored && before.occupants === occupants;
    if (isSameState && sameReport(before, report)) return;
    if (before === undefined || before.status !== status)
      this.#logStatus(id, { status, before: before?.status ?? null, conditions });
    const watchRevision = ++this.#revision;
    this.#deleted.delete(id);
    if (before !== undefined) this.#unindex(before.stored.distributor);
    this.#index(distributor);
    // Put anew, so that the map's order is that of the changes.
    this.#entries.delete(id);
    this.#entries.set(id, { ...report, stored, occupants, watchRevision });
    this.#tell({ id, stored, watchRevision });
  }

  /**
   * Who may have changed by itself: by a port, or by the flow table. To be asked every second
   * or so, and each to be refreshed.
   */
  suspects(): Iterable<string> {
    const { datapath } = this.#options;
    const changed = new Set(this.#full);
    this.#full.clear();
    for (const { distributorId } of datapath.vipsOutOfFlows()) {
      this.#full.add(distributorId);
      changed.add(distributorId);
    }
    for (const [port, ids] of this.#byPort) {
      const state = this.#stateOf(port);
      if (this.#ports.get(port) === state) continue;
      this.#ports.set(port, state);
      for (const id of ids) changed.add(id);
    }
    return changed;
  }

  /** How a distributor is at this moment; watchers are not told. */
  report({ distributor }: Stored): StatusReport {
    const now = this.#now();
    const before = this.#entries.get(distributor.id)?.conditions ?? [];
    const conditions = conditionsOf(distributor, this.#options).map((condition) => ({
      ...condition,
      since: before.find((known) => isSame(known, condition))?.since ?? now,
    }));
    return { status: statusOf(distributor, conditions), conditions };
  }

  /**
   * What changed after a revision, in order; each distributor once, as it is now.
   * @throws WATCH_EXPIRED if that is no longer known; 0 = all that there is
   */
  changesSince(after: number): readonly BoardChange[] {
    if (after !== 0 && (after < this.#floor || after > this.#revision))
      throw new DistributordError(
        'WATCH_EXPIRED',
        `after ${after} is not within ${this.#floor} to ${this.#revision}`,
        { field: 'after', value: after },
      );
    const changes: BoardChange[] = [];
    for (const [id, { stored, watchRevision }] of this.#entries)
      if (watchRevision > after) changes.push({ id, stored, watchRevision });
    if (after !== 0)
      for (const [id, watchRevision] of this.#deleted)
        if (watchRevision > after) changes.push({ id, stored: null, watchRevision });
    return changes.sort((a, b) => a.watchRevision - b.watchRevision);
  }

  /** Calls on every change until the returned function is called. */
  onChange(listener: (change: BoardChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #remove({ stored }: Entry): void {
    const { id } = stored.distributor;
    const watchRevision = ++this.#revision;
    this.#entries.delete(id);
    this.#unindex(stored.distributor);
    this.#deleted.set(id, watchRevision);
    const [oldest] = this.#deleted;
    if (this.#deleted.size > tombstones && oldest !== undefined) {
      this.#deleted.delete(oldest[0]);
      this.#floor = oldest[1];
    }
    this.#tell({ id, stored: null, watchRevision });
  }

  #stateOf(port: string): string {
    return JSON.stringify(this.#options.datapath.portState(port));
  }

  /** Who comes to a port has been looked at as the port is now. */
  #index({ id, vips }: Distributor): void {
    for (const { interface: port } of vips) {
      const ids = this.#byPort.get(port);
      if (ids !== undefined) {
        ids.add(id);
        continue;
      }
      this.#byPort.set(port, new Set([id]));
      this.#ports.set(port, this.#stateOf(port));
    }
  }

  #unindex({ id, vips }: Distributor): void {
    for (const { interface: port } of vips) {
      const ids = this.#byPort.get(port);
      ids?.delete(id);
      if (ids?.size !== 0) continue;
      this.#byPort.delete(port);
      this.#ports.delete(port);
    }
  }

  #logStatus(
    id: string,
    { status, before, conditions }: StatusReport & { readonly before: Status | null },
  ): void {
    const facts = { distributor: id, status, before, conditions, event: 'status' };
    const { log } = this.#options;
    // Ten thousand of them may begin so.
    if (status === 'ONLINE' && before === null) log.debug(facts, 'distributor is online');
    else if (status === 'ONLINE') log.info(facts, 'distributor is online');
    else log.warn(facts, `distributor is ${status.toLowerCase()}`);
  }

  #tell(change: BoardChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function isSame(a: Condition, b: Condition): boolean {
  return a.type === b.type && a.subject === b.subject;
}

function sameReport(a: StatusReport, b: StatusReport): boolean {
  return (
    a.status === b.status &&
    a.conditions.length === b.conditions.length &&
    a.conditions.every((condition, index) => {
      const other = b.conditions[index];
      return other !== undefined && isSame(condition, other) && condition.message === other.message;
    })
  );
}
