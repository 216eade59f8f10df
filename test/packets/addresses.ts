// SPDX-License-Identifier: Apache-2.0
import { addressBytes } from './bytes.ts';

export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff';
export const ALL_NODES = 'ff02::1';
export const ALL_NODES_MAC = '33:33:00:00:00:01';

/** RFC 4291, section 2.7.1. */
export function solicitedNode(address: string): string {
  const [a = 0, b = 0, c = 0] = addressBytes(address).slice(13);
  const high = (0xff00 | a).toString(16);
  const low = ((b << 8) | c).toString(16);
  return `ff02::1:${high}:${low}`;
}

/** The Ethernet group of an IPv6 multicast address (RFC 2464, section 7). */
export function groupMac(address: string): string {
  const octets = [...addressBytes(address).slice(12)];
  return ['33', '33', ...octets.map((octet) => octet.toString(16).padStart(2, '0'))].join(':');
}
