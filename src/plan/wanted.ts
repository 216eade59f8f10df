// SPDX-License-Identifier: Apache-2.0
import type { Amphora } from '../model/amphora.ts';
import type { Affinity, Tracking } from '../model/affinity.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey, type Vip } from '../model/vip.ts';

/** Where a port is: what its name stands for at the moment. */
export interface PortPlace {
  readonly ifindex: number;
  readonly mac: string;
}

/** A VIP in the data path. */
export interface DatapathVip extends PortPlace {
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
  readonly ifindex: number;
  readonly ip: string;
}

/**
 * What the data path holds, or should hold, for one distributor. Maps, so that a look-up
 * costs the same at any size; never changed in place.
 */
export interface DatapathState {
  /** Slots, a power of two. */
  readonly tableSize: number;
  /** By position; 0 = no slots. Without trailing zeros. null: slots were being given out anew. */
  readonly weights: readonly number[] | null;
  readonly positions: ReadonlyMap<number, Occupant>;
  /** By vipKey. */
  readonly vips: ReadonlyMap<string, DatapathVip>;
  /** By neighbourKey. */
  readonly neighbours: ReadonlyMap<string, WatchedNeighbour>;
}

/** One that can be brought about: its weights are known. */
export interface WantedState extends DatapathState {
  readonly weights: readonly number[];
}

export function neighbourKey(neighbour: WatchedNeighbour): string {
  return `${neighbour.ifindex} ${neighbour.ip}`;
}

/** The MAC of a watched address as last heard, or null. */
export type ResolvedMac = (neighbour: WatchedNeighbour) => string | null;

/** The host's port of that name, or null. */
export type FindPort = (name: string) => PortPlace | null;

/**
 * Where an amphora without a MAC of its own is looked for; null if no VIP says where. A
 * standby is looked for too: it is to take over in one step.
 */
export function neighbourOf(
  distributor: Distributor,
  amphora: Amphora,
  port: FindPort,
): WatchedNeighbour | null {
  if (amphora.mac !== null || amphora.state === 'FAILED') return null;
  const vip = distributor.vips.find((candidate) => candidate.vlanIds.length === 0);
  const place = vip === undefined ? null : port(vip.interface);
  return place === null ? null : { ifindex: place.ifindex, ip: amphora.ip };
}

/** What is known of the host. */
export interface Surroundings {
  readonly resolved: ResolvedMac;
  readonly port: FindPort;
}

/** What decides the data path besides the distributor itself. */
export interface Observed extends Surroundings {
  /** What the data path holds for it now. */
  readonly actual: DatapathState | null;
  readonly timeouts: IdleTimeouts;
}

/** The MAC of an amphora, as registered or as heard; null if neither. */
export function macOf(
  distributor: Distributor,
  amphora: Amphora,
  { resolved, port }: Surroundings,
): string | null {
  const neighbour = neighbourOf(distributor, amphora, port);
  return amphora.mac ?? (neighbour === null ? null : resolved(neighbour));
}

/**
 * The data path that a distributor asks for, as far as its ports are there and its amphorae
 * resolved. What was there once stays: a VIP where its port was, until there is a port of that
 * name again; an amphora's MAC, until another is known for the same address.
 */
export function wantedState(distributor: Distributor, observed: Observed): WantedState {
  const { actual, port } = observed;
  const weights: number[] = [];
  const positions = new Map<number, Occupant>();
  const neighbours = new Map<string, WatchedNeighbour>();
  for (const amphora of distributor.amphorae) {
    const neighbour = neighbourOf(distributor, amphora, port);
    if (neighbour !== null) neighbours.set(neighbourKey(neighbour), neighbour);
    if (amphora.position === null) continue;
    const occupant = actual?.positions.get(amphora.position);
    const kept =
      occupant?.amphoraId === amphora.id && occupant.ip === amphora.ip ? occupant.mac : null;
    const mac = macOf(distributor, amphora, observed) ?? kept;
    if (mac === null) continue;
    positions.set(amphora.position, { amphoraId: amphora.id, ip: amphora.ip, mac });
    if (amphora.state === 'DRAINING') continue;
    while (weights.length < amphora.position) weights.push(0);
    weights.push(amphora.weight);
  }
  const vips = new Map<string, DatapathVip>();
  for (const vip of distributor.vips) {
    const key = vipKey(vip);
    const place = port(vip.interface) ?? actual?.vips.get(key) ?? null;
    if (place !== null) vips.set(key, datapathVip(vip, place, observed.timeouts));
  }
  return { tableSize: distributor.tableSize, weights, positions, vips, neighbours };
}

function datapathVip(vip: Vip, { ifindex, mac }: PortPlace, timeouts: IdleTimeouts): DatapathVip {
  const { address, interface: port, vlanIds, affinity, tracking } = vip;
  const { tcpIdle, otherIdle } = idleTimeouts(vip, timeouts);
  return {
    address,
    interface: port,
    ifindex,
    mac,
    vlanIds,
    affinity,
    tracking,
    tcpIdle,
    otherIdle,
  };
}

/** Those in effect for a VIP. */
export function idleTimeouts(vip: Vip, defaults: IdleTimeouts): IdleTimeouts {
  return {
    tcpIdle: vip.tcpIdle ?? defaults.tcpIdle,
    otherIdle: vip.otherIdle ?? defaults.otherIdle,
  };
}
