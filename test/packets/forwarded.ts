// SPDX-License-Identifier: Apache-2.0
import { internetChecksum, macBytes, unsigned } from './bytes.ts';
import { amphoraMac, PORT_MAC, type Vip } from './distributors.ts';

const TTL = 8;
const HEADER_CHECKSUM = 10;
const HOP_LIMIT = 7;

/**
 * The frame as it leaves for an amphora: new MACs, one hop less and, for IPv4, the header's checksum,
 * summed up from scratch. All else is as it came.
 */
export function forwarded(
  frame: Uint8Array,
  way: { readonly networkOffset: number; readonly vip: Vip; readonly to: number },
): Uint8Array {
  const bytes = frame.slice();
  bytes.set(macBytes(amphoraMac(way.vip.distributor, way.to)), 0);
  bytes.set(macBytes(PORT_MAC), 6);
  const header = bytes.subarray(way.networkOffset);
  const [first = 0] = header;
  if (first >>> 4 === 6) {
    decrement(header, HOP_LIMIT);
    return bytes;
  }
  decrement(header, TTL);
  header.set(unsigned(2, 0), HEADER_CHECKSUM);
  const checksum = internetChecksum(header.subarray(0, (first & 0xf) * 4));
  header.set(unsigned(2, checksum), HEADER_CHECKSUM);
  return bytes;
}

function decrement(header: Uint8Array, offset: number): void {
  header[offset] = (header[offset] ?? 0) - 1;
}
