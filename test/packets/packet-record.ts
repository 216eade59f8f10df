// SPDX-License-Identifier: Apache-2.0
import type { Vip } from './distributors.ts';
import type { Frame } from './frame.ts';

export type Verdict =
  | 'pass_not_vip'
  | 'pass_other_mac'
  | 'pass_not_request'
  | 'pass_vip_claimed'
  | 'tx_settled'
  | 'tx_pinned'
  | 'tx_unpinned'
  | 'tx_new'
  | 'tx_previous'
  | 'tx_icmp_error'
  | 'tx_arp_reply'
  | 'tx_neighbour_advertisement'
  | 'tx_vip_defended'
  | 'drop_truncated'
  | 'drop_bad_header'
  | 'drop_ttl_expired'
  | 'drop_no_amphora'
  | 'drop_fragment'
  | 'drop_tiny_fragment'
  | 'drop_extension_headers'
  | 'drop_icmp_error'
  | 'drop_loop'
  | 'drop_carry_over';

/** Verdicts of packets that an amphora gets, with the bytes and flows counted there. */
export const FORWARDED: readonly Verdict[] = [
  ...(['tx_settled', 'tx_pinned', 'tx_unpinned', 'tx_new', 'tx_previous'] as const),
  'tx_icmp_error',
];

/** Those of packets whose flow has an entry afterwards, or an opening at most. */
export const TRACKED: readonly Verdict[] = ['tx_pinned', 'tx_new', 'tx_previous'];

/** Seconds ago, of the clock that the program stamps with. */
type Age = number;

export interface SlotState {
  readonly current: number;
  readonly previous: number;
}

/** What is known of a flow, be it an opening or an entry of the flow table. */
export interface EntryState {
  readonly owner: number;
  readonly age: Age;
  /** The position's own, unless it says otherwise. */
  readonly generation?: number;
  readonly closing?: boolean;
  /** Of an entry of TCP what segments acknowledge that do not say otherwise; of others 0. */
  readonly acknowledged?: number;
  readonly over?: boolean;
  /**
   * In the flow table, which nobody is evicted from; else an opening. Before the packet: in the flow
   * table, unless it says otherwise. After it: where it was before, and what was not known before is
   * an opening, unless it says otherwise; so a record says so where a packet confirms an opening.
   */
  readonly confirmed?: boolean;
}

/** What the first fragment of a datagram leaves behind: the frame's flow, unless it says otherwise. */
export interface DatagramState {
  readonly age: Age;
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** One packet and all that comes of it. What a record leaves out does not happen. */
export interface PacketRecord {
  readonly it: string;
  readonly frame: Frame;
  /** Counts the packet; null where it is for no VIP. */
  readonly vip: Vip | null;

  /** The packet's slot before: settled, with its usual owner, unless a record says otherwise. */
  readonly slot?: SlotState;
  /** The flow's entry before. */
  readonly entry?: EntryState;
  /** What is known of the fragment's datagram before. */
  readonly datagram?: DatagramState;
  /** Seconds left of the VIP's learning window. */
  readonly learning?: number;
  /** Frames that came just before, and changed what they change. */
  readonly after?: readonly Frame[];

  readonly verdict: Verdict;
  /** Where it is forwarded to: the usual owner of its slot, unless a record says otherwise. */
  readonly to?: number;
  readonly answer?: Frame;
  readonly newFlow?: true;
  /** The flow's entry after; age 0 is the packet's own time. */
  readonly entryAfter?: EntryState;
  /** What is known of the datagram after, where that is not what it was before. */
  readonly datagramAfter?: DatagramState;
  /** The packet keeps its slot unsettled. */
  readonly movesClock?: true;
  /** The MAC of the station that has claimed the VIP. */
  readonly claimedBy?: string;
}

/** One record a slot state, entry or window … */
export function variations<Variation>(
  values: readonly Variation[],
  record: (value: Variation) => PacketRecord,
): PacketRecord[] {
  return values.map(record);
}
