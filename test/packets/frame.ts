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

/** What fragments of one datagram have in common, but for their addresses. */
export interface Datagram {
  readonly identification: number;
  /** IPv6: 0, for its fragments need not agree on it (RFC 8200, section 4.5). */
  readonly protocol: number;
}

interface Layout {
  /** Bytes from the start of the frame to the network header. */
  readonly networkOffset: number;
  /** Bytes from there to the transport header, behind options and extension headers. */
  readonly headerLength: number;
  /** Bytes from the Ethernet header to the end of the IP packet, by the IP header's account. */
  readonly accounted: number;
  /**
   * The flow that the packet concerns: its own; a fragment's datagram's; that of the packet which
   * an ICMP error is about, as the VIP receives it. Null where the frame is no IP packet.
   */
  readonly flow: Flow | null;
  /** The flow that it belongs to if it comes from a VIP. */
  readonly answered: Flow | null;
  /** Null where the packet is no fragment. */
  readonly datagram: Datagram | null;
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

  /** The IP header and so many bytes behind it: at least 8 come back in an error (RFC 792). */
  headerAnd(length: number): Frame {
    return this.truncatedTo(this.layout.networkOffset + this.layout.headerLength + length);
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
