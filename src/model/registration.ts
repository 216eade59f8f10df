// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { inOrder, refuseDuplicates, refuseNoneActive } from './amphora-list.ts';
import {
  defaultWeight,
  parseAmphora,
  parseWeight,
  type Amphora,
  type AmphoraIdentity,
  type AmphoraRequest,
  type IsReady,
} from './amphora.ts';
import type { Distributor } from './distributor.ts';
import { plainDrain, startDrain } from './drain.ts';
import { parseAddress } from './ip.ts';
import { growTable, maxPositions, positionCapacity, type TableLimits } from './table-size.ts';
import type { Vip } from './vip.ts';

export interface RegistrationOptions {
  readonly limits: TableLimits;
  readonly isReady: IsReady;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Registers amphorae, or changes MAC, IP, weight or role of ones that are. A draining one is
 * active again, one that failed stands by. New ones take the positions they name, else the
 * next ones that were never held; holes are filled only where there is no other.
 */
export function registerAmphorae(
  distributor: Distributor,
  requests: readonly AmphoraRequest[],
  options: RegistrationOptions,
): Distributor {
  refuseDuplicates(
    requests.map((request) => request.id),
    (index) => `amphorae[${index}].id`,
  );
  const list = new AmphoraList(distributor, options);
  // Those who name their position choose first, whatever their place in the list.
  const order = [...requests.entries()].sort(
    ([, a], [, b]) => Number(a.position === null) - Number(b.position === null),
  );
  for (const [index, request] of order) list.register(request, `amphorae[${index}]`);
  const after = list.result();
  if (after === distributor) return distributor;
  refuseSharedAddress(after.amphorae, requests);
  refuseVipAddress(after.vips, requests);
  const drained = requests.findIndex(({ weight }) => weight === 0);
  const fault = { field: `amphorae[${drained}].weight`, value: 0 };
  if (drained >= 0) refuseNoneActive({ before: distributor, after }, options.isReady, fault);
  return after;
}

/** The amphorae of a distributor while they are being registered. */
class AmphoraList {
  readonly #distributor: Distributor;
  readonly #options: RegistrationOptions;
  readonly #byId: Map<string, Amphora>;
  readonly #holders = new Map<number, string>();
  /** Who has no position. */
  #reserves: number;
  #tableSize: number;
  #nextPosition: number;
  #changed = false;

  constructor(distributor: Distributor, options: RegistrationOptions) {
    this.#distributor = distributor;
    this.#options = options;
    this.#byId = new Map(distributor.amphorae.map((amphora) => [amphora.id, amphora]));
    for (const { id, position } of distributor.amphorae)
      if (position !== null) this.#holders.set(position, id);
    this.#reserves = distributor.amphorae.length - this.#holders.size;
    this.#tableSize = distributor.tableSize;
    this.#nextPosition = distributor.nextPosition;
  }

  register(request: AmphoraRequest, field: string): void {
    const known = this.#byId.get(request.id);
    const asked = request.weight === null ? null : parseWeight(request.weight, `${field}.weight`);
    const weight = (asked === 0 ? null : asked) ?? known?.weight ?? defaultWeight;
    const identity = { ...parseAmphora(request, field), weight };
    const amphora = this.#isStandby(request, known)
      ? standby(identity, { request, known, field })
      : this.#placed(identity, { request, known, field });
    if (known === undefined && amphora.position === null) this.#countReserve(amphora, field);
    if (known !== undefined && sameAmphora(known, amphora)) return;
    // One that comes back stands by behind the others.
    if (known?.state === 'FAILED') this.#byId.delete(known.id);
    this.#byId.set(amphora.id, amphora);
    this.#changed = true;
  }

  result(): Distributor {
    if (!this.#changed) return this.#distributor;
    return {
      ...this.#distributor,
      amphorae: inOrder(this.#byId.values()),
      tableSize: this.#tableSize,
      nextPosition: this.#nextPosition,
    };
  }

  /** As many as there may be positions: a distributor stays of a size that can be told in one message. */
  #countReserve({ id }: Amphora, field: string): void {
    const most = maxPositions(this.#options.limits);
    if (++this.#reserves <= most) return;
    throw new DistributordError(
      'TOO_MANY_AMPHORAE',
      `${field}: no room for ${id}: ${most} have no position already`,
      { field: 'amphorae', value: id },
    );
  }

  #isStandby({ role }: AmphoraRequest, known: Amphora | undefined): boolean {
    if (role !== null) return role === 'STANDBY';
    return known !== undefined && known.position === null;
  }

  #placed(identity: AmphoraIdentity, registration: Registration): Amphora {
    const position = this.#choosePosition(registration);
    this.#holders.set(position, identity.id);
    this.#tableSize = growTable(this.#tableSize, position + 1);
    this.#nextPosition = Math.max(this.#nextPosition, position + 1);
    const { request, known } = registration;
    const active: Amphora = { ...identity, position, state: 'ACTIVE' };
    if (request.weight !== 0) return active;
    const before: Amphora = known?.state === 'DRAINING' ? { ...known, ...identity } : active;
    return startDrain(before, { ...plainDrain, now: this.#options.now });
  }

  #choosePosition({ request, known, field }: Registration): number {
    const { position: wanted } = request;
    if (wanted !== null) this.#refuseUnfit(wanted, { request, known, field });
    if (known !== undefined && known.position !== null) return known.position;
    return wanted ?? this.#freePosition(request, field);
  }

  /** Not yet used, else a hole, else in a larger table. */
  #freePosition({ id }: AmphoraRequest, field: string): number {
    const room = positionCapacity(this.#tableSize);
    if (this.#nextPosition < room) return this.#nextPosition;
    for (let position = 0; position < room; position++)
      if (!this.#holders.has(position)) return position;
    const end = maxPositions(this.#options.limits);
    if (room < end) return room;
    throw new DistributordError(
      'TOO_MANY_AMPHORAE',
      `${field}: no position left for ${id}: all ${end} are taken`,
      { field: 'amphorae', value: id },
    );
  }

  #refuseUnfit(wanted: number, { request, known, field }: Registration): void {
    const end = maxPositions(this.#options.limits);
    const fault = { field: `${field}.position`, value: wanted };
    if (!Number.isInteger(wanted) || wanted < 0 || wanted >= end)
      throw new DistributordError(
        'INVALID_POSITION',
        `${field}.position is not 0 to ${end - 1}: ${wanted}`,
        fault,
      );
    if (known !== undefined && known.position !== null && known.position !== wanted)
      throw new DistributordError(
        'POSITION_FIXED',
        `${field}.position ${wanted}: amphora ${known.id} is at ${known.position}`,
        fault,
      );
    const holder = this.#holders.get(wanted);
    if (holder !== undefined && holder !== request.id)
      throw new DistributordError(
        'POSITION_TAKEN',
        `${field}.position ${wanted} is held by amphora ${holder}`,
        fault,
      );
  }
}

interface Registration {
  readonly request: AmphoraRequest;
  readonly known: Amphora | undefined;
  readonly field: string;
}

/** A drain is only joined or cancelled here, never given another end. */
function sameAmphora(a: Amphora, b: Amphora): boolean {
  return (
    a.ip === b.ip &&
    a.mac === b.mac &&
    a.weight === b.weight &&
    a.state === b.state &&
    a.position === b.position
  );
}

function standby(identity: AmphoraIdentity, { request, known, field }: Registration): Amphora {
  if (request.position !== null)
    throw new DistributordError(
      'STANDBY_HAS_NO_POSITION',
      `${field}.position ${request.position}: a standby holds none until it takes over`,
      { field: `${field}.position`, value: request.position },
    );
  if (request.weight === 0)
    throw new DistributordError('INVALID_WEIGHT', `${field}.weight 0: a standby cannot drain`, {
      field: `${field}.weight`,
      value: 0,
    });
  if (known !== undefined && known.position !== null)
    throw new DistributordError(
      'ROLE_FIXED',
      `${field}.role STANDBY: amphora ${known.id} holds position ${known.position}`,
      { field: `${field}.role`, value: 'STANDBY' },
    );
  return { ...identity, state: 'STANDBY', position: null };
}

/** An amphora at the VIP's address could never be told from the VIP. */
function refuseVipAddress(vips: readonly Vip[], requests: readonly AmphoraRequest[]): void {
  const addresses = new Set(vips.map(({ address }) => address));
  requests.forEach(({ ip }, index) => {
    if (!addresses.has(parseAddress(ip, `amphorae[${index}].ip`))) return;
    throw new DistributordError(
      'ADDRESS_IN_USE',
      `amphorae[${index}].ip ${ip} is a VIP of this distributor`,
      { field: `amphorae[${index}].ip`, value: ip },
    );
  });
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
