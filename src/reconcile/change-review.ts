// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../store/store.ts';
import type { ConflictWatch } from './conflict-watch.ts';
import type { DrainSupervisor } from './drain-supervisor.ts';
import type { KeyedLock } from './keyed-lock.ts';
import type { Reconciler } from './reconciler.ts';
import type { StatusBoard } from './status-board.ts';

export interface ChangeReviewParts {
  readonly store: Store;
  readonly reconciler: Reconciler;
  readonly conflicts: ConflictWatch;
  readonly locks: KeyedLock;
  readonly board: StatusBoard;
  readonly drains: DrainSupervisor;
}

/**
 * Shows changed distributors to those who follow them, each when its change is complete:
 * what is undone is never seen. Returns what shows one that nobody has told of.
 */
export function reviewChanges(parts: ChangeReviewParts): (id: string) => void {
  const { store, reconciler, conflicts, locks, drains, board } = parts;
  const waiting = new Set<string>();
  const review = (id: string) => {
    if (waiting.has(id)) return;
    waiting.add(id);
    void locks.run(id, () => {
      waiting.delete(id);
      drains.review(id);
      board.refresh(id);
      return Promise.resolve();
    });
  };
  store.onChange(review);
  reconciler.onConverged(review);
  conflicts.onChange(review);
  return review;
}
