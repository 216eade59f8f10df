// SPDX-License-Identifier: Apache-2.0
import type { Amphora } from '../model/amphora.ts';
import type { Affinity, Tracking } from '../model/affinity.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey, type Vip } from '../model/vip.ts';

/** A VIP in the data path. */
export interface DatapathVip {
  readonly address: string;
  readonly interface: string;
  readonly vlanIds: readonly number[];
  readonly affinity: Affinity;
  readonly tracking: Tracking;
  /** Seconds; see Vip. */
  readonly tcpIdle: number;
  readonly otherIdle: number;
}

/** Of VIPs that have none of their own; seconds. */
export interface IdleTimeouts {
  readonly tcpIdle: number;
  readonly otherIdle: number;
}

/** The amphora at a position: who it is and where its frames go. */
export interface Occupant {
  readonly amphoraId: string;
  readonly ip: string;
  readonly mac: string;
}

/** An address whose MAC is to be resolved and followed. */
export interface WatchedNeighbour {
  readonly interface: string;
  readonly ip: string;
}

/**
 * What the data path holds, or should hold, for one distributor. Maps, so that a look-up
 * costs the same at any size; never changed in place.
 */
export interface DatapathState {
  /** Slots, a power of two. */
  readonly tableSize: number;
  /** By position; 0 = no slots. Without trailing zeros. */
  readonly weights: readonly number[];
  readonly positions: ReadonlyMap<number, Occupant>;
  /** By vipKey. */
  readonly vips: ReadonlyMap<string, DatapathVip>;
  /** By neighbourKey. */
  readonly neighbours: ReadonlyMap<string, WatchedNeighbour>;
}

export function neighbourKey(neighbour: WatchedNeighbour): string {
  return `${neighbour.interface} ${neighbour.ip}`;
}

/** The MAC of a watched address as last heard, or null. */
export type ResolvedMac = (neighbour: WatchedNeighbour) => string | null;

/**
 * Where an amphora without a MAC of its own is looked for; null if no VIP says where. A
 * standby is looked for too: it is to take over in one step.
 */
export function neighbourOf(distributor: Distributor, amphora: Amphora): WatchedNeighbour | null {
  if (amphora.mac !== null || amphora.state === 'FAILED') return null;
  const vip = distributor.vips.find((candidate) => candidate.vlanIds.length === 0);
  return vip === undefined ? null : { interface: vip.interface, ip: amphora.ip };
}

/** What decides the data path besides the distributor itself. */
export interface Observed {
  readonly resolved: ResolvedMac;
  /** Who is at the positions now. */
  readonly occupants: ReadonlyMap<number, Occupant>;
  readonly timeouts: IdleTimeouts;
}

/** The MAC of an amphora, as registered or as heard; null if neither. */
export function macOf(
  distributor: Distributor,
  amphora: Amphora,
  resolved: ResolvedMac,
): string | null {
  const neighbour = neighbourOf(distributor, amphora);
  return amphora.mac ?? (neighbour === null ? null : resolved(neighbour));
}

/**
 * The data path that a distributor asks for, as far as its amphorae are resolved. One that
 * was resolved keeps its MAC until another is known for the same address.
 */
export function wantedState(distributor: Distributor, observed: Observed): DatapathState {
  const weights: number[] = [];
  const positions = new Map<number, Occupant>();
  const neighbours = new Map<string, WatchedNeighbour>();
  for (const amphora of distributor.amphorae) {
    const neighbour = neighbourOf(distributor, amphora);
    if (neighbour !== null) neighbours.set(neighbourKey(neighbour), neighbour);
    if (amphora.position === null) continue;
    const occupant = observed.occupants.get(amphora.position);
    const kept =
      occupant?.amphoraId === amphora.id && occupant.ip === amphora.ip ? occupant.mac : null;
    const mac = macOf(distributor, amphora, observed.resolved) ?? kept;
    if (mac === null) continue;
    positions.set(amphora.position, { amphoraId: amphora.id, ip: amphora.ip, mac });
    if (amphora.state === 'DRAINING') continue;
    while (weights.length < amphora.position) weights.push(0);
    weights.push(amphora.weight);
  }
  const vips = new Map(
    distributor.vips.map((vip) => [vipKey(vip), datapathVip(vip, observed.timeouts)]),
  );
  return { tableSize: distributor.tableSize, weights, positions, vips, neighbours };
}

function datapathVip(vip: Vip, timeouts: IdleTimeouts): DatapathVip {
  const { address, interface: port, vlanIds, affinity, tracking } = vip;
  const { tcpIdle, otherIdle } = idleTimeouts(vip, timeouts);
  return { address, interface: port, vlanIds, affinity, tracking, tcpIdle, otherIdle };
}

/** Those in effect for a VIP. */
export function idleTimeouts(vip: Vip, defaults: IdleTimeouts): IdleTimeouts {
  return {
    tcpIdle: vip.tcpIdle ?? defaults.tcpIdle,
    otherIdle: vip.otherIdle ?? defaults.otherIdle,
  };
}
