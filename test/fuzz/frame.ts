// SPDX-License-Identifier: Apache-2.0

/** Frames of more than one page lie in several buffers of the kernel. */
export const LONGEST = 6000;
/** Test-run takes nothing shorter than an Ethernet header. */
export const SHORTEST = 14;

/** The frame under test: one buffer, filled anew for each. */
export class FuzzFrame {
  readonly buffer = Buffer.alloc(LONGEST);
  readonly view = new DataView(this.buffer.buffer, this.buffer.byteOffset, LONGEST);
  length = 0;
  /** Index into `ports`. */
  port = 0;

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  set(bytes: Uint8Array): void {
    this.buffer.set(bytes);
    this.length = bytes.length;
  }

  u8(offset: number): number {
    return this.view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.view.getUint16(offset);
  }

  u32(offset: number): number {
    return this.view.getUint32(offset);
  }

  /** 48 bits. */
  mac(offset: number): number {
    return this.u16(offset) * 2 ** 32 + this.u32(offset + 2);
  }

  isGroup(offset: number): boolean {
    return (this.u8(offset) & 1) === 1;
  }
}

/** Ones' complement sum (RFC 1071) of a whole number of 16-bit words; an odd last byte counts as high. */
export function onesSum(view: DataView, from: number, to: number): number {
  let sum = 0;
  let at = from;
  for (; at + 1 < to; at += 2) sum += view.getUint16(at);
  if (at < to) sum += view.getUint8(at) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}
