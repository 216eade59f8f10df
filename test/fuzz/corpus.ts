// SPDX-License-Identifier: Apache-2.0
// Sound packets of every kind, and some that lie: what is mutated afterwards.
import { BROADCAST_MAC, groupMac, solicitedNode } from '../packets/addresses.ts';
import * as extension from '../packets/extension-headers.ts';
import type { Frame } from '../packets/frame.ts';
import type { IpPacket } from '../packets/ip-packet.ts';
import { CHUNKS } from '../packets/messages.ts';
import { nonce, sourceLinkLayer } from '../packets/ndp-messages.ts';
import { ethernet, NO_MAC, payload } from '../packets/packet-builder.ts';
import type { Random } from './random.ts';
import { attachments, portAt, vips, type Vip } from './world.ts';

export interface Sample {
  readonly bytes: Uint8Array;
  /** Index into `ports`. */
  readonly port: number;
  /** Of the network header. */
  readonly networkOffset: number;
}

/** What a part of a run is about: few enough that its packets meet each other's traces. */
export interface Cast {
  readonly vips: readonly Vip[];
  /** The last parts of the clients' addresses. */
  readonly clients: readonly number[];
  readonly clientPorts: readonly number[];
  /** By index of the VIP: routers, amphorae and others on its link. */
  readonly macs: readonly (readonly string[])[];
}

/** Few, most of them one more than another, also where numbers of 31 and 32 bits begin anew. */
export const ACKNOWLEDGEMENTS = [
  ...[2000, 2001, 2002, 0, 1],
  ...[0x7fff_ffff, 0x8000_0000, 0xffff_ffff],
] as const;
export const SERVICE_PORTS = [80, 443] as const;
const IDENTIFICATIONS = [1, 2, 3, 0x1_0001] as const;
/** Of bytes behind the transport header. */
const LENGTHS = [0, 0, 1, 8, 64, 64, 200] as const;
const VIP_OFTEN = 12;

export function clientAddress(family: 4 | 6, client: number): string {
  return family === 4 ? `198.51.100.${client}` : `2001:db8:c::${client.toString(16)}`;
}

export function newCast(random: Random, macsFor: (vip: Vip) => string[]): Cast {
  const some = <Value>(count: number, value: () => Value) => Array.from({ length: count }, value);
  return {
    vips: some(VIP_OFTEN, () => random.pick(vips)),
    clients: some(8, () => random.between(1, 250)),
    clientPorts: some(2, () => random.between(1024, 65_535)),
    macs: vips.map(macsFor),
  };
}

export class SampleMaker {
  readonly #random: Random;
  readonly #cast: Cast;

  constructor(random: Random, cast: Cast) {
    this.#random = random;
    this.#cast = cast;
  }

  make(): Sample {
    const random = this.#random;
    const vip = random.oneIn(8) ? random.pick(vips) : random.pick(this.#cast.vips);
    const frame = this.#frame(vip);
    const port = random.oneIn(32) ? 1 - vip.attachment.port : vip.attachment.port;
    return { bytes: frame.bytes, port, networkOffset: frame.layout.networkOffset };
  }

  #frame(vip: Vip): Frame {
    const kind = this.#random.below(16);
    if (kind < 9) return this.#transport(this.#packet(vip));
    if (kind < 12) return this.#icmpError(vip);
    return vip.family === 4 ? this.#arp(vip) : this.#neighbour(vip);
  }

  #link(vip: Vip, to: string = portAt(vip.attachment.port).mac) {
    const random = this.#random;
    const macTo = random.oneIn(24) ? random.pick([BROADCAST_MAC, '02:99:00:00:00:01']) : to;
    let link = ethernet({ to: macTo, from: this.#mac(vip) });
    const tags = random.oneIn(24) ? random.pick(attachments).tags : vip.attachment.tags;
    if (random.oneIn(8)) link = link.vlan(0, { priority: 5 });
    for (const tag of tags)
      if (tag !== 0) link = link.vlan(tag, { type: random.pick([0x8100, 0x88a8]) });
    return link;
  }

  #mac(vip: Vip): string {
    return this.#random.oneIn(32)
      ? portAt(vip.attachment.port).mac
      : this.#random.pick(this.#cast.macs[vip.index] ?? []);
  }

  /** A packet to the VIP that waits for what it carries. */
  #packet(vip: Vip): IpPacket {
    const random = this.#random;
    const id = random.pick(IDENTIFICATIONS);
    const from = random.oneIn(64) ? vip.address : this.#client(vip);
    const fields = { from, to: vip.address, ...this.#fragment() };
    const hops = random.oneIn(24) ? random.below(3) : random.pick([64, 255, 2]);
    if (vip.family === 4) {
      const options = random.oneIn(8) ? { options: payload(4 * random.between(1, 10)) } : {};
      const own = { ttl: hops, id: id & 0xffff, ...options };
      return this.#link(vip).ipv4({ ...fields, ...own });
    }
    const extensions = random.oneIn(3) ? this.#extensions() : [];
    return this.#link(vip).ipv6({ ...fields, hopLimit: hops, id, extensions });
  }

  #client({ family }: Vip): string {
    return clientAddress(family, this.#random.pick(this.#cast.clients));
  }

  #fragment() {
    const random = this.#random;
    if (!random.oneIn(4)) return {};
    const offset = random.pick([0, 0, 0, 8, 16, 24, 64]);
    const length = random.oneIn(4) ? random.pick([1, 8, 13]) : 8 * random.between(2, 12);
    return { fragment: { offset, length, more: !random.oneIn(3) } };
  }

  #extensions(): extension.Extension[] {
    const random = this.#random;
    const kinds = [
      () => extension.hopByHop({ length: 8 * random.between(1, 3) }),
      () => extension.routing({ length: 24 }),
      () => extension.destinationOptions(),
      () => extension.authentication(),
      () => extension.fragmentHeader({ offset: 0, id: 9 }),
      () => extension.destinationOptions({ lengthField: random.below(256) }),
    ];
    const count = random.oneIn(6) ? random.between(7, 10) : random.between(1, 3);
    return Array.from({ length: count }, () => random.pick(kinds)());
  }

  #transport(packet: IpPacket): Frame {
    const random = this.#random;
    const ports = {
      from: random.pick(this.#cast.clientPorts),
      to: random.pick(SERVICE_PORTS),
      payload: payload(random.pick(LENGTHS)),
    };
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        return packet.tcp({
          ...ports,
          acknowledgement: random.pick(ACKNOWLEDGEMENTS),
          flags: random.pick(['S', 'S', 'A', 'A', 'PA', 'FA', 'R', 'SA', 'SF', 'SR', '', 'SFRPAU']),
        });
      case 3:
      case 4:
        return packet.udp(ports);
      case 5:
        return packet.sctp({ ...ports, chunk: random.pick(CHUNK_NAMES) });
      case 6:
        return random.oneIn(2)
          ? packet.ping(random.below(4), ports.payload)
          : packet.icmp({ type: random.below(256), identifier: random.below(4) });
      default:
        return packet.protocol(random.pick(OTHER_PROTOCOLS), ports.payload);
    }
  }

  /** About something that the VIP sent to a client, most often. */
  #icmpError(vip: Vip): Frame {
    const random = this.#random;
    const types = vip.family === 4 ? [3, 4, 5, 11, 12] : [1, 2, 3, 4, 127];
    const addresses = { from: vip.address, to: this.#client(vip) };
    const turned = random.oneIn(16) ? { from: addresses.to, to: addresses.from } : addresses;
    const fields = { ...turned, ...this.#fragment() };
    const about =
      vip.family === 4
        ? ethernet().ipv4({ ...fields, ...(random.oneIn(6) && { options: payload(8) }) })
        : ethernet().ipv6({
            ...fields,
            ...(random.oneIn(3) && { extensions: this.#extensions() }),
          });
    const embedded = this.#answered(about);
    const shortened = random.oneIn(2) ? embedded.headerAnd(random.below(24)) : embedded;
    return this.#packet(vip).icmpError({ type: random.pick(types), about: shortened });
  }

  /** What an amphora sends: the ports the other way round. */
  #answered(packet: IpPacket): Frame {
    const random = this.#random;
    const ports = { from: random.pick(SERVICE_PORTS), to: random.pick(this.#cast.clientPorts) };
    switch (random.below(6)) {
      case 0:
      case 1:
        return packet.tcp({ ...ports, flags: 'A' });
      case 2:
        return packet.udp(ports);
      case 3:
        return packet.sctp({ ...ports, chunk: 'DATA' });
      case 4:
        return random.oneIn(3) ? packet.ping(random.below(4)) : packet.pong(random.below(4));
      default:
        return packet.protocol(random.pick(OTHER_PROTOCOLS), payload(8));
    }
  }

  #arp(vip: Vip): Frame {
    const random = this.#random;
    const mac = this.#mac(vip);
    const isClaim = random.oneIn(3);
    const elsewhere = random.oneIn(4) ? random.pick(vips).address : this.#client(vip);
    const sender = { mac, ip: isClaim ? vip.address : onlyIpv4(elsewhere) };
    const target = { mac: NO_MAC, ip: isClaim && random.oneIn(4) ? '192.0.2.1' : vip.address };
    const operation = random.oneIn(4) ? 'reply' : 'request';
    const to = random.oneIn(3) ? portAt(vip.attachment.port).mac : BROADCAST_MAC;
    return this.#link(vip, to)
      .arp({ operation, sender, target })
      .paddedTo(random.pick([0, 60]));
  }

  #neighbour(vip: Vip): Frame {
    const random = this.#random;
    const target = vip.address;
    const group = solicitedNode(target);
    const isProbe = random.oneIn(4);
    const options = random.pick([
      [],
      [],
      [nonce()],
      [nonce(3), nonce()],
      [sourceLinkLayer(NO_MAC)],
    ]);
    const code = random.oneIn(24) ? 1 : 0;
    const hopLimit = random.oneIn(24) ? 254 : 255;
    if (random.oneIn(3)) {
      const to = random.oneIn(2) ? 'ff02::1' : this.#client(vip);
      const link = this.#link(vip, random.oneIn(2) ? groupMac('ff02::1') : BROADCAST_MAC);
      const mac = random.oneIn(4) ? null : this.#mac(vip);
      const flags = { solicited: random.oneIn(4), override: random.oneIn(2) };
      const packet = link.ipv6({
        from: random.oneIn(2) ? target : this.#client(vip),
        to,
        hopLimit,
      });
      return packet.advertise({ target, mac, code, options, ...flags });
    }
    const from = isProbe ? '::' : this.#client(vip);
    const to = random.oneIn(3) ? target : group;
    const link = this.#link(vip, to === group ? groupMac(group) : undefined);
    const sourceMac = isProbe !== random.oneIn(12) ? null : this.#mac(vip);
    const trailing = random.oneIn(24) ? payload(random.between(1, 8)) : new Uint8Array(0);
    const packet = link.ipv6({ from, to, hopLimit });
    return packet
      .solicit({ target, sourceMac, code, options, trailing })
      .paddedTo(random.pick([0, 0, 100, 300]));
  }
}

const CHUNK_NAMES = Object.keys(CHUNKS) as (keyof typeof CHUNKS)[];
/** IPsec, GRE, IPIP and such, no next header, and the other family's ICMP. */
const OTHER_PROTOCOLS = [4, 41, 47, 50, 51, 59, 89, 103, 1, 58, 0, 60, 44, 255] as const;

function onlyIpv4(address: string): string {
  return address.includes(':') ? '198.51.100.250' : address;
}
