// SPDX-License-Identifier: Apache-2.0
import { addressBytes, concat, macBytes, unsigned } from './bytes.ts';
import type { Frame } from './frame.ts';

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;

/** What an IP packet carries; its checksum is filled in when the addresses are known. */
export interface Message {
  readonly protocol: number;
  readonly bytes: Uint8Array;
  readonly checksumAt: number | null;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly hasPorts: boolean;
}

const portless = { sourcePort: 0, destinationPort: 0, hasPorts: false } as const;
const nothing = new Uint8Array(0);

export interface TcpFields {
  readonly from: number;
  readonly to: number;
  /** One letter each: F, S, R, P, A, U. */
  readonly flags: string;
  readonly payload?: Uint8Array;
}

const FLAGS = ['F', 'S', 'R', 'P', 'A', 'U'];

export function tcpSegment({ from, to, flags, payload = nothing }: TcpFields): Message {
  const bits = FLAGS.reduce((sum, flag, bit) => sum | (flags.includes(flag) ? 1 << bit : 0), 0);
  const bytes = concat(
    ...[unsigned(2, from), unsigned(2, to), unsigned(4, 1000), unsigned(4, 2000)],
    ...[unsigned(1, 5 << 4), unsigned(1, bits), unsigned(2, 0xffff)],
    ...[unsigned(2, 0), unsigned(2, 0), payload],
  );
  const ports = { sourcePort: from, destinationPort: to, hasPorts: true };
  return { protocol: TCP, bytes, checksumAt: 16, ...ports };
}

export interface UdpFields {
  readonly from: number;
  readonly to: number;
  readonly payload?: Uint8Array;
}

export function udpDatagram({ from, to, payload = nothing }: UdpFields): Message {
  const length = unsigned(2, 8 + payload.length);
  const bytes = concat(unsigned(2, from), unsigned(2, to), length, unsigned(2, 0), payload);
  const ports = { sourcePort: from, destinationPort: to, hasPorts: true };
  return { protocol: UDP, bytes, checksumAt: 6, ...ports };
}

export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  readonly identifier?: number;
  readonly sequence?: number;
  readonly payload?: Uint8Array;
}

export const ECHO_REQUEST = { [ICMP]: 8, [ICMPV6]: 128 } as const;

export function icmpMessage(protocol: typeof ICMP | typeof ICMPV6, fields: IcmpFields): Message {
  const { type, code = 0, identifier = 0, sequence = 1, payload = nothing } = fields;
  const bytes = concat(
    ...[unsigned(1, type), unsigned(1, code), unsigned(2, 0)],
    ...[unsigned(2, identifier), unsigned(2, sequence), payload],
  );
  const sourcePort = type === ECHO_REQUEST[protocol] ? identifier : 0;
  return { protocol, bytes, checksumAt: 2, ...portless, sourcePort };
}

/** RFC 792 and RFC 4443: an error carries the start of the packet that it is about. */
export interface IcmpErrorFields {
  readonly type: number;
  readonly code?: number;
  readonly about: Frame;
}

export function icmpError(
  protocol: typeof ICMP | typeof ICMPV6,
  { type, code = 0, about }: IcmpErrorFields,
): Message {
  return icmpMessage(protocol, { type, code, sequence: 0, payload: about.packet });
}

export function plainMessage(protocol: number, bytes: Uint8Array): Message {
  return { protocol, bytes, checksumAt: null, ...portless };
}

export interface SolicitationFields {
  readonly target: string;
  /** Null leaves the option out, as a probe for duplicates must. */
  readonly sourceMac: string | null;
  readonly code?: number;
}

/** RFC 4861, section 4.3. */
export function solicitation({ target, sourceMac, code = 0 }: SolicitationFields): Message {
  const option = sourceMac === null ? nothing : concat(Uint8Array.of(1, 1), macBytes(sourceMac));
  const bytes = concat(Uint8Array.of(135, code, 0, 0, 0, 0, 0, 0), addressBytes(target), option);
  return { protocol: ICMPV6, bytes, checksumAt: 2, ...portless };
}

export interface AdvertisementFields {
  readonly target: string;
  readonly mac: string;
  readonly solicited: boolean;
  readonly override: boolean;
}

/** RFC 4861, section 4.4. */
export function advertisement(fields: AdvertisementFields): Message {
  const flags = (fields.solicited ? 0x40 : 0) | (fields.override ? 0x20 : 0);
  const bytes = concat(
    Uint8Array.of(136, 0, 0, 0, flags, 0, 0, 0),
    addressBytes(fields.target),
    Uint8Array.of(2, 1),
    macBytes(fields.mac),
  );
  return { protocol: ICMPV6, bytes, checksumAt: 2, ...portless };
}
