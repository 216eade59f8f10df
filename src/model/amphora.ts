// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { parseAddress } from './ip.ts';
import { parseMac } from './mac.ts';

export type AmphoraState = 'ACTIVE' | 'DRAINING';

/** An instance that serves the VIPs of its distributor. */
export interface Amphora {
  readonly id: string;
  /** On the front-end network; canonical. */
  readonly ip: string;
  /** As registered; null = resolved from the neighbour table. */
  readonly mac: string | null;
  /** Its share of new connections, against the others' weights. */
  readonly weight: number;
  /** Its place in the distributor, kept for life. */
  readonly position: number;
  readonly state: AmphoraState;
}

/** An amphora as a caller registers it; null = as before, else the default; no MAC = none. */
export interface AmphoraRequest {
  readonly id: string;
  readonly ip: string;
  readonly mac: string | null;
  readonly weight: number | null;
  readonly position: number | null;
}

export const maxWeight = 256;
const defaultWeight = 1;
const idForm = /^[\x21-\x7e]{1,255}$/;

/** @throws INVALID_ID naming `field` */
export function parseAmphoraId(id: string, field: string): string {
  if (idForm.test(id)) return id;
  throw new DistributordError(
    'INVALID_ID',
    `${field} is not 1 to 255 printable characters: ${JSON.stringify(id)}`,
    { field, value: id },
  );
}

/** A request in canonical form, and `known`, the amphora of that id so far. */
export function parseAmphora(
  request: AmphoraRequest,
  field: string,
  known: Amphora | undefined,
): Omit<Amphora, 'position' | 'state'> {
  return {
    id: parseAmphoraId(request.id, `${field}.id`),
    ip: parseAddress(request.ip, `${field}.ip`),
    mac: request.mac === null ? null : parseMac(request.mac, `${field}.mac`),
    weight: parseWeight(request.weight ?? known?.weight ?? defaultWeight, `${field}.weight`),
  };
}

function parseWeight(weight: number, field: string): number {
  if (Number.isInteger(weight) && weight >= 1 && weight <= maxWeight) return weight;
  throw new DistributordError('INVALID_WEIGHT', `${field} is not 1 to ${maxWeight}: ${weight}`, {
    field,
    value: weight,
  });
}
