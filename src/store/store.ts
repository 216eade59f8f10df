// SPDX-License-Identifier: Apache-2.0
import type { Distributor } from '../model/distributor.ts';

/** A distributor as stored, with the revision of its last change. */
export interface Stored {
  readonly distributor: Distributor;
  readonly revision: number;
}

/** Replacing `before` by `after`; null = absent. */
export interface StoreChange {
  readonly id: string;
  readonly before: Distributor | null;
  readonly after: Distributor | null;
  /** Given to take a change back: the revision the distributor had before it. */
  readonly revision?: number;
}

/**
 * The desired state of this host. What commit() has answered is durable. Revisions count up by one with every change, over all distributors.
 */
export interface Store {
  readonly revision: number;
  get(id: string): Stored | undefined;
  /** Ordered by id, from the first one behind `after`. */
  list(page: { readonly after: string; readonly limit: number }): readonly Stored[];
  all(): Iterable<Stored>;
  findByLoadBalancer(loadBalancerId: string): Stored | undefined;
  /** Which distributor has the VIP of this vipKey. */
  findByVip(vipKey: string): string | undefined;
  /** Which distributor has this amphora. */
  findByAmphora(amphoraId: string): string | undefined;
  /**
   * Returns the new revision.
   * @throws DISTRIBUTOR_EXISTS, VIP_IN_USE or AMPHORA_IN_USE where another distributor has the
   *   load balancer, VIP or amphora already; REVISION_MISMATCH if the distributor is no longer `before`; STORE_FAILED
   */
  commit(change: StoreChange): Promise<number>;
  /** All of the changes, of different distributors, or none. Returns the last revision. */
  commitAll(changes: readonly StoreChange[]): Promise<number>;
  /** Calls with the distributor's id after every commit. */
  onChange(listener: (id: string) => void): void;
  statistics(): StoreStatistics;
  /** When all changes are durable. */
  close(): Promise<void>;
}

/** Since the store was opened. */
export interface StoreStatistics {
  /** Transactions; each may hold several changes. */
  readonly commits: number;
  readonly changes: number;
  /** Transactions that could not be made durable. */
  readonly failures: number;
  /** In transactions. */
  readonly commitSeconds: number;
  readonly sizeBytes: number;
  /** Changes that wait for the transaction under way. */
  readonly queueLength: number;
  /** That there are. */
  readonly distributors: number;
}
