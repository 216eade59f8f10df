// SPDX-License-Identifier: Apache-2.0
import type { Adoption } from '../datapath/datapath.ts';
import type { Store } from '../store/store.ts';
import type { Exposition } from './exposition.ts';

/** What the start found in the kernel. `adoption`: null before it has looked. */
export function addAdoptionSeries(
  out: Exposition,
  { adoption, store }: { readonly adoption: Adoption | null; readonly store: Store },
): void {
  if (adoption === null) return;
  const { abiVersion, carried, lostFlows, states } = adoption;
  out.add('distributord_adopted_abi', abiVersion ?? 0);
  out.add('distributord_adopted_distributors', states.size);
  out.add('distributord_adopted_maps_copied', carried.length);
  out.add('distributord_adopted_flow_entries_lost', lostFlows);
  const isOrphan = (id: string) => store.revision === 0 && store.get(id) === undefined;
  const orphans = [...states.keys()].filter(isOrphan);
  out.add('distributord_orphaned_distributors', orphans.length);
}
