// SPDX-License-Identifier: Apache-2.0
import type { Vip } from './distributors.ts';
import type { Frame } from './frame.ts';

export type Verdict =
  | 'pass_not_vip'
  | 'pass_other_mac'
  | 'pass_not_request'
  | 'tx_settled'
  | 'tx_pinned'
  | 'tx_new'
  | 'tx_previous'
  | 'tx_arp_reply'
  | 'tx_neighbour_advertisement'
  | 'drop_truncated'
  | 'drop_bad_header'
  | 'drop_ttl_expired'
  | 'drop_no_amphora'
  | 'drop_fragment'
  | 'drop_icmp_error';

/** Seconds ago, of the clock that the program stamps with. */
type Age = number;

export interface SlotState {
  readonly current: number;
  readonly previous: number;
}

export interface EntryState {
  readonly owner: number;
  readonly age: Age;
  /** The position's own, unless it says otherwise. */
  readonly generation?: number;
  readonly closing?: boolean;
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
  /** Seconds left of the VIP's learning window. */
  readonly learning?: number;

  readonly verdict: Verdict;
  /** Where it is forwarded to: the usual owner of its slot, unless a record says otherwise. */
  readonly to?: number;
  readonly answer?: Frame;
  readonly newFlow?: true;
  /** The flow's entry after; age 0 is the packet's own time. */
  readonly entryAfter?: EntryState;
  /** The packet keeps its slot unsettled. */
  readonly movesClock?: true;
}

/** One record a slot state, entry or window … */
export function variations<Variation>(
  values: readonly Variation[],
  record: (value: Variation) => PacketRecord,
): PacketRecord[] {
  return values.map(record);
}
