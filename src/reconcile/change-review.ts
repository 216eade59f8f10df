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
 * what is undone is never seen.
 */
export class ChangeReview {
  readonly #parts: ChangeReviewParts;
  readonly #waiting = new Set<string>();

  constructor(parts: ChangeReviewParts) {
    this.#parts = parts;
    const { store, reconciler, conflicts } = parts;
    for (const source of [
      (listener: (id: string) => void) => store.onChange(listener),
      (listener: (id: string) => void) => reconciler.onConverged(listener),
      (listener: (id: string) => void) => conflicts.onChange(listener),
    ])
      source((id) => this.review(id));
  }

  /** As soon as nothing changes the distributor any more. */
  review(id: string): void {
    if (this.#waiting.has(id)) return;
    this.#waiting.add(id);
    void this.#parts.locks.run(id, () => {
      this.#waiting.delete(id);
      this.#parts.drains.review(id);
      this.#parts.board.refresh(id);
      return Promise.resolve();
    });
  }
}
