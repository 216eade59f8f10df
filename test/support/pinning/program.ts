// SPDX-License-Identifier: Apache-2.0
import type { NativeSlotTable } from '../../../src/datapath/native.ts';

export type Protocol = 'tcp' | 'udp';

/** A packet as far as pinning looks at it. */
export interface Packet {
  readonly flow: number;
  readonly protocol: Protocol;
  readonly starts: boolean;
  /** FIN. */
  readonly ends: boolean;
  /** TCP: the acknowledgement number; 0 where it does not say. */
  readonly acknowledges?: number;
}

export const tcpIdle = 900;
export const udpIdle = 60;
export const learningWindow = 5;
/** How long a closing connection is counted for after its last packet. */
export const closingTime = 60;

/** Connections that an amphora has, as the sweep of the flow table counts them. */
export interface Tally {
  readonly tcp: number;
  readonly udp: number;
  /** Not in the others. */
  readonly closing: number;
}

/** What a record says of a flow; `age` in seconds. */
export interface Recorded {
  readonly protocol: Protocol;
  readonly age: number;
  readonly closing: boolean;
  readonly over: boolean;
}

/** Adds up the records of flows that a position still holds. */
export function tallyOf(flows: readonly Recorded[]): Tally {
  const counted = flows.filter(({ protocol, age, closing, over }) => {
    const idle = protocol === 'tcp' ? tcpIdle : udpIdle;
    return !over && age <= (closing ? Math.min(idle, closingTime) : idle);
  });
  const count = (of: Protocol) =>
    counted.filter(({ protocol, closing }) => !closing && protocol === of).length;
  const closing = counted.filter((flow) => flow.closing).length;
  return { tcp: count('tcp'), udp: count('udp'), closing };
}

/** The program with the daemon's changes to its maps: the model of it, or the one that ships. */
export interface Program {
  /** Seconds. */
  readonly now: number;
  readonly table: NativeSlotTable;
  /** Seconds of leeway at timeouts: a real clock may move between two readings. */
  readonly leeway: number;
  /** The amphora at a position (from 0) is another one from now on. */
  occupy(position: number): void;
  vacate(position: number): void;
  /** Changes owners as the daemon does. */
  assign(owners: readonly number[], retired: readonly number[]): void;
  double(): void;
  /** Time passes; quiet slots settle. */
  wait(seconds: number): void;
  /** Whether the flow's slot is settled: the program then does not see it end. */
  isSettled(packet: Packet): boolean;
  /** The position that gets the packet, or null if it is dropped. */
  send(packet: Packet): number | null;
  /**
   * The connections of the amphora at a position (from 0), as far as records tell. The shipped
   * program counts a flow from its second packet on, the model from its first.
   */
  tally(position: number): Tally;
  /** Packets to a position of flows that had no record that counts after them. */
  openings(position: number): number;
}
