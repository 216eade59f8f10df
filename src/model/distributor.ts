// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { parseAmphora, parseAmphoraId, type Amphora, type AmphoraRequest } from './amphora.ts';
import { parseAddress } from './ip.ts';
import { growTable, maxPositions, type TableLimits } from './table-size.ts';
import { vipKey, type Vip } from './vip.ts';

export interface LoadBalancer {
  readonly id: string;
  readonly name: string;
}

/**
 * One logical distributor, made for one load balancer. Immutable: every function below
 * returns another one, or the same object if there is nothing to change.
 */
export interface Distributor {
  readonly id: string;
  readonly loadBalancer: LoadBalancer;
  readonly vips: readonly Vip[];
  /** By position. */
  readonly amphorae: readonly Amphora[];
  /** Slots of its table, a power of two; never shrinks. */
  readonly tableSize: number;
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
  for (const setting of ['affinity', 'tracking', 'subnet', 'gateway'] as const) {
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

/**
 * Registers amphorae, or changes MAC, IP or weight of ones that are. A draining one is
 * active again. New ones take the positions they name, else the lowest free ones.
 */
export function registerAmphorae(
  distributor: Distributor,
  requests: readonly AmphoraRequest[],
  limits: TableLimits,
): Distributor {
  refuseDuplicates(
    requests.map((request) => request.id),
    (index) => `amphorae[${index}].id`,
  );
  const byPosition = new Map(distributor.amphorae.map((amphora) => [amphora.position, amphora]));
  const byId = new Map(distributor.amphorae.map((amphora) => [amphora.id, amphora]));
  let changed = false;

  // Those who name their position choose first, whatever their place in the list.
  const order = [...requests.entries()].sort(
    ([, a], [, b]) => Number(a.position === null) - Number(b.position === null),
  );
  for (const [index, request] of order) {
    const field = `amphorae[${index}]`;
    const known = byId.get(request.id);
    const fields = parseAmphora(request, field, known);
    const position = choosePosition({ request, known, field, byPosition, limits });
    const amphora: Amphora = { ...fields, position, state: 'ACTIVE' };
    if (known !== undefined && sameAmphora(known, amphora)) continue;
    byPosition.set(position, amphora);
    changed = true;
  }
  if (!changed) return distributor;
  const amphorae = [...byPosition.values()].sort((a, b) => a.position - b.position);
  refuseSharedAddress(amphorae, requests);
  refuseVipAddress(distributor.vips, requests);
  const highest = amphorae.at(-1)?.position ?? 0;
  return {
    ...distributor,
    amphorae,
    tableSize: growTable(distributor.tableSize, highest + 1),
  };
}

interface Placement {
  readonly request: AmphoraRequest;
  readonly known: Amphora | undefined;
  readonly field: string;
  readonly byPosition: ReadonlyMap<number, Amphora>;
  readonly limits: TableLimits;
}

function choosePosition({ request, known, field, byPosition, limits }: Placement): number {
  const end = maxPositions(limits);
  const wanted = request.position;
  const fault = { field: `${field}.position`, value: wanted ?? '' };
  if (wanted === null) {
    if (known !== undefined) return known.position;
    for (let position = 0; position < end; position++)
      if (!byPosition.has(position)) return position;
    throw new DistributordError(
      'TOO_MANY_AMPHORAE',
      `${field}: no position left for ${request.id}: all ${end} are taken`,
      { field: 'amphorae', value: request.id },
    );
  }
  if (!Number.isInteger(wanted) || wanted < 0 || wanted >= end)
    throw new DistributordError(
      'INVALID_POSITION',
      `${field}.position is not 0 to ${end - 1}: ${wanted}`,
      fault,
    );
  if (known !== undefined && known.position !== wanted)
    throw new DistributordError(
      'POSITION_FIXED',
      `${field}.position ${wanted}: amphora ${known.id} is at ${known.position}`,
      fault,
    );
  const holder = byPosition.get(wanted);
  if (holder !== undefined && holder.id !== request.id)
    throw new DistributordError(
      'POSITION_TAKEN',
      `${field}.position ${wanted} is held by amphora ${holder.id}`,
      fault,
    );
  return wanted;
}

/** No new connection goes to them. @throws AMPHORA_NOT_FOUND */
export function drainAmphorae(distributor: Distributor, ids: readonly string[]): Distributor {
  refuseDuplicates(ids, (index) => `amphora_ids[${index}]`);
  const byId = new Map(distributor.amphorae.map((amphora) => [amphora.id, amphora]));
  for (const [index, id] of ids.entries()) {
    parseAmphoraId(id, `amphora_ids[${index}]`);
    if (byId.has(id)) continue;
    throw new DistributordError(
      'AMPHORA_NOT_FOUND',
      `amphora_ids[${index}] ${id} is not registered with distributor ${distributor.id}`,
      { field: `amphora_ids[${index}]`, value: id },
    );
  }
  const draining = new Set(ids);
  if (ids.every((id) => byId.get(id)?.state === 'DRAINING')) return distributor;
  const amphorae = distributor.amphorae.map((amphora) =>
    draining.has(amphora.id) ? { ...amphora, state: 'DRAINING' as const } : amphora,
  );
  return { ...distributor, amphorae };
}

/** They are gone, and their connections with them; absent ones are passed over. */
export function unregisterAmphorae(distributor: Distributor, ids: readonly string[]): Distributor {
  refuseDuplicates(ids, (index) => `amphora_ids[${index}]`);
  ids.forEach((id, index) => parseAmphoraId(id, `amphora_ids[${index}]`));
  const going = new Set(ids);
  const amphorae = distributor.amphorae.filter((amphora) => !going.has(amphora.id));
  return amphorae.length === distributor.amphorae.length
    ? distributor
    : { ...distributor, amphorae };
}

function sameAmphora(a: Amphora, b: Amphora): boolean {
  return a.ip === b.ip && a.mac === b.mac && a.weight === b.weight && a.state === b.state;
}

/** An amphora at the VIP's address could never be told from the VIP. */
function refuseVipAddress(vips: readonly Vip[], requests: readonly AmphoraRequest[]): void {
  requests.forEach(({ ip }, index) => {
    if (!vips.some(({ address }) => address === parseAddress(ip, `amphorae[${index}].ip`))) return;
    throw new DistributordError(
      'ADDRESS_IN_USE',
      `amphorae[${index}].ip ${ip} is a VIP of this distributor`,
      { field: `amphorae[${index}].ip`, value: ip },
    );
  });
}

function refuseDuplicates(ids: readonly string[], fieldOf: (index: number) => string): void {
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

function refuseSharedAddress(
  amphorae: readonly Amphora[],
  requests: readonly AmphoraRequest[],
): void {
  const holders = new Map<string, string>();
  for (const { ip, id } of amphorae) {
    const other = holders.get(ip);
    if (other !== undefined) {
      const index = requests.findIndex((request) => request.id === id || request.id === other);
      throw new DistributordError(
        'ADDRESS_IN_USE',
        `amphorae[${index}].ip ${ip} is the address of both ${other} and ${id}`,
        { field: `amphorae[${index}].ip`, value: ip },
      );
    }
    holders.set(ip, id);
  }
}
