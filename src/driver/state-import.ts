// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DistributordError } from '../errors.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey } from '../model/vip.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Store, StoreChange } from '../store/store.ts';

/** What an import would do. */
export interface StateImport {
  /** Removals first: others may need what they give back. */
  readonly changes: readonly StoreChange[];
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly unchanged: number;
}

/**
 * From what is stored to these distributors, which are sound among themselves.
 * @throws STATE_NOT_EMPTY if there are others and they are not to be replaced
 */
export function planImport(
  store: Store,
  distributors: readonly Distributor[],
  { replace }: { readonly replace: boolean },
): StateImport {
  const stored = new Map([...store.all()].map(({ distributor }) => [distributor.id, distributor]));
  if (stored.size > 0 && !replace)
    throw new DistributordError(
      'STATE_NOT_EMPTY',
      `options.replace is false, and this host has distributors: ${stored.size}`,
      { field: 'options.replace', value: 'false' },
    );
  const kept = new Set(distributors.map(({ id }) => id));
  const removals = [...stored.values()]
    .filter(({ id }) => !kept.has(id))
    .map((before) => ({ id: before.id, before, after: null }));
  const puts = distributors
    .map((after) => ({ id: after.id, before: stored.get(after.id) ?? null, after }))
    .filter(({ before, after }) => !isDeepStrictEqual(before, after));
  const added = puts.filter(({ before }) => before === null).length;
  return {
    changes: [...removals, ...puts],
    added,
    changed: puts.length - added,
    removed: removals.length,
    unchanged: distributors.length - puts.length,
  };
}

export interface ImportParts {
  readonly store: Store;
  readonly reconciler: Reconciler;
  /** Called with a distributor whose change is complete. */
  readonly letGo: (id: string) => void;
}

/**
 * Stores all of the changes, or none, then has the data path follow. What it refuses is left to
 * be tried again. To be called while nothing else changes any of them.
 * @throws as Store.commitAll
 */
export async function applyImport(
  { changes }: StateImport,
  { store, reconciler, letGo }: ImportParts,
): Promise<void> {
  if (changes.length === 0) return;
  await store.commitAll(changes);
  for (const { id, before } of losers(changes)) await reconciler.tryConverge(id, before);
  for (const { id, after } of changes) {
    await reconciler.tryConverge(id, after);
    letGo(id);
    await setImmediate();
  }
}

/**
 * Those that lose VIPs to others, as they were, but without these: a VIP leaves one distributor
 * before it comes to another, whatever their order.
 */
function losers(changes: readonly StoreChange[]): { id: string; before: Distributor }[] {
  const holders = new Map<string, string>();
  for (const { id, after } of changes)
    for (const vip of after?.vips ?? []) holders.set(vipKey(vip), id);
  return changes.flatMap(({ id, before }) => {
    const vips = before?.vips.filter((vip) => (holders.get(vipKey(vip)) ?? id) === id);
    if (before === null || vips?.length === before.vips.length) return [];
    return [{ id, before: { ...before, vips: vips ?? [] } }];
  });
}
