// SPDX-License-Identifier: Apache-2.0
import { addressBytes, concat, internetChecksum, overwrite, unsigned } from './bytes.ts';
import { cut, fragmentHeader, type Extension, type Fragment } from './extension-headers.ts';
import { Frame, type Datagram, type Flow } from './frame.ts';
import * as messages from './messages.ts';
import { ICMP, ICMPV6, type Message } from './messages.ts';
import * as ndp from './ndp-messages.ts';

export interface IpFields {
  readonly from: string;
  readonly to: string;
  /** What is carried is cut to it. */
  readonly fragment?: Fragment;
  /** Identification; in IPv6 a fragment has one. */
  readonly id?: number;
  /** Instead of the true one: for headers that lie. */
  readonly version?: number;
}

export interface Ipv4Fields extends IpFields {
  readonly ttl?: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
  /** Instead of the true ones, in their own units. */
  readonly ihl?: number;
  readonly totalLength?: number;
}

export interface Ipv6Fields extends IpFields {
  readonly hopLimit?: number;
  /** Behind the header, in this order; `fragment` comes last. */
  readonly extensions?: readonly Extension[];
  readonly payloadLength?: number;
}

/** All of a packet from the network header on. */
interface Packet {
  readonly bytes: Uint8Array;
  /** As its header says. */
  readonly length: number;
  readonly headerLength: number;
  readonly datagram: Datagram | null;
}

/** An IP header that waits for what it carries. */
export abstract class IpPacket<Fields extends IpFields = IpFields> {
  protected readonly link: Uint8Array;
  protected readonly fields: Fields;
  protected abstract readonly icmpProtocol: typeof ICMP | typeof ICMPV6;

  constructor(link: Uint8Array, fields: Fields) {
    this.link = link;
    this.fields = fields;
  }

  tcp(fields: messages.TcpFields): Frame {
    return this.carry(messages.tcpSegment(fields));
  }

  udp(fields: messages.UdpFields): Frame {
    return this.carry(messages.udpDatagram(fields));
  }

  sctp(fields: messages.SctpFields): Frame {
    return this.carry(messages.sctpPacket(fields));
  }

  icmp(fields: messages.IcmpFields): Frame {
    return this.carry(messages.icmpMessage(this.icmpProtocol, fields));
  }

  icmpError(fields: messages.IcmpErrorFields): Frame {
    return this.carry(messages.icmpError(this.icmpProtocol, fields));
  }

  /** An echo request. */
  ping(identifier: number, payload?: Uint8Array): Frame {
    const type = messages.ECHO_REQUEST[this.icmpProtocol];
    return this.icmp({ type, identifier, ...(payload && { payload }) });
  }

  /** An echo reply. */
  pong(identifier: number): Frame {
    return this.icmp({ type: messages.ECHO_REPLY[this.icmpProtocol], identifier });
  }

  protocol(number: number, payload: Uint8Array): Frame {
    return this.carry(messages.plainMessage(number, payload));
  }

  protected abstract packet(protocol: number, payload: Uint8Array): Packet;

  protected carry(message: Message): Frame {
    const { bytes, length, headerLength, datagram } = this.packet(
      message.protocol,
      this.withChecksum(message),
    );
    const { protocol, ports, answeredPorts, about } = message;
    const own: Flow = { source: this.fields.from, protocol, ...ports };
    return new Frame(concat(this.link, bytes), {
      networkOffset: this.link.length,
      headerLength,
      accounted: this.link.length + length,
      // Of an error's fragments only the first knows what it is about.
      flow: about === undefined || (this.fields.fragment?.offset ?? 0) > 0 ? own : about,
      answered: { source: this.fields.to, protocol, ...answeredPorts },
      datagram,
    });
  }

  private withChecksum({ bytes, checksumAt, protocol }: Message): Uint8Array {
    if (checksumAt === null) return bytes;
    const pseudoHeader = concat(
      ...[addressBytes(this.fields.from), addressBytes(this.fields.to)],
      ...[unsigned(4, bytes.length), unsigned(4, protocol)],
    );
    const summed = protocol === ICMP ? bytes : concat(pseudoHeader, bytes);
    return overwrite(bytes, checksumAt, unsigned(2, internetChecksum(summed)));
  }
}

export class Ipv4Packet extends IpPacket<Ipv4Fields> {
  protected override readonly icmpProtocol = ICMP;

  protected override packet(protocol: number, payload: Uint8Array): Packet {
    const { from, to, ttl = 64, id = 1, options = new Uint8Array(0), fragment } = this.fields;
    const carried = fragment ? cut(payload, fragment) : { bytes: payload, more: false };
    const headerLength = 20 + options.length;
    const length = this.fields.totalLength ?? headerLength + carried.bytes.length;
    const { version = 4, ihl = headerLength / 4 } = this.fields;
    const fragmentWord = fragment ? (carried.more ? 0x2000 : 0) | (fragment.offset / 8) : 0x4000;
    const header = concat(
      ...[unsigned(1, (version << 4) | ihl), unsigned(1, 0), unsigned(2, length)],
      ...[unsigned(2, id), unsigned(2, fragmentWord)],
      ...[unsigned(1, ttl), unsigned(1, protocol), unsigned(2, 0)],
      ...[addressBytes(from), addressBytes(to), options],
    );
    const summed = overwrite(header, 10, unsigned(2, internetChecksum(header)));
    const datagram = fragment === undefined ? null : { identification: id, protocol };
    return { bytes: concat(summed, carried.bytes), length, headerLength, datagram };
  }
}

export class Ipv6Packet extends IpPacket<Ipv6Fields> {
  protected override readonly icmpProtocol = ICMPV6;

  solicit(fields: ndp.SolicitationFields): Frame {
    return this.carry(ndp.solicitation(fields));
  }

  advertise(fields: ndp.AdvertisementFields): Frame {
    return this.carry(ndp.advertisement(fields));
  }

  protected override packet(protocol: number, payload: Uint8Array): Packet {
    const { from, to, hopLimit = 64, version = 6, id = 1, fragment } = this.fields;
    const { extensions = [] } = this.fields;
    const chain = fragment ? [...extensions, fragmentHeader({ ...fragment, id })] : extensions;
    const { nextHeader, bytes } = chain.reduceRight(
      (behind, extension) => ({
        nextHeader: extension.number,
        bytes: extension.before(behind.nextHeader, behind.bytes),
      }),
      { nextHeader: protocol, bytes: payload },
    );
    const length = this.fields.payloadLength ?? bytes.length;
    const header = concat(
      ...[unsigned(4, version * 2 ** 28), unsigned(2, length)],
      ...[unsigned(1, nextHeader), unsigned(1, hopLimit)],
      ...[addressBytes(from), addressBytes(to)],
    );
    const cutBy = chain.find((extension) => extension.fragment !== undefined)?.fragment;
    return {
      bytes: concat(header, bytes),
      length: 40 + length,
      headerLength: chain.reduce((sum, extension) => sum + extension.length, 40),
      datagram: cutBy === undefined ? null : { identification: cutBy.id ?? 1, protocol: 0 },
    };
  }
}
