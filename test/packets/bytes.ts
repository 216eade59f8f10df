// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';

/** A number as `length` bytes in network order. */
export function unsigned(length: 1 | 2 | 4, value: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = value >>> (8 * (length - 1 - i));
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** `bytes` with some of them replaced. */
export function overwrite(bytes: Uint8Array, offset: number, replacement: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(replacement, offset);
  return copy;
}

export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (octet) => parseInt(octet, 16));
}

export function addressBytes(address: string): Uint8Array {
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

/** RFC 1071, over an even or odd number of bytes. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, index) => (sum += index % 2 === 0 ? byte << 8 : byte));
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
