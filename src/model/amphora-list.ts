// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { parseAmphoraId, type Amphora, type IsReady } from './amphora.ts';
import type { Distributor } from './distributor.ts';

/** By position, then those without one in the order they are in. */
export function inOrder(amphorae: Iterable<Amphora>): readonly Amphora[] {
  const last = Number.MAX_SAFE_INTEGER;
  return [...amphorae].sort((a, b) => (a.position ?? last) - (b.position ?? last));
}

/** Each amphora that `changes` names by id replaced; the same object if nothing differs. */
export function changeAmphorae(
  distributor: Distributor,
  changes: ReadonlyMap<string, Amphora>,
): Distributor {
  const amphorae = distributor.amphorae.map((amphora) => changes.get(amphora.id) ?? amphora);
  const same = amphorae.every((amphora, index) => amphora === distributor.amphorae[index]);
  return same ? distributor : { ...distributor, amphorae: inOrder(amphorae) };
}

/** @throws AMPHORA_NOT_FOUND, INVALID_ID */
export function requireAmphora(
  { id, amphorae }: Distributor,
  name: string,
  field: string,
): Amphora {
  parseAmphoraId(name, field);
  const amphora = amphorae.find((candidate) => candidate.id === name);
  if (amphora !== undefined) return amphora;
  throw new DistributordError(
    'AMPHORA_NOT_FOUND',
    `${field} ${name} is not registered with distributor ${id}`,
    { field, value: name },
  );
}

export function refuseDuplicates(ids: readonly string[], fieldOf: (index: number) => string): void {
  const seen = new Set<string>();
  for (const [index, id] of ids.entries()) {
    if (seen.has(id))
      throw new DistributordError('DUPLICATE_AMPHORA', `amphora ${id} is named twice`, {
        field: fieldOf(index),
        value: id,
      });
    seen.add(id);
  }
}

/** @throws LAST_AMPHORA if none gets new connections afterwards, though one did before */
export function refuseNoneActive(
  { before, after }: { readonly before: Distributor; readonly after: Distributor },
  isReady: IsReady,
  fault: { readonly field: string; readonly value: string | number },
): void {
  const serves = (amphora: Amphora) => amphora.state === 'ACTIVE' && isReady(amphora);
  if (!before.amphorae.some(serves) || after.amphorae.some(serves)) return;
  throw new DistributordError(
    'LAST_AMPHORA',
    `${fault.field} ${fault.value}: no active amphora with a MAC would be left, new connections would be dropped`,
    fault,
  );
}
