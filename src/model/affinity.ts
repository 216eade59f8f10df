// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';

/** What of a client decides its amphora. */
export type Affinity = 'SOURCE_IP' | 'SOURCE_IP_AND_PORT';

/** How a VIP's connections survive a change of the table; see docs/pinning.md. */
export type Tracking = 'ADAPTIVE' | 'FULL' | 'STATELESS';

const affinityNames: ReadonlyMap<string, Affinity> = new Map([
  ['SOURCE_IP', 'SOURCE_IP'],
  ['SOURCE_IP_AND_PORT', 'SOURCE_IP_AND_PORT'],
  ['SOURCE_IP_PORT', 'SOURCE_IP_AND_PORT'],
]);

const consistentHash = 'CONSISTENT_HASH';

/**
 * The affinity that the contract's `vip_alg` and `vip_persistence` ask for, each null for
 * the default. An algorithm may be named by the affinity it hashes with, as Octavia does.
 * @throws UNKNOWN_AFFINITY, UNKNOWN_ALGORITHM, or INVALID_ARGUMENT where the two disagree
 */
export function parseAffinity(algorithm: string | null, persistence: string | null): Affinity {
  const byAlgorithm = parseAlgorithm(algorithm);
  const byPersistence = parsePersistence(persistence);
  if (byAlgorithm !== null && byPersistence !== null && byAlgorithm !== byPersistence)
    throw new DistributordError(
      'INVALID_ARGUMENT',
      `vip_persistence ${String(persistence)} contradicts vip_alg ${String(algorithm)}`,
      { field: 'vip_persistence', value: persistence ?? '' },
    );
  return byPersistence ?? byAlgorithm ?? 'SOURCE_IP';
}

function parsePersistence(text: string | null): Affinity | null {
  if (text === null) return null;
  const affinity = affinityNames.get(text.toUpperCase());
  if (affinity !== undefined) return affinity;
  const names = [...affinityNames.keys()].join(', ');
  throw new DistributordError(
    'UNKNOWN_AFFINITY',
    `vip_persistence ${JSON.stringify(text)} is none of ${names}`,
    { field: 'vip_persistence', value: text },
  );
}

function parseAlgorithm(text: string | null): Affinity | null {
  if (text === null || text.toUpperCase() === consistentHash) return null;
  const affinity = affinityNames.get(text.toUpperCase());
  if (affinity !== undefined) return affinity;
  const names = [consistentHash, ...affinityNames.keys()].join(', ');
  throw new DistributordError(
    'UNKNOWN_ALGORITHM',
    `vip_alg ${JSON.stringify(text)} is none of ${names}`,
    { field: 'vip_alg', value: text },
  );
}
