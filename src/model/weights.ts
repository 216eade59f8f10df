// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import {
  changeAmphorae,
  refuseDuplicates,
  refuseNoneActive,
  requireAmphora,
} from './amphora-list.ts';
import { parseWeight, type Amphora } from './amphora.ts';
import type { Distributor } from './distributor.ts';
import { plainDrain, startDrain, type DrainOptions } from './drain.ts';

export interface WeightRequest {
  readonly amphoraId: string;
  readonly weight: number;
}

/**
 * Changes shares of new connections. 0 drains an amphora, more cancels its drain.
 * @throws AMPHORA_NOT_FOUND, INVALID_WEIGHT, LAST_AMPHORA
 */
export function setWeights(
  distributor: Distributor,
  requests: readonly WeightRequest[],
  { force, isReady, now }: Pick<DrainOptions, 'force' | 'isReady' | 'now'>,
): Distributor {
  refuseDuplicates(
    requests.map(({ amphoraId }) => amphoraId),
    (index) => `weights[${index}].amphora_id`,
  );
  const changes = new Map<string, Amphora>();
  requests.forEach((request, index) => {
    const field = `weights[${index}]`;
    const amphora = requireAmphora(distributor, request.amphoraId, `${field}.amphora_id`);
    const weight = parseWeight(request.weight, `${field}.weight`);
    changes.set(amphora.id, weighted(amphora, weight, { field, now }));
  });
  const after = changeAmphorae(distributor, changes);
  const drained = requests.findIndex(({ weight }) => weight === 0);
  const fault = { field: `weights[${drained}].weight`, value: 0 };
  if (drained >= 0 && !force) refuseNoneActive({ before: distributor, after }, isReady, fault);
  return after;
}

function weighted(
  amphora: Amphora,
  weight: number,
  { field, now }: { readonly field: string; readonly now: number },
): Amphora {
  if (amphora.position === null) {
    if (weight === 0)
      throw new DistributordError(
        'INVALID_WEIGHT',
        `${field}.weight 0: ${amphora.id} is ${amphora.state.toLowerCase()}, it cannot drain`,
        { field: `${field}.weight`, value: 0 },
      );
    return weight === amphora.weight ? amphora : { ...amphora, weight };
  }
  if (weight === 0) return startDrain(amphora, { ...plainDrain, now });
  if (amphora.state === 'ACTIVE' && amphora.weight === weight) return amphora;
  const { id, ip, mac, position } = amphora;
  return { id, ip, mac, weight, position, state: 'ACTIVE' };
}
