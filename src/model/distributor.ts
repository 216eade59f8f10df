// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Amphora } from './amphora.ts';
import { vipKey, type Vip } from './vip.ts';

export interface LoadBalancer {
  readonly id: string;
  readonly name: string;
}

/**
 * One logical distributor, made for one load balancer. Immutable: every function on it
 * returns another one, or the same object if there is nothing to change.
 */
export interface Distributor {
  readonly id: string;
  readonly loadBalancer: LoadBalancer;
  readonly vips: readonly Vip[];
  /** By position, then those without one: standbys in the order in which they take over. */
  readonly amphorae: readonly Amphora[];
  /** Slots of its table, a power of two; never shrinks. */
  readonly tableSize: number;
  /** Above every position that was ever held. */
  readonly nextPosition: number;
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A UUID in lower case. @throws INVALID_ID naming `field` */
export function parseUuid(text: string, field: string): string {
  const uuid = text.toLowerCase();
  if (uuidForm.test(uuid)) return uuid;
  throw new DistributordError('INVALID_ID', `${field} is not a UUID: ${JSON.stringify(text)}`, {
    field,
    value: text,
  });
}

const longestName = 255;

/** As Octavia bounds it. @throws INVALID_ARGUMENT naming `field` */
export function parseName(text: string, field: string): string {
  if (text.length <= longestName) return text;
  throw new DistributordError(
    'INVALID_ARGUMENT',
    `${field} has ${text.length} characters, more than ${longestName}`,
    { field, value: text.length },
  );
}

const comparedSettings = [
  ...(['affinity', 'tracking', 'subnet', 'gateway'] as const),
  ...(['tcpIdle', 'otherIdle'] as const),
];

/** @throws VIP_CONFLICTS if it has the VIP with other settings; ADDRESS_IN_USE */
export function addVip(distributor: Distributor, vip: Vip): Distributor {
  const key = vipKey(vip);
  const known = distributor.vips.find((other) => vipKey(other) === key);
  const amphora = distributor.amphorae.find(({ ip }) => ip === vip.address);
  if (amphora !== undefined)
    throw new DistributordError(
      'ADDRESS_IN_USE',
      `vip.address ${vip.address} is the address of amphora ${amphora.id}`,
      { field: 'vip.address', value: vip.address },
    );
  if (known === undefined) return { ...distributor, vips: [...distributor.vips, vip] };
  for (const setting of comparedSettings) {
    if (known[setting] === vip[setting]) continue;
    throw new DistributordError(
      'VIP_CONFLICTS',
      `vip ${vip.address} is there with ${setting} ${String(known[setting])}, not ${String(vip[setting])}`,
      { field: `vip.${setting}`, value: String(vip[setting]) },
    );
  }
  return distributor;
}

export function removeVip(distributor: Distributor, key: string): Distributor {
  const vips = distributor.vips.filter((vip) => vipKey(vip) !== key);
  return vips.length === distributor.vips.length ? distributor : { ...distributor, vips };
}
