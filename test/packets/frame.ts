// SPDX-License-Identifier: Apache-2.0
import { concat, overwrite } from './bytes.ts';

/** What tells one flow to a VIP from another. */
export interface Flow {
  readonly source: string;
  readonly protocol: number;
  /** ICMP echo requests: the identifier. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Source-port affinity applies. */
  readonly hasPorts: boolean;
}

interface Layout {
  /** Bytes from the start of the frame to the network header. */
  readonly networkOffset: number;
  /** Bytes from the Ethernet header to the end of the IP packet, by the IP header's account. */
  readonly accounted: number;
  /** Null where the frame is no IP packet. */
  readonly flow: Flow | null;
}

/** An Ethernet frame, and what its builder knows about it. */
export class Frame {
  readonly bytes: Uint8Array;
  readonly layout: Layout;

  constructor(bytes: Uint8Array, layout: Layout) {
    this.bytes = bytes;
    this.layout = layout;
  }

  get length(): number {
    return this.bytes.length;
  }

  /** The packet without its Ethernet header and tags. */
  get packet(): Uint8Array {
    return this.bytes.slice(this.layout.networkOffset);
  }

  /** Cut off in transit: no header knows. */
  truncatedTo(length: number): Frame {
    return new Frame(this.bytes.slice(0, length), this.layout);
  }

  /** With the padding that brings a short frame to Ethernet's minimum. */
  paddedTo(length: number): Frame {
    const padding = new Uint8Array(Math.max(0, length - this.length)).fill(0xee);
    return new Frame(concat(this.bytes, padding), this.layout);
  }

  /** With other bytes at an offset from the network header; checksums stay as they are. */
  withNetworkBytes(offset: number, ...replacement: readonly number[]): Frame {
    const at = this.layout.networkOffset + offset;
    return new Frame(overwrite(this.bytes, at, Uint8Array.from(replacement)), this.layout);
  }
}
