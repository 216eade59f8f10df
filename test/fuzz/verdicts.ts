// SPDX-License-Identifier: Apache-2.0
import { native } from '../../src/datapath/native.ts';

export function verdictName(number: number): string {
  return native.verdicts[number] ?? `verdict ${number}`;
}

/** Its permanent number. */
function number(name: string): number {
  const found = native.verdicts.indexOf(name);
  if (found < 0) throw new Error(`the data path has no verdict ${name}`);
  return found;
}

export const PASS_NOT_VIP = number('pass_not_vip');
export const PASS_OTHER_MAC = number('pass_other_mac');
export const PASS_NOT_REQUEST = number('pass_not_request');
export const PASS_VIP_CLAIMED = number('pass_vip_claimed');
export const TX_SETTLED = number('tx_settled');
export const TX_PINNED = number('tx_pinned');
export const TX_UNPINNED = number('tx_unpinned');
export const TX_NEW = number('tx_new');
export const TX_PREVIOUS = number('tx_previous');
export const TX_ICMP_ERROR = number('tx_icmp_error');
export const TX_ARP_REPLY = number('tx_arp_reply');
export const TX_ADVERTISEMENT = number('tx_neighbour_advertisement');
export const TX_VIP_DEFENDED = number('tx_vip_defended');
export const DROP_TRUNCATED = number('drop_truncated');
export const DROP_BAD_HEADER = number('drop_bad_header');
export const DROP_TTL_EXPIRED = number('drop_ttl_expired');
export const DROP_NO_AMPHORA = number('drop_no_amphora');
export const DROP_FRAGMENT = number('drop_fragment');
export const DROP_ICMP_ERROR = number('drop_icmp_error');
export const DROP_TINY_FRAGMENT = number('drop_tiny_fragment');
export const DROP_EXTENSION_HEADERS = number('drop_extension_headers');
export const DROP_LOOP = number('drop_loop');

/** Verdicts with which a frame goes to an amphora. */
export const FORWARDED: ReadonlySet<number> = new Set([
  ...[TX_SETTLED, TX_PINNED, TX_UNPINNED, TX_NEW, TX_PREVIOUS, TX_ICMP_ERROR],
]);

/** A bug, and what is only while one program takes over from another. */
const NEVER = new Set(['drop_internal', 'drop_carry_over']);

/** Every verdict that some frame gets; retired ones have no name. */
export const REACHABLE: readonly number[] = native.verdicts.flatMap((name, verdict) =>
  name === null || NEVER.has(name) ? [] : [verdict],
);

/** A set of verdicts, a bit each. */
export function oneOf(...verdicts: readonly number[]): number {
  return verdicts.reduce((set, verdict) => set | (1 << verdict), 0);
}

export function namesIn(set: number): string {
  const numbers = native.verdicts.map((_, index) => index).filter((index) => (set >>> index) & 1);
  return numbers.map(verdictName).join(', ') || 'nothing';
}
