// SPDX-License-Identifier: Apache-2.0
import type { Datapath } from '../datapath/datapath.ts';
import { DistributordError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey } from '../model/vip.ts';
import { diff } from '../plan/diff.ts';
import { applyOperation, type Operation } from '../plan/operation.ts';
import {
  neighbourKey,
  wantedState,
  type DatapathState,
  type DatapathVip,
  type FindPort,
  type IdleTimeouts,
  type Occupant,
  type ResolvedMac,
  type WatchedNeighbour,
} from '../plan/wanted.ts';

/** A pass over unsettled tables goes on in the next one after so many slots: about 1 ms. */
const slotsInAPass = 2 ** 20;

/** The first round watches addresses, the second uses what is known of them by then. */
const maxRounds = 3;

/** Gives the same answer again once it has been asked. */
function remembered(resolved: ResolvedMac): ResolvedMac {
  const answers = new Map<string, string | null>();
  return (neighbour) => {
    const key = neighbourKey(neighbour);
    if (!answers.has(key)) answers.set(key, resolved(neighbour));
    return answers.get(key) ?? null;
  };
}

const nobody: ReadonlyMap<number, Occupant> = new Map();

/**
 * Brings the data path to what the distributors ask for, by the difference alone. One
 * distributor is converged by one caller at a time (see KeyedLock).
 */
export class Reconciler {
  /** Of VIPs that have none of their own. Others count from a distributor's next convergence on. */
  timeouts: IdleTimeouts;
  /** Since the start: convergences, those that failed, and the seconds that they took. */
  readonly counts = { runs: 0, failures: 0, seconds: 0 };
  /** Since the start: slots that settle() has looked at, and the seconds that it took. */
  readonly settling = { slots: 0, seconds: 0 };
  readonly #datapath: Datapath;
  readonly #log: Log;
  readonly #actual = new Map<string, DatapathState>();
  readonly #watchers = new Map<string, Set<string>>();
  /** When a distributor's slots are to be looked at again, in seconds of `now`; 0 = at once. */
  readonly #unsettled = new Map<string, number>();
  readonly #outOfSync = new Map<string, string>();
  readonly #resolved: ResolvedMac = (neighbour) => this.#datapath.resolvedMac(neighbour);
  readonly #port: FindPort = (name) => this.#datapath.port(name);
  readonly #listeners: ((id: string) => void)[] = [];
  readonly #plugging: ((vip: DatapathVip, isPlugged: boolean) => void)[] = [];

  constructor(
    datapath: Datapath,
    { log, timeouts }: { readonly log: Log; readonly timeouts: IdleTimeouts },
  ) {
    this.#datapath = datapath;
    this.#log = log;
    this.timeouts = timeouts;
  }

  /** Calls with a distributor's id whenever its data path has become what it should be, or not. */
  onConverged(listener: (id: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Calls with a VIP that has come to a port, or is gone from the one it was on. */
  onPlugging(listener: (vip: DatapathVip, isPlugged: boolean) => void): void {
    this.#plugging.push(listener);
  }

  /** Goes on from what the data path carries already. Returns whom that is for. */
  adopt(states: ReadonlyMap<string, DatapathState>): readonly string[] {
    for (const [id, state] of states) {
      this.#actual.set(id, state);
      this.#unsettled.set(id, 0);
    }
    return [...states.keys()];
  }

  /**
   * Makes the data path carry `distributor`, null = nothing. If it throws, the data path is
   * somewhere on the way, and converge() with another goal starts from there.
   */
  async converge(id: string, distributor: Distributor | null): Promise<void> {
    const started = performance.now();
    this.counts.runs++;
    try {
      await this.#converge(id, distributor);
    } catch (error) {
      this.counts.failures++;
      throw error;
    } finally {
      this.counts.seconds += (performance.now() - started) / 1000;
    }
  }

  async #converge(id: string, distributor: Distributor | null): Promise<void> {
    let resolved = this.#resolved;
    for (let round = 0; round < maxRounds; round++) {
      const actual = this.#actual.get(id) ?? null;
      // Addresses that answer later have their own turn: this one has an end.
      if (round === 1) resolved = remembered(resolved);
      const observed = { resolved, actual, port: this.#port, timeouts: this.timeouts };
      const wanted = distributor === null ? null : wantedState(distributor, observed);
      const operations = diff(actual, wanted);
      if (operations.length === 0) {
        this.#outOfSync.delete(id);
        this.#tell(id);
        return;
      }
      for (const operation of operations) await this.#execute(id, operation);
    }
    throw new DistributordError('INTERNAL', `distributor ${id} does not converge`);
  }

  /** The same, but a failure is only noted; `pending` names who is to be tried again. */
  async tryConverge(id: string, distributor: Distributor | null): Promise<void> {
    try {
      await this.converge(id, distributor);
    } catch (error) {
      const { message } = error as Error;
      // It is tried again each second: what is the same is not said again.
      if (this.#outOfSync.get(id) !== message)
        this.#log.error({ distributor: id, err: error }, 'data path is out of sync');
      this.#outOfSync.set(id, message);
      this.#tell(id);
    }
  }

  /** Which amphorae the data path has, with the MACs in use, by position. */
  occupants(id: string): ReadonlyMap<number, Occupant> {
    return this.#actual.get(id)?.positions ?? nobody;
  }

  /** Why the data path of a distributor is not what it should be, or null if it is. */
  outOfSync(id: string): string | null {
    return this.#outOfSync.get(id) ?? null;
  }

  /** Distributors to be converged again. */
  get pending(): readonly string[] {
    return [...this.#outOfSync.keys()];
  }

  /** Distributors that watch the address. */
  watchersOf(neighbour: WatchedNeighbour): readonly string[] {
    return [...(this.#watchers.get(neighbourKey(neighbour)) ?? [])];
  }

  /** Whether the data path sends no new connection to the position. */
  isWithdrawn(id: string, position: number): boolean {
    const state = this.#actual.get(id);
    if (state === undefined) return true;
    return state.weights !== null && (state.weights[position] ?? 0) === 0;
  }

  /**
   * Settles quiet slots. Looks only at distributors that have any and are due, and at so
   * many slots at most; who was not reached comes first the next time.
   */
  settle(now = performance.now() / 1000): void {
    const started = performance.now();
    this.settling.slots += this.#settleSome(now);
    this.settling.seconds += (performance.now() - started) / 1000;
  }

  /** Returns how many slots it has looked at. */
  #settleSome(now: number): number {
    let slots = 0;
    for (const [id, due] of this.#unsettled) {
      if (due > now) continue;
      if (slots >= slotsInAPass) break;
      slots += this.#actual.get(id)?.tableSize ?? 0;
      const { unsettled, next } = this.#datapath.settle(id) ?? { unsettled: 0, next: 0 };
      this.#unsettled.delete(id);
      if (unsettled > 0) this.#unsettled.set(id, now + next);
      // Most have none when they are looked at first, as after a start.
      else if (due > 0) this.#log.info({ distributor: id }, 'all slots settled');
    }
    return slots;
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  async #execute(id: string, operation: Operation): Promise<void> {
    await this.#datapath.execute(id, operation);
    this.#log.debug({ distributor: id, operation }, 'data path changed');
    const before = this.#actual.get(id) ?? null;
    const state = applyOperation(before, operation);
    if (state === null) this.#actual.delete(id);
    else this.#actual.set(id, state);
    this.#note(id, operation);
    if (operation.kind === 'delete-vip') this.#tellOfPlugging(operation.vip, false);
    if (operation.kind !== 'put-vip') return;
    const known = before?.vips.get(vipKey(operation.vip));
    const { ifindex, mac } = operation.vip;
    if (known?.ifindex !== ifindex || known.mac !== mac) this.#tellOfPlugging(operation.vip, true);
  }

  #tellOfPlugging(vip: DatapathVip, isPlugged: boolean): void {
    for (const listener of this.#plugging) listener(vip, isPlugged);
  }

  #note(id: string, operation: Operation): void {
    if (operation.kind === 'assign-slots') this.#unsettled.set(id, 0);
    if (operation.kind === 'drop-table') this.#unsettled.delete(id);
    if (operation.kind !== 'watch-neighbour' && operation.kind !== 'forget-neighbour') return;
    const key = neighbourKey(operation.neighbour);
    const watchers = this.#watchers.get(key) ?? new Set();
    if (operation.kind === 'watch-neighbour') watchers.add(id);
    else watchers.delete(id);
    if (watchers.size > 0) this.#watchers.set(key, watchers);
    else this.#watchers.delete(key);
  }
}
