// SPDX-License-Identifier: Apache-2.0
// From an IP header to what it carries, by the RFCs; for packets and for those inside ICMP errors.
import type { FuzzFrame } from './frame.ts';
import { DROP_EXTENSION_HEADERS, DROP_TRUNCATED, oneOf } from './verdicts.ts';

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;
export const SCTP = 132;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const EXTENSIONS: ReadonlySet<number> = new Set([
  ...[HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS],
]);
const MOST_EXTENSIONS = 8;

/** What lies behind the network headers. */
export class Walk {
  protocol = 0;
  part: 'whole' | 'first' | 'later' = 'whole';
  /** In units of 8 bytes. */
  fragmentOffset = 0;
  identification = 0;
  /** Where the transport header begins. */
  at = 0;
  /** A set of verdicts: why the packet cannot be read. */
  defects = 0;

  begin(protocol: number, at: number): void {
    this.protocol = protocol;
    this.part = 'whole';
    this.fragmentOffset = 0;
    this.identification = 0;
    this.at = at;
    this.defects = 0;
  }

  /** RFC 791; `header` is where it begins. */
  ipv4(frame: FuzzFrame, header: number): void {
    this.begin(frame.u8(header + 9), header + (frame.u8(header) & 0xf) * 4);
    const word = frame.u16(header + 6);
    this.#noteFragment(word & 0x1fff, (word & 0x2000) !== 0, frame.u16(header + 4));
  }

  /** RFC 8200, from behind the fixed header up to `end`. */
  ipv6(frame: FuzzFrame, header: number, end: number): void {
    this.begin(frame.u8(header + 6), header + 40);
    for (let count = 0; this.isAtExtension && this.part !== 'later'; count++) {
      if (count === MOST_EXTENSIONS) {
        this.#fail(DROP_EXTENSION_HEADERS);
        return;
      }
      const kind = this.protocol;
      if (this.at + 8 > end) {
        this.#fail(DROP_TRUNCATED);
        return;
      }
      this.protocol = frame.u8(this.at);
      if (kind === FRAGMENT) {
        const word = frame.u16(this.at + 2);
        const [offset, more] = [word >>> 3, (word & 1) === 1];
        const isAtomic = offset === 0 && !more;
        if (!isAtomic && this.part !== 'whole') {
          this.#fail(DROP_EXTENSION_HEADERS);
          return;
        }
        if (!isAtomic) this.#noteFragment(offset, more, frame.u32(this.at + 4));
      }
      this.at += extensionLength(kind, frame.u8(this.at + 1));
      if (this.at > end) {
        this.#fail(DROP_TRUNCATED);
        return;
      }
    }
  }

  /** Of a later fragment: it begins in the middle of the headers. */
  get isAtExtension(): boolean {
    return EXTENSIONS.has(this.protocol);
  }

  /** RFC 3128: a later fragment that could rewrite the flags of the first. */
  get hidesFlags(): boolean {
    return this.fragmentOffset === 1 && marksStarts(this.protocol);
  }

  #noteFragment(offset: number, more: boolean, identification: number): void {
    if (offset === 0 && !more) return;
    this.part = offset === 0 ? 'first' : 'later';
    this.fragmentOffset = offset;
    this.identification = identification;
  }

  #fail(verdict: number): void {
    this.defects |= oneOf(verdict);
  }
}

function extensionLength(kind: number, units: number): number {
  if (kind === FRAGMENT) return 8;
  return kind === AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
}

/** Protocols whose first four bytes are two ports. */
export function hasPorts(protocol: number): boolean {
  return protocol === TCP || protocol === UDP || protocol === SCTP;
}

/** Protocols that mark the start of a connection. */
export function marksStarts(protocol: number): boolean {
  return protocol === TCP || protocol === SCTP;
}

/** Bytes that must be there to know ports and flags; a whole packet has all of its header. */
export function bytesNeeded({ protocol, part }: Walk, family: 4 | 6): number {
  if (protocol === TCP) return part === 'whole' ? 20 : 14;
  if (protocol === UDP) return 8;
  if (protocol === SCTP) return 13;
  return protocol === (family === 4 ? ICMP : ICMPV6) ? 8 : 0;
}
