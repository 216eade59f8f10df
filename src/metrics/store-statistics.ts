// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../store/store.ts';

/** Of a store, since the start. */
export interface StoreStatistics {
  /** Writes; one may hold several changes. */
  readonly commits: number;
  readonly changes: number;
  readonly failures: number;
  readonly commitSeconds: number;
  readonly distributors: number;
  readonly sizeBytes: number;
  readonly queueLength: number;
}

/** Of a store that only lives in memory: each change is a write that cannot fail and takes no time. */
export function memoryStatistics(store: Store): StoreStatistics {
  const { revision } = store;
  const distributors = [...store.all()].length;
  const nothing = { failures: 0, commitSeconds: 0, sizeBytes: 0, queueLength: 0 };
  return { commits: revision, changes: revision, distributors, ...nothing };
}
