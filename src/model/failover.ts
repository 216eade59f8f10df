// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { inOrder, refuseDuplicates, requireAmphora } from './amphora-list.ts';
import {
  parseAmphoraId,
  type ActiveAmphora,
  type Amphora,
  type IsReady,
  type ReserveAmphora,
} from './amphora.ts';
import type { Distributor } from './distributor.ts';

/**
 * A standby takes the place of an active amphora, with its weight, so that the table stays
 * as it is. The failed one has no place until it is registered again, as a standby. One
 * that was failed over already stays so.
 * @throws AMPHORA_NOT_FOUND, AMPHORA_NOT_ACTIVE, NO_STANDBY
 */
export function failoverAmphora(
  distributor: Distributor,
  id: string,
  isReady: IsReady,
): Distributor {
  const field = 'amphora_id';
  const failed = requireAmphora(distributor, id, field);
  if (failed.state === 'FAILED') return distributor;
  if (failed.state !== 'ACTIVE')
    throw new DistributordError(
      'AMPHORA_NOT_ACTIVE',
      `${field} ${id} is ${failed.state.toLowerCase()}: it has no place to take over`,
      { field, value: id },
    );
  const standby = chooseStandby(distributor, isReady);
  if (standby === null) {
    const waiting = distributor.amphorae.filter(({ state }) => state === 'STANDBY').length;
    const why = waiting === 0 ? 'no amphora stands by' : `${waiting} stand by, none with a MAC`;
    throw new DistributordError('NO_STANDBY', `${field} ${id}: ${why}`, { field, value: id });
  }
  const { ip, mac, weight } = failed;
  const gone: Amphora = { id, ip, mac, weight, state: 'FAILED', position: null };
  return { ...distributor, amphorae: takeOver(distributor.amphorae, { failed, standby, gone }) };
}

/**
 * They are gone, and their connections with them; absent ones are passed over. Of active
 * ones that have failed standbys take the places, as long as there are any.
 */
export function unregisterAmphorae(
  distributor: Distributor,
  ids: readonly string[],
  { failed, isReady }: { readonly failed: boolean; readonly isReady: IsReady },
): Distributor {
  refuseDuplicates(ids, (index) => `amphora_ids[${index}]`);
  ids.forEach((id, index) => parseAmphoraId(id, `amphora_ids[${index}]`));
  const going = new Set(ids);
  let after = distributor;
  for (const amphora of distributor.amphorae) {
    if (!going.has(amphora.id)) continue;
    const usable = (standby: Amphora) => !going.has(standby.id) && isReady(standby);
    const standby = failed && amphora.state === 'ACTIVE' ? chooseStandby(after, usable) : null;
    const amphorae =
      standby !== null && amphora.state === 'ACTIVE'
        ? takeOver(after.amphorae, { failed: amphora, standby, gone: null })
        : after.amphorae.filter((other) => other !== amphora);
    after = { ...after, amphorae };
  }
  return after;
}

/** The one that has stood by for longest. */
function chooseStandby({ amphorae }: Distributor, isReady: IsReady): ReserveAmphora | null {
  return (
    amphorae.find(
      (amphora): amphora is ReserveAmphora => amphora.state === 'STANDBY' && isReady(amphora),
    ) ?? null
  );
}

interface TakeOver {
  readonly failed: ActiveAmphora;
  readonly standby: ReserveAmphora;
  /** What is left of the failed one. */
  readonly gone: Amphora | null;
}

function takeOver(
  amphorae: readonly Amphora[],
  { failed, standby, gone }: TakeOver,
): readonly Amphora[] {
  const { id, ip, mac } = standby;
  const { weight, position } = failed;
  const others = amphorae.filter((amphora) => amphora !== failed && amphora !== standby);
  const successor: Amphora = { id, ip, mac, weight, position, state: 'ACTIVE' };
  return inOrder([...others, successor, ...(gone === null ? [] : [gone])]);
}
