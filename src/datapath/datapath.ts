// SPDX-License-Identifier: Apache-2.0
import type { Port, VipPlace } from '../model/vip.ts';
import type { Operation } from '../plan/operation.ts';
import type { DatapathState, WatchedNeighbour } from '../plan/wanted.ts';

export interface VipCounts {
  /** By verdict name; docs/verdicts.md explains each. */
  readonly packets: Readonly<Record<string, number>>;
  readonly forwardedBytes: number;
}

export interface PositionCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly newFlows: number;
  /** Packets of flows that had no entry after them: their next packet makes it. */
  readonly openings: number;
  /** Seconds since the amphora took the position. */
  readonly tenure: number;
}

export interface SlotCounts {
  readonly unsettled: number;
  /** Unsettled slots by the position that had them before. */
  readonly previous: ReadonlyMap<number, number>;
}

/** What settling a distributor's quiet slots has left. */
export interface SettleResult {
  /** Slots that stay unsettled. */
  readonly unsettled: number;
  /** Seconds until one of them can be settled at the earliest. */
  readonly next: number;
}

/** Live flow entries that are pinned to a position. */
export interface FlowTally {
  readonly tcp: number;
  readonly udp: number;
  readonly sctp: number;
  readonly other: number;
  /** TCP of which the client's side is closed; not in `tcp`. */
  readonly closing: number;
}

export interface PositionOf {
  readonly distributorId: string;
  readonly position: number;
}

export interface FlowSweep {
  /** Flow entries that no longer counted. */
  readonly removed: number;
  /** For each position asked; null if its distributor has moved within the maps meanwhile. */
  readonly tallies: readonly (FlowTally | null)[];
}

/** The port that an interface's name stands for now. */
export interface PortState {
  /** null, like its MAC, while there is none. */
  readonly ifindex: number | null;
  readonly mac: string | null;
  /** null: the program is not on it. */
  readonly xdpMode: 'native' | 'generic' | null;
  readonly link: 'up' | 'down' | 'gone';
  /** VIPs with VLAN tags get no traffic. */
  readonly stripsVlanTags: boolean;
}

/** What a data path found in the kernel when it was made. */
export interface Adoption {
  /** ABI version of the program that was there; null = none was. */
  readonly abiVersion: number | null;
  /** Maps that could not be kept and were copied. */
  readonly carried: readonly string[];
  /** Entries of flows that the copy had no room for. */
  readonly lostFlows: number;
  /** What is there, by distributor. */
  readonly states: ReadonlyMap<string, DatapathState>;
}

/**
 * Whether a VIP's solicitations come through: the port reports its group to switches as long
 * as it has the VIP ('always'; so for IPv4, which needs none), as long as the daemon runs
 * ('for-now'), or not at all.
 */
export type Listening = 'always' | 'for-now' | 'unreported';

/** How the data path fares with a VIP. */
export interface VipState {
  readonly flowEntries: number;
  /** No further flow of the VIP gets an entry. */
  readonly flowTableFull: boolean;
  readonly listens: Listening;
  /** Seconds since it was plugged. */
  readonly age: number;
}

export interface VipOnPort {
  readonly distributorId: string;
  readonly vip: VipPlace;
}

/** Another station said that the VIP is its own. */
export interface VipClaim extends VipOnPort {
  readonly mac: string;
  /** Nanoseconds of process.hrtime. */
  readonly at: bigint;
}

/** What carries packets: the port between the daemon's logic and the kernel. */
export interface Datapath {
  /** What was there when the data path was made. To be asked once, before anything else. */
  adopt(): Promise<Adoption>;
  /** The host's ports now. */
  ports(): readonly Port[];
  /** The host's port of that name now. */
  port(name: string): Port | null;
  /**
   * Carries out one operation completely, or throws and has changed nothing.
   * @throws PORT_NOT_FOUND, PORT_BUSY, CAPACITY_EXHAUSTED, DATAPATH_FAILED
   */
  execute(distributorId: string, operation: Operation): Promise<void>;
  /** The MAC of a watched address as last heard, or null. */
  resolvedMac(neighbour: WatchedNeighbour): string | null;
  /** Called with a watched address whenever its MAC becomes another one. */
  onNeighbourChange(listener: (neighbour: WatchedNeighbour) => void): void;
  /** Seconds; for changes of slots from now on. */
  setLearningWindow(seconds: number): void;
  /** To be called every second or so: repairs what the kernel gave up by itself. */
  keepUp(): void;
  /** Pins again what somebody has removed; returns how many pins were missing. @throws DATAPATH_FAILED */
  keepPinned(): number;
  /** Tells the VIP's link where it is, once. */
  announce(vip: VipPlace): void;
  /** Settles the distributor's quiet slots; null if it is not there. */
  settle(distributorId: string): SettleResult | null;
  /** null if the data path does not have the distributor. */
  slotCounts(distributorId: string): SlotCounts | null;
  vipCounts(distributorId: string, vip: VipPlace): VipCounts | null;
  positionCounts(distributorId: string, position: number): PositionCounts | null;
  vipState(distributorId: string, vip: VipPlace): VipState | null;
  /** The last claim to each VIP that is younger than `at` (ns of process.hrtime). */
  claimsSince(at: bigint): readonly VipClaim[];
  /**
   * Announces the VIP against its last claim, unless the data path has done so itself or the
   * last announcement was less than a second ago. Returns whether it did.
   */
  defend(distributorId: string, vip: VipPlace): boolean;
  /**
   * Removes flow entries that no longer count, and counts those that do. Walks all of them,
   * off the event loop; one sweep at a time.
   */
  sweepFlows(asked: readonly PositionOf[]): Promise<FlowSweep>;
  /** VIPs whose further flows get no entry. */
  vipsOutOfFlows(): readonly VipOnPort[];
  /** Packets on attached ports that were for no VIP. */
  hostPackets(): number;
  portState(interfaceName: string): PortState;
  /** Ends without an operation: packets go on as they do. */
  close(): void;
}
