// SPDX-License-Identifier: Apache-2.0
import { parseUuid, type Distributor } from '../model/distributor.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Store } from '../store/store.ts';
import { applyChange, recordChange, requireDistributor, type Change } from './change-tasks.ts';
import { task, type Task } from './flow.ts';

/** The tasks that every change of a distributor consists of. */
export class DistributorChanges {
  readonly #store: Store;
  readonly #reconciler: Reconciler;

  constructor(store: Store, reconciler: Reconciler) {
    this.#store = store;
    this.#reconciler = reconciler;
  }

  record<Inputs extends object>(definition: Parameters<typeof recordChange<Inputs>>[1]): Task {
    const parts = { store: this.#store, reconciler: this.#reconciler };
    return recordChange<Inputs>(parts, definition);
  }

  apply(names: Parameters<typeof applyChange>[1]): Task {
    return applyChange(this.#reconciler, names);
  }

  /** Provides all amphorae of the distributor as the change leaves them. */
  list({ name, change, provides }: { name: string; change: string; provides: string }): Task {
    return task<Record<string, Change>, Record<string, unknown>>({
      name,
      requires: [change],
      provides: [provides],
      execute: (inputs) => ({ [provides]: inputs[change]?.after?.amphorae ?? [] }),
    });
  }

  /** @throws DISTRIBUTOR_NOT_FOUND, INVALID_ID, and what `change` throws */
  of(distributorId: string, change: (before: Distributor) => Distributor): Change {
    const id = parseUuid(distributorId, 'distributor_id');
    const before = requireDistributor(this.#store, id);
    return { id, before, after: change(before) };
  }
}
