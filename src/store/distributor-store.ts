// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey } from '../model/vip.ts';
import { Slices } from '../slices.ts';
import { writeDocument } from './distributor-document.ts';
import { noJournal, type Journal, type JournalEntry } from './journal.ts';
import type { Store, StoreChange, Stored, StoreStatistics } from './store.ts';

export interface StoreContent {
  readonly stored: Iterable<Stored>;
  /** How many changes there have been. */
  readonly revision: number;
}

/** Who has what only one distributor can have. */
class Holders {
  readonly #holders = new Map<string, string>();

  get(key: string): string | undefined {
    return this.#holders.get(key);
  }

  give(keys: readonly string[], id: string): void {
    for (const key of keys) this.#holders.set(key, id);
  }

  take(keys: readonly string[], id: string): void {
    for (const key of keys) if (this.#holders.get(key) === id) this.#holders.delete(key);
  }
}

/**
 * The distributors of this host in memory, each change of which a journal makes durable before
 * anybody sees it. What a change claims is taken as soon as it begins.
 */
export class DistributorStore implements Store {
  readonly #journal: Journal;
  readonly #stored = new Map<string, Stored>();
  /** Their ids; null while not known. */
  #sorted: readonly string[] | null = null;
  readonly #byLoadBalancer = new Holders();
  readonly #byVip = new Holders();
  readonly #byAmphora = new Holders();
  /** Distributors with a change that is not durable yet. */
  readonly #changing = new Set<string>();
  readonly #listeners: ((id: string) => void)[] = [];
  /** Of the last change that is durable, and of the last one that began. */
  #revision = 0;
  #sequence = 0;
  #changes = 0;

  constructor(journal: Journal = noJournal, content: StoreContent = { stored: [], revision: 0 }) {
    this.#journal = journal;
    this.#revision = this.#sequence = content.revision;
    for (const each of content.stored) {
      const { distributor } = each;
      this.#refuseTaken(distributor);
      this.#stored.set(distributor.id, each);
      this.#claim(distributor);
    }
  }

  get revision(): number {
    return this.#revision;
  }

  get(id: string): Stored | undefined {
    return this.#stored.get(id);
  }

  list({ after, limit }: { after: string; limit: number }): readonly Stored[] {
    this.#sorted ??= [...this.#stored.keys()].sort();
    const first = firstBehind(this.#sorted, after);
    return this.#sorted
      .slice(first, Math.min(first + limit, this.#sorted.length))
      .flatMap((id) => this.#stored.get(id) ?? []);
  }

  all(): Iterable<Stored> {
    return this.#stored.values();
  }

  findByLoadBalancer(loadBalancerId: string): Stored | undefined {
    const id = this.#byLoadBalancer.get(loadBalancerId);
    return id === undefined ? undefined : this.#stored.get(id);
  }

  findByVip(key: string): string | undefined {
    return this.#byVip.get(key);
  }

  findByAmphora(amphoraId: string): string | undefined {
    return this.#byAmphora.get(amphoraId);
  }

  commit(change: StoreChange): Promise<number> {
    return this.commitAll([change]);
  }

  async commitAll(changes: readonly StoreChange[]): Promise<number> {
    const begun: StoreChange[] = [];
    try {
      // What one of them gives up another may take.
      for (const { id, before } of changes) if (before !== null) this.#release(before, id);
      for (const change of changes) {
        this.#refuseOutdated(change);
        if (change.after !== null) this.#refuseTaken(change.after);
        if (change.after !== null) this.#claim(change.after);
        this.#changing.add(change.id);
        begun.push(change);
      }
    } catch (error) {
      this.#undo(changes, begun);
      throw error;
    }
    for (const { before } of changes) if (before !== null) this.#claim(before);
    let entries: readonly JournalEntry[];
    try {
      const slices = new Slices();
      const documents: (string | null)[] = [];
      for (const { after } of changes) {
        documents.push(after === null ? null : writeDocument(after));
        if (slices.isOver) await slices.turn();
      }
      // Numbered in the order of the journal: nothing may come between the two.
      entries = changes.map(({ id, revision }, index) => {
        const sequence = ++this.#sequence;
        return { id, document: documents[index] ?? null, revision: revision ?? sequence, sequence };
      });
      await this.#journal.append(entries);
    } catch (error) {
      this.#undo(changes, begun);
      throw storeFailed(error);
    }
    const slices = new Slices();
    for (const [index, change] of changes.entries()) {
      this.#show(change, entries[index]?.revision ?? 0);
      if (slices.isOver) await slices.turn();
    }
    this.#revision = Math.max(this.#revision, entries.at(-1)?.sequence ?? 0);
    this.#changes += changes.length;
    for (const { id } of changes) {
      for (const listener of this.#listeners) listener(id);
      if (slices.isOver) await slices.turn();
    }
    return entries.at(-1)?.sequence ?? this.#revision;
  }

  onChange(listener: (id: string) => void): void {
    this.#listeners.push(listener);
  }

  statistics(): StoreStatistics {
    const journal = this.#journal.statistics();
    return { ...journal, changes: this.#changes, distributors: this.#stored.size };
  }

  close(): Promise<void> {
    return this.#journal.close();
  }

  #show({ id, before, after }: StoreChange, revision: number): void {
    this.#changing.delete(id);
    if (before !== null) this.#release(before, id);
    if ((before === null) !== (after === null)) this.#sorted = null;
    if (after === null) {
      this.#stored.delete(id);
      return;
    }
    this.#stored.set(id, { distributor: after, revision });
    this.#claim(after);
  }

  #undo(changes: readonly StoreChange[], begun: readonly StoreChange[]): void {
    for (const { id, after } of begun) {
      this.#changing.delete(id);
      if (after !== null) this.#release(after, id);
    }
    for (const { id } of changes) {
      const known = this.#stored.get(id)?.distributor;
      if (known !== undefined) this.#claim(known);
    }
  }

  #refuseOutdated({ id, before }: StoreChange): void {
    const isCurrent = (this.#stored.get(id)?.distributor ?? null) === before;
    if (isCurrent && !this.#changing.has(id)) return;
    throw new DistributordError('REVISION_MISMATCH', `distributor ${id} changed meanwhile`);
  }

  #refuseTaken({ id, loadBalancer, vips, amphorae }: Distributor): void {
    const known = this.#byLoadBalancer.get(loadBalancer.id);
    if (known !== undefined && known !== id)
      throw new DistributordError(
        'DISTRIBUTOR_EXISTS',
        `load balancer ${loadBalancer.id} has distributor ${known}, not distributor_id ${id}`,
        { field: 'distributor_id', value: id },
      );
    for (const vip of vips) {
      const holder = this.#byVip.get(vipKey(vip));
      if (holder === undefined || holder === id) continue;
      throw new DistributordError(
        'VIP_IN_USE',
        `vip.address ${vip.address} on ${vip.interface} belongs to distributor ${holder}`,
        { field: 'vip.address', value: vip.address },
      );
    }
    for (const amphora of amphorae) {
      const holder = this.#byAmphora.get(amphora.id);
      if (holder === undefined || holder === id) continue;
      throw new DistributordError(
        'AMPHORA_IN_USE',
        `amphora ${amphora.id} belongs to distributor ${holder}`,
        { field: 'amphorae.id', value: amphora.id },
      );
    }
  }

  #claim({ id, loadBalancer, vips, amphorae }: Distributor): void {
    this.#byLoadBalancer.give([loadBalancer.id], id);
    this.#byVip.give(vips.map(vipKey), id);
    this.#byAmphora.give(
      amphorae.map((amphora) => amphora.id),
      id,
    );
  }

  #release({ loadBalancer, vips, amphorae }: Distributor, id: string): void {
    this.#byLoadBalancer.take([loadBalancer.id], id);
    this.#byVip.take(vips.map(vipKey), id);
    this.#byAmphora.take(
      amphorae.map((amphora) => amphora.id),
      id,
    );
  }
}

/** The index of the first one that is greater. */
function firstBehind(sorted: readonly string[], after: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

function storeFailed(cause: unknown): DistributordError {
  const { message } = cause as Error;
  return new DistributordError('STORE_FAILED', `the change was not stored: ${message}`, { cause });
}
