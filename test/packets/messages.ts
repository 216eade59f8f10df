// SPDX-License-Identifier: Apache-2.0
// What an IP packet carries.
import { concat, unsigned } from './bytes.ts';
import type { Flow, Frame } from './frame.ts';

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;
export const SCTP = 132;

export type Ports = Pick<Flow, 'sourcePort' | 'destinationPort' | 'hasPorts'>;

/** Its checksum is filled in when the addresses are known. */
export interface Message {
  readonly protocol: number;
  readonly bytes: Uint8Array;
  readonly checksumAt: number | null;
  /** Of its flow, if it is to a VIP. */
  readonly ports: Ports;
  /** Of the flow that it belongs to, if it is from a VIP. */
  readonly answeredPorts: Ports;
  /** Of an ICMP error: the flow that it is about. */
  readonly about?: Flow | null;
}

const nothing = new Uint8Array(0);
const portless = { sourcePort: 0, destinationPort: 0, hasPorts: false } as const;
const noPorts = { ports: portless, answeredPorts: portless } as const;

interface Endpoints {
  readonly from: number;
  readonly to: number;
}

function ports({ from, to }: Endpoints): Pick<Message, 'ports' | 'answeredPorts'> {
  return {
    ports: { sourcePort: from, destinationPort: to, hasPorts: true },
    answeredPorts: { sourcePort: to, destinationPort: from, hasPorts: true },
  };
}

export interface TcpFields extends Endpoints {
  /** One letter each: F, S, R, P, A, U. */
  readonly flags: string;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly payload?: Uint8Array;
}

/** Of a segment that does not say otherwise. */
export const ACKNOWLEDGEMENT = 2000;

const FLAGS = ['F', 'S', 'R', 'P', 'A', 'U'];

export function tcpSegment({
  from,
  to,
  flags,
  sequence = 1000,
  acknowledgement = ACKNOWLEDGEMENT,
  payload = nothing,
}: TcpFields): Message {
  const bits = FLAGS.reduce((sum, flag, bit) => sum | (flags.includes(flag) ? 1 << bit : 0), 0);
  const bytes = concat(
    ...[unsigned(2, from), unsigned(2, to), unsigned(4, sequence), unsigned(4, acknowledgement)],
    ...[unsigned(1, 5 << 4), unsigned(1, bits), unsigned(2, 0xffff)],
    ...[unsigned(2, 0), unsigned(2, 0), payload],
  );
  return { protocol: TCP, bytes, checksumAt: 16, ...ports({ from, to }) };
}

export interface UdpFields extends Endpoints {
  readonly payload?: Uint8Array;
}

export function udpDatagram({ from, to, payload = nothing }: UdpFields): Message {
  const length = unsigned(2, 8 + payload.length);
  const bytes = concat(unsigned(2, from), unsigned(2, to), length, unsigned(2, 0), payload);
  return { protocol: UDP, bytes, checksumAt: 6, ...ports({ from, to }) };
}

/** Chunk types (RFC 9260, section 3.2). */
export const CHUNKS = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  HEARTBEAT: 4,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  COOKIE_ECHO: 10,
  SHUTDOWN_COMPLETE: 14,
} as const;

export interface SctpFields extends Endpoints {
  /** The first of them. */
  readonly chunk: keyof typeof CHUNKS;
  /** Of the chunk. */
  readonly payload?: Uint8Array;
}

/** Its CRC32c stays 0: nothing between the endpoints looks at it. */
export function sctpPacket({ from, to, chunk, payload = nothing }: SctpFields): Message {
  const bytes = concat(
    ...[unsigned(2, from), unsigned(2, to), unsigned(4, 0x1234_5678), unsigned(4, 0)],
    ...[unsigned(1, CHUNKS[chunk]), unsigned(1, 0), unsigned(2, 4 + payload.length), payload],
  );
  return { protocol: SCTP, bytes, checksumAt: null, ...ports({ from, to }) };
}

export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  readonly identifier?: number;
  readonly sequence?: number;
  readonly payload?: Uint8Array;
}

export const ECHO_REQUEST = { [ICMP]: 8, [ICMPV6]: 128 } as const;
export const ECHO_REPLY = { [ICMP]: 0, [ICMPV6]: 129 } as const;
type IcmpProtocol = typeof ICMP | typeof ICMPV6;

export function icmpMessage(protocol: IcmpProtocol, fields: IcmpFields): Message {
  const { type, code = 0, identifier = 0, sequence = 1, payload = nothing } = fields;
  const bytes = concat(
    ...[unsigned(1, type), unsigned(1, code), unsigned(2, 0)],
    ...[unsigned(2, identifier), unsigned(2, sequence), payload],
  );
  const echo = { ...portless, sourcePort: identifier };
  return {
    ...{ protocol, bytes, checksumAt: 2 },
    ports: type === ECHO_REQUEST[protocol] ? echo : portless,
    answeredPorts: type === ECHO_REPLY[protocol] ? echo : portless,
  };
}

/** RFC 792 and RFC 4443: an error carries the start of the packet that it is about. */
export interface IcmpErrorFields {
  readonly type: number;
  readonly code?: number;
  /** From the VIP. */
  readonly about: Frame;
}

export function icmpError(protocol: IcmpProtocol, { about, ...fields }: IcmpErrorFields): Message {
  const message = icmpMessage(protocol, { ...fields, sequence: 0, payload: about.packet });
  return { ...message, about: about.layout.answered };
}

export function plainMessage(protocol: number, bytes: Uint8Array): Message {
  return { protocol, bytes, checksumAt: null, ...noPorts };
}

export function ndpMessage(bytes: Uint8Array): Message {
  return { protocol: ICMPV6, bytes, checksumAt: 2, ...noPorts };
}
