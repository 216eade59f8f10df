// SPDX-License-Identifier: Apache-2.0
// Frames that read as what they are:
//   ipv4({ from: client, to: vip }).tcp({ flags: 'S', from: 1234, to: 80 })
//   ethernet({ to: BROADCAST_MAC }).vlan(100).arp({ operation: 'request', … })
//   toVip(vip, { id: 7, fragment: { offset: 0, length: 1480 } }).udp({ … })
// Every length and checksum is filled in, unless a field says otherwise.
import { addressBytes, concat, macBytes, unsigned } from './bytes.ts';
import { CLIENT, PORT_MAC, ROUTER_MAC, type Vip } from './distributors.ts';
import { Frame } from './frame.ts';
import {
  Ipv4Packet,
  Ipv6Packet,
  type IpPacket,
  type Ipv4Fields,
  type Ipv6Fields,
} from './ip-packet.ts';

export interface EthernetFields {
  readonly to?: string;
  readonly from?: string;
}

export interface TagFields {
  /** 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
  readonly type?: number;
  readonly priority?: number;
}

export interface ArpFields {
  readonly operation: 'request' | 'reply';
  readonly sender: { readonly mac: string; readonly ip: string };
  readonly target: { readonly mac: string; readonly ip: string };
  /** Instead of Ethernet's and IPv4's. */
  readonly hardwareType?: number;
  readonly protocolType?: number;
  readonly hardwareLength?: number;
  readonly protocolLength?: number;
}

export const NO_MAC = '00:00:00:00:00:00';

class EthernetHeader {
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  vlan(id: number, { type = 0x8100, priority = 0 }: TagFields = {}): EthernetHeader {
    const tag = concat(unsigned(2, type), unsigned(2, (priority << 13) | id));
    return new EthernetHeader(concat(this.bytes, tag));
  }

  ipv4(fields: Ipv4Fields): Ipv4Packet {
    return new Ipv4Packet(this.before(0x0800), fields);
  }

  ipv6(fields: Ipv6Fields): Ipv6Packet {
    return new Ipv6Packet(this.before(0x86dd), fields);
  }

  arp(fields: ArpFields): Frame {
    const { hardwareType = 1, protocolType = 0x0800 } = fields;
    const { hardwareLength = 6, protocolLength = 4 } = fields;
    const packet = concat(
      ...[unsigned(2, hardwareType), unsigned(2, protocolType)],
      ...[unsigned(1, hardwareLength), unsigned(1, protocolLength)],
      unsigned(2, fields.operation === 'request' ? 1 : 2),
      ...[macBytes(fields.sender.mac), addressBytes(fields.sender.ip)],
      ...[macBytes(fields.target.mac), addressBytes(fields.target.ip)],
    );
    return this.carrying(0x0806, packet);
  }

  /** Anything else. */
  carrying(etherType: number, payload: Uint8Array): Frame {
    const bytes = concat(this.before(etherType), payload);
    const networkOffset = bytes.length - payload.length;
    const noPacket = { headerLength: 0, flow: null, answered: null, datagram: null };
    return new Frame(bytes, { networkOffset, accounted: bytes.length, ...noPacket });
  }

  private before(etherType: number): Uint8Array {
    return concat(this.bytes, unsigned(2, etherType));
  }
}

/** From the router to the port with the VIPs, unless it says otherwise. */
export function ethernet({ to = PORT_MAC, from = ROUTER_MAC }: EthernetFields = {}) {
  return new EthernetHeader(concat(macBytes(to), macBytes(from)));
}

export function ipv4(fields: Ipv4Fields): Ipv4Packet {
  return ethernet().ipv4(fields);
}

export function ipv6(fields: Ipv6Fields): Ipv6Packet {
  return ethernet().ipv6(fields);
}

/** Of either family; what the VIP's own does not have is left out. */
type AnyIpFields = Partial<Ipv4Fields & Ipv6Fields>;

/** A client's packet to the VIP, of its family. */
export function toVip(vip: Vip, fields: AnyIpFields = {}, link = ethernet()): IpPacket {
  const { address } = vip.key;
  return isIpv6(vip)
    ? link.ipv6({ from: CLIENT.v6, to: address, ...fields })
    : link.ipv4({ from: CLIENT.v4, to: address, ...fields });
}

/** What an amphora answers the client in the VIP's name. */
export function fromVip(vip: Vip, fields: AnyIpFields = {}): IpPacket {
  const { address } = vip.key;
  return toVip(vip, { from: address, to: isIpv6(vip) ? CLIENT.v6 : CLIENT.v4, ...fields });
}

function isIpv6({ key }: Vip): boolean {
  return key.address.includes(':');
}

export function payload(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}
