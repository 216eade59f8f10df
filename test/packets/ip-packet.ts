// SPDX-License-Identifier: Apache-2.0
import { addressBytes, concat, internetChecksum, overwrite, unsigned } from './bytes.ts';
import { Frame } from './frame.ts';
import * as messages from './messages.ts';
import { ICMP, ICMPV6, type Message } from './messages.ts';

interface Fragment {
  /** Bytes, a multiple of 8. */
  readonly offset: number;
  readonly more: boolean;
}

interface IpFields {
  readonly from: string;
  readonly to: string;
  readonly fragment?: Fragment;
  /** Instead of the true one: for headers that lie. */
  readonly version?: number;
}

export interface Ipv4Fields extends IpFields {
  readonly ttl?: number;
  readonly id?: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
  /** Instead of the true ones, in their own units. */
  readonly ihl?: number;
  readonly totalLength?: number;
}

export interface Ipv6Fields extends IpFields {
  readonly hopLimit?: number;
  readonly payloadLength?: number;
}

/** An IP header that waits for what it carries. */
abstract class IpPacket<Fields extends IpFields> {
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

  icmp(fields: messages.IcmpFields): Frame {
    return this.carry(messages.icmpMessage(this.icmpProtocol, fields));
  }

  icmpError(fields: messages.IcmpErrorFields): Frame {
    return this.carry(messages.icmpError(this.icmpProtocol, fields));
  }

  /** An echo request. */
  ping(identifier: number): Frame {
    return this.icmp({ type: messages.ECHO_REQUEST[this.icmpProtocol], identifier });
  }

  protocol(number: number, payload: Uint8Array): Frame {
    return this.carry(messages.plainMessage(number, payload));
  }

  /** The network header and the length in it. */
  protected abstract header(
    protocol: number,
    payloadLength: number,
  ): { readonly bytes: Uint8Array; readonly packetLength: number };

  protected carry(message: Message): Frame {
    const payload = this.withChecksum(message);
    const { bytes, packetLength } = this.header(message.protocol, payload.length);
    // No fragment's ports are known, the first one's included.
    const { sourcePort, destinationPort, hasPorts } =
      this.fields.fragment === undefined ? message : messages.plainMessage(0, payload);
    const ports = { sourcePort, destinationPort, hasPorts };
    return new Frame(concat(this.link, bytes, payload), {
      networkOffset: this.link.length,
      accounted: this.link.length + packetLength,
      flow: { source: this.fields.from, protocol: message.protocol, ...ports },
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

  protected override header(protocol: number, payloadLength: number) {
    const { from, to, ttl = 64, id = 1, options = new Uint8Array(0), fragment } = this.fields;
    const words = 5 + options.length / 4;
    const { version = 4, ihl = words, totalLength = words * 4 + payloadLength } = this.fields;
    const fragmentWord = fragment ? (fragment.more ? 0x2000 : 0) | (fragment.offset / 8) : 0x4000;
    const bytes = concat(
      ...[unsigned(1, (version << 4) | ihl), unsigned(1, 0), unsigned(2, totalLength)],
      ...[unsigned(2, id), unsigned(2, fragmentWord)],
      ...[unsigned(1, ttl), unsigned(1, protocol), unsigned(2, 0)],
      ...[addressBytes(from), addressBytes(to), options],
    );
    return {
      bytes: overwrite(bytes, 10, unsigned(2, internetChecksum(bytes))),
      packetLength: totalLength,
    };
  }
}

export class Ipv6Packet extends IpPacket<Ipv6Fields> {
  protected override readonly icmpProtocol = ICMPV6;

  solicit(fields: messages.SolicitationFields): Frame {
    return this.carry(messages.solicitation(fields));
  }

  advertise(fields: messages.AdvertisementFields): Frame {
    return this.carry(messages.advertisement(fields));
  }

  protected override header(protocol: number, payloadLength: number) {
    const { from, to, hopLimit = 64, version = 6 } = this.fields;
    const extension = this.fragmentHeader(protocol);
    const actualLength = extension.length + payloadLength;
    const length = this.fields.payloadLength ?? actualLength;
    const nextHeader = extension.length > 0 ? FRAGMENT_HEADER : protocol;
    const bytes = concat(
      ...[unsigned(4, version * 2 ** 28), unsigned(2, length)],
      ...[unsigned(1, nextHeader), unsigned(1, hopLimit)],
      ...[addressBytes(from), addressBytes(to), extension],
    );
    return { bytes, packetLength: 40 + length };
  }

  /** RFC 8200, section 4.5. */
  private fragmentHeader(protocol: number): Uint8Array {
    const { fragment } = this.fields;
    if (fragment === undefined) return new Uint8Array(0);
    const word = fragment.offset | (fragment.more ? 1 : 0);
    return concat(unsigned(1, protocol), unsigned(1, 0), unsigned(2, word), unsigned(4, 77));
  }
}

const FRAGMENT_HEADER = 44;
