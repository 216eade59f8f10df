// SPDX-License-Identifier: Apache-2.0
import type { NativeSlotTable } from '../../../src/datapath/native.ts';

export type Protocol = 'tcp' | 'udp';

/** A packet as far as pinning looks at it. */
export interface Packet {
  readonly flow: number;
  readonly protocol: Protocol;
  readonly starts: boolean;
  readonly ends: boolean;
}

export const tcpIdle = 900;
export const udpIdle = 60;
export const learningWindow = 5;

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
}
