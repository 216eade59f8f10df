// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { parseAddress } from './ip.ts';
import { parseMac } from './mac.ts';

/** What an amphora is, whatever it does just now. */
export interface AmphoraIdentity {
  readonly id: string;
  /** On the front-end network; canonical. */
  readonly ip: string;
  /** As registered; null = resolved from the neighbour table. */
  readonly mac: string | null;
  /** 1 to 256: its share of new connections, against the others' weights. */
  readonly weight: number;
}

/** Gets new connections. */
export interface ActiveAmphora extends AmphoraIdentity {
  readonly state: 'ACTIVE';
  /** Its place in the distributor, kept for life. */
  readonly position: number;
}

/** What becomes of an amphora at the end of its drain. */
export type DrainEnd = 'KEEP' | 'UNREGISTER';

export type DrainOutcome = 'DRAINED' | 'DEADLINE_PASSED';

/** The job of draining one amphora. Times are milliseconds since the epoch. */
export interface Drain {
  readonly startedAt: number;
  readonly deadline: number | null;
  readonly then: DrainEnd;
  /** null while it goes on. */
  readonly finished: { readonly outcome: DrainOutcome; readonly at: number } | null;
}

/** How a job ends, and which: that of the amphora which began then. */
export interface EndOfDrain {
  readonly amphoraId: string;
  readonly startedAt: number;
  readonly outcome: DrainOutcome;
}

/** Keeps its connections and gets no new ones; its weight is for when it is active again. */
export interface DrainingAmphora extends AmphoraIdentity {
  readonly state: 'DRAINING';
  readonly position: number;
  readonly drain: Drain;
}

/** Waits to take the place of an active one (STANDBY), or to be repaired (FAILED). */
export interface ReserveAmphora extends AmphoraIdentity {
  readonly state: 'STANDBY' | 'FAILED';
  readonly position: null;
}

/** An instance that serves the VIPs of its distributor. */
export type Amphora = ActiveAmphora | DrainingAmphora | ReserveAmphora;

/** Whether an amphora could serve now: its MAC is known. */
export type IsReady = (amphora: Amphora) => boolean;

export type Role = 'ACTIVE' | 'STANDBY';

/** An amphora as a caller registers it; null = as before, else the default; no MAC = none. */
export interface AmphoraRequest {
  readonly id: string;
  readonly ip: string;
  readonly mac: string | null;
  /** 0 = to be drained. */
  readonly weight: number | null;
  readonly position: number | null;
  readonly role: Role | null;
}

export const maxWeight = 256;
export const defaultWeight = 1;
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

/** Id and addresses of a request in canonical form. */
export function parseAmphora(
  request: AmphoraRequest,
  field: string,
): Omit<AmphoraIdentity, 'weight'> {
  return {
    id: parseAmphoraId(request.id, `${field}.id`),
    ip: parseAddress(request.ip, `${field}.ip`),
    mac: request.mac === null ? null : parseMac(request.mac, `${field}.mac`),
  };
}

/** @throws INVALID_WEIGHT */
export function parseWeight(weight: number, field: string): number {
  if (Number.isInteger(weight) && weight >= 0 && weight <= maxWeight) return weight;
  throw new DistributordError('INVALID_WEIGHT', `${field} is not 0 to ${maxWeight}: ${weight}`, {
    field,
    value: weight,
  });
}
