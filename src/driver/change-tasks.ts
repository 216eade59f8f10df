// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Distributor } from '../model/distributor.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Store, StoreChange } from '../store/store.ts';
import { task, type Task } from './flow.ts';

/** What a flow's record task did, with the revision before; its apply task carries it out. */
export type Change = StoreChange;

export interface ChangeNames {
  /** Of the task. */
  readonly name: string;
  /** Of the value that holds the change; `<flow>.change`. */
  readonly change: string;
}

interface RecordDefinition<Inputs> extends ChangeNames {
  readonly requires: readonly (keyof Inputs & string)[];
  /** The distributor before and after; the same object if there is nothing to change. */
  readonly compute: (inputs: Inputs) => Change;
}

/** Writes the change to the store. Undone by writing what was there before. */
export function recordChange<Inputs extends object>(
  { store, reconciler }: { readonly store: Store; readonly reconciler: Reconciler },
  { name, change, requires, compute }: RecordDefinition<Inputs>,
): Task {
  return task<Inputs, Record<string, Change>>({
    name,
    requires,
    provides: [change],
    async execute(inputs) {
      const computed = compute(inputs);
      const revision = store.get(computed.id)?.revision;
      if (computed.before !== computed.after) await store.commit(computed);
      return { [change]: { ...computed, ...(revision === undefined ? {} : { revision }) } };
    },
    async revert(_inputs, outputs) {
      const { before, after, ...rest } = outputs[change] as Change;
      if (before === after) return;
      try {
        await store.commit({ ...rest, before: after, after: before });
      } catch (error) {
        // The data path is at `before` already: it follows what is stored.
        await reconciler.tryConverge(rest.id, after);
        throw error;
      }
    },
  });
}

/** Makes the data path follow the change. Undone by making it follow the state before. */
export function applyChange(reconciler: Reconciler, { name, change }: ChangeNames): Task {
  return task<Record<string, Change>, object>({
    name,
    requires: [change],
    provides: [],
    async execute(inputs) {
      const { id, before, after } = inputs[change] as Change;
      try {
        await reconciler.converge(id, after);
      } catch (error) {
        await reconciler.tryConverge(id, before);
        throw error;
      }
      return {};
    },
    async revert(inputs) {
      const { id, before } = inputs[change] as Change;
      await reconciler.tryConverge(id, before);
    },
  });
}

/** @throws DISTRIBUTOR_NOT_FOUND */
export function requireDistributor(store: Store, id: string): Distributor {
  const stored = store.get(id);
  if (stored !== undefined) return stored.distributor;
  throw new DistributordError('DISTRIBUTOR_NOT_FOUND', `distributor_id ${id} is not known`, {
    field: 'distributor_id',
    value: id,
  });
}
