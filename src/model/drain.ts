// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type {
  ActiveAmphora,
  Amphora,
  Drain,
  DrainEnd,
  DrainingAmphora,
  EndOfDrain,
  IsReady,
} from './amphora.ts';
import {
  changeAmphorae,
  refuseDuplicates,
  refuseNoneActive,
  requireAmphora,
} from './amphora-list.ts';
import type { Distributor } from './distributor.ts';

export interface DrainOptions {
  /** null = none, or as the job has it. */
  readonly deadline: number | null;
  /** null = KEEP, or as the job has it. */
  readonly then: DrainEnd | null;
  /** Also if no active amphora is left. */
  readonly force: boolean;
  readonly isReady: IsReady;
  readonly now: number;
}

export const plainDrain = { deadline: null, then: null } as const;

/**
 * No new connection goes to them. Who drains already joins its job; a deadline or an end
 * that is given replaces the job's.
 * @throws AMPHORA_NOT_FOUND, AMPHORA_NOT_ACTIVE, INVALID_DEADLINE, LAST_AMPHORA
 */
export function drainAmphorae(
  distributor: Distributor,
  ids: readonly string[],
  options: DrainOptions,
): Distributor {
  const { deadline, now } = options;
  refuseDuplicates(ids, (index) => `amphora_ids[${index}]`);
  if (deadline !== null && deadline <= now)
    throw new DistributordError(
      'INVALID_DEADLINE',
      `deadline ${dateText(deadline)} is past: it is ${dateText(now)}`,
      { field: 'deadline', value: dateText(deadline) },
    );
  const changes = new Map<string, Amphora>();
  ids.forEach((id, index) => {
    const field = `amphora_ids[${index}]`;
    const amphora = requireAmphora(distributor, id, field);
    if (amphora.position === null)
      throw new DistributordError(
        'AMPHORA_NOT_ACTIVE',
        `${field} ${id} is ${amphora.state.toLowerCase()}: it has no connections to drain`,
        { field, value: id },
      );
    changes.set(id, startDrain(amphora, options));
  });
  const after = changeAmphorae(distributor, changes);
  const fault = { field: 'amphora_ids[0]', value: ids[0] ?? '' };
  if (!options.force) refuseNoneActive({ before: distributor, after }, options.isReady, fault);
  return after;
}

/** The amphora, draining; the same object if it does so already, to the same end. */
export function startDrain(
  amphora: ActiveAmphora | DrainingAmphora,
  { deadline, then, now }: Pick<DrainOptions, 'deadline' | 'then' | 'now'>,
): DrainingAmphora {
  if (amphora.state === 'ACTIVE') {
    const drain: Drain = { startedAt: now, deadline, then: then ?? 'KEEP', finished: null };
    return { ...amphora, state: 'DRAINING', drain };
  }
  const before = amphora.drain;
  const joined = { deadline: deadline ?? before.deadline, then: then ?? before.then };
  if (joined.deadline === before.deadline && joined.then === before.then) return amphora;
  // A job that is over goes on for its new end.
  return { ...amphora, drain: { ...before, ...joined, finished: null } };
}

/**
 * The job that began at `startedAt` is over; one that began since is not touched. The
 * amphora stays without new connections, or is gone, as the job says.
 */
export function finishDrain(distributor: Distributor, end: EndOfDrain, now: number): Distributor {
  const { amphoraId: id } = end;
  const amphora = distributor.amphorae.find((candidate) => candidate.id === id);
  if (amphora?.state !== 'DRAINING') return distributor;
  const { drain } = amphora;
  if (drain.startedAt !== end.startedAt || drain.finished !== null) return distributor;
  // Since its end was decided the job may have got another deadline.
  const isLate = drain.deadline !== null && drain.deadline <= now;
  if (end.outcome === 'DEADLINE_PASSED' && !isLate) return distributor;
  if (drain.then === 'UNREGISTER')
    return {
      ...distributor,
      amphorae: distributor.amphorae.filter((candidate) => candidate !== amphora),
    };
  const finished = { outcome: end.outcome, at: now };
  return changeAmphorae(
    distributor,
    new Map([[id, { ...amphora, drain: { ...drain, finished } }]]),
  );
}

/** What is known of a draining amphora's traffic. Seconds. */
export interface DrainObservation {
  /** Since the last packet to it, or since it took its position if none ever came. */
  readonly quiet: number;
  /** Since a flow without an entry came to it, or since it was withdrawn. */
  readonly sinceOpening: number;
  /** Live flow entries in the last counts, the newest last; empty if never counted. */
  readonly counts: readonly number[];
  /** Some connection may have found no room for an entry. */
  readonly inexact: boolean;
  /** The longest that a connection may be silent and live, over its VIPs. */
  readonly idle: number;
  readonly unseen: readonly Unseen[];
}

/** Where connections may exist without an entry, on one VIP; seconds. */
export interface Unseen {
  /** How long one may live without its next packet. */
  readonly idle: number;
  /** For how long every packet has left an entry, or an opening. */
  readonly watched: number;
}

/** A single count may miss an entry that another processor is moving. */
export const countsThatTell = 2;

/**
 * Whether no connection is left. Silence for the longest idle timeout tells in any case.
 * Flow entries tell once every connection that lives must have one: the second packet since
 * it is watched makes it.
 */
export function isDrained(observation: DrainObservation): boolean {
  const { quiet, counts, inexact, idle } = observation;
  if (quiet > idle) return true;
  const last = counts.slice(-countsThatTell);
  const none = last.length === countsThatTell && last.every((count) => count === 0);
  return none && !inexact && secondsToExact(observation) < 0;
}

/**
 * Seconds until no connection that lives can be without an entry. One whose first packet
 * came lately may not have sent its second; one that sends two within two idle timeouts has.
 */
export function secondsToExact({
  sinceOpening,
  unseen,
}: Pick<DrainObservation, 'sinceOpening' | 'unseen'>): number {
  const seconds = unseen.map(({ idle, watched }) =>
    Math.min(idle - Math.min(watched, sinceOpening), 2 * idle - watched),
  );
  return Math.max(-1, ...seconds);
}

function dateText(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}
