// SPDX-License-Identifier: Apache-2.0
// The frames that the generator sends, and where in them it counts.
import { BROADCAST_MAC } from '../test/packets/addresses.ts';
import { PORT_MAC, ROUTER_MAC } from '../test/packets/distributors.ts';
import { ethernet, ipv4, ipv6, NO_MAC, payload } from '../test/packets/packet-builder.ts';

export type Family = 4 | 6;

/** As many bytes as generator.h has room for. */
const FRAME_BYTES = 96;

/** Offsets in bytes of the low 32 bits of both addresses. */
const offsets = { 4: { source: 26, destination: 30 }, 6: { source: 34, destination: 50 } } as const;
/** Of the target in an ARP packet, and of the sender. */
const arpOffsets = { source: 28, destination: 38 } as const;

/** The first client; the others count up from it. */
const CLIENT = { 4: '11.0.0.0', 6: '2001:db8:c::' } as const;
/** The first VIP; the others count up from it. */
export const VIP = { 4: '10.0.0.1', 6: '2001:db8::1' } as const;
const ELSEWHERE = { 4: '192.0.2.1', 6: '2001:db8:e::1' } as const;

export interface GeneratedFrame {
  readonly hex: string;
  readonly sourceAt: number;
  readonly vipAt: number;
}

const tcp = { from: 40_000, to: 80 };
const kinds = {
  TCP: (link: Link) => link.tcp({ ...tcp, flags: 'A' }),
  'TCP SYN': (link: Link) => link.tcp({ ...tcp, flags: 'S' }),
  UDP: (link: Link) => link.udp(tcp),
  'ICMP echo': (link: Link) => link.ping(7),
} as const;
type Link = ReturnType<typeof ipv4> | ReturnType<typeof ipv6>;

/** To a VIP, but for the last two. */
export type PacketKind = keyof typeof kinds | 'fragment' | 'ARP or NS' | 'not for a VIP';
export const packetKinds: readonly PacketKind[] = [
  ...(Object.keys(kinds) as (keyof typeof kinds)[]),
  'fragment',
  'ARP or NS',
  'not for a VIP',
];

export function frameOf(kind: PacketKind, family: Family): GeneratedFrame {
  const { source, destination } =
    kind === 'ARP or NS' && family === 4 ? arpOffsets : offsets[family];
  const { bytes } = build(kind, family);
  const padded = new Uint8Array(FRAME_BYTES);
  padded.set(bytes);
  return { hex: Buffer.from(padded).toString('hex'), sourceAt: source, vipAt: destination };
}

function build(kind: PacketKind, family: Family) {
  const link = (to: string, more = {}) =>
    family === 4 ? ipv4({ from: CLIENT[4], to, ...more }) : ipv6({ from: CLIENT[6], to, ...more });
  switch (kind) {
    case 'fragment':
      return link(VIP[family], { fragment: { offset: 8, length: 16 } }).udp({
        ...tcp,
        payload: payload(32),
      });
    case 'not for a VIP':
      return link(ELSEWHERE[family]).tcp({ ...tcp, flags: 'A' });
    case 'ARP or NS':
      return family === 4 ? arpRequest() : neighbourSolicitation();
    case 'TCP':
    case 'TCP SYN':
    case 'UDP':
    case 'ICMP echo':
      return kinds[kind](link(VIP[family]));
  }
}

function arpRequest() {
  return ethernet({ to: BROADCAST_MAC }).arp({
    operation: 'request',
    sender: { mac: ROUTER_MAC, ip: CLIENT[4] },
    target: { mac: NO_MAC, ip: VIP[4] },
  });
}

/** To the VIP itself, as a neighbour is asked whether it is still there. */
function neighbourSolicitation() {
  return ethernet({ to: PORT_MAC })
    .ipv6({ from: CLIENT[6], to: VIP[6], hopLimit: 255 })
    .solicit({ target: VIP[6], sourceMac: ROUTER_MAC });
}
