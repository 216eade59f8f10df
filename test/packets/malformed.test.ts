// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'vitest';
import { BROADCAST_MAC, groupMac, solicitedNode } from './addresses.ts';
import { CLIENT, PORT_MAC, ROUTER_MAC, vips, type Vip } from './distributors.ts';
import { authentication, hopByHop } from './extension-headers.ts';
import { check } from './fixture.ts';
import type { Frame } from './frame.ts';
import { ethernet, fromVip, ipv4, ipv6, NO_MAC, payload } from './packet-builder.ts';
import { variations, type PacketRecord, type Verdict } from './packet-record.ts';

const { v4: vip, v6: vip6 } = vips.plain;
const toVip = { from: CLIENT.v4, to: vip.key.address };
const toVip6 = { from: CLIENT.v6, to: vip6.key.address };
const ack = { flags: 'A', from: 1234, to: 80, payload: payload(12) };
const udp = { from: 1234, to: 53, payload: payload(6) };

describe('headers that contradict themselves', () => {
  test.each<PacketRecord>([
    ...variations([0, 5, 6, 15], (version): PacketRecord => ({
      it: `IPv4 of version ${version}`,
      ...{ vip, frame: ipv4({ ...toVip, version }).tcp(ack) },
      verdict: 'drop_bad_header',
    })),
    ...variations([0, 4, 7, 15], (version): PacketRecord => ({
      it: `IPv6 of version ${version}`,
      ...{ vip: vip6, frame: ipv6({ ...toVip6, version }).tcp(ack) },
      verdict: 'drop_bad_header',
    })),
    ...variations([0, 1, 4], (ihl): PacketRecord => ({
      it: `IHL ${ihl}`,
      ...{ vip, frame: ipv4({ ...toVip, ihl }).tcp(ack) },
      verdict: 'drop_bad_header',
    })),
    ...variations([0, 19], (totalLength): PacketRecord => ({
      it: `total length ${totalLength}, less than the header`,
      ...{ vip, frame: ipv4({ ...toVip, totalLength }).tcp(ack) },
      verdict: 'drop_bad_header',
    })),
    {
      it: 'total length 20, less than the header with its options',
      ...{ vip, frame: ipv4({ ...toVip, totalLength: 20, options: payload(8) }).tcp(ack) },
      verdict: 'drop_bad_header',
    },
    ...variations([20, 39], (totalLength): PacketRecord => ({
      it: `total length ${totalLength} leaves no room for TCP`,
      ...{ vip, frame: ipv4({ ...toVip, totalLength }).tcp(ack) },
      verdict: 'drop_truncated',
    })),
    ...variations([20, 27], (totalLength): PacketRecord => ({
      it: `total length ${totalLength} leaves no room for UDP`,
      ...{ vip, frame: ipv4({ ...toVip, totalLength }).udp(udp) },
      verdict: 'drop_truncated',
    })),
    ...variations([20, 27], (totalLength): PacketRecord => ({
      it: `total length ${totalLength} leaves no room for ICMP`,
      ...{ vip, frame: ipv4({ ...toVip, totalLength }).ping(1) },
      verdict: 'drop_truncated',
    })),
    ...variations([0, 19], (payloadLength): PacketRecord => ({
      it: `payload length ${payloadLength} leaves no room for TCP`,
      ...{ vip: vip6, frame: ipv6({ ...toVip6, payloadLength }).tcp(ack) },
      verdict: 'drop_truncated',
    })),
    ...variations([0, 7], (payloadLength): PacketRecord => ({
      it: `payload length ${payloadLength} leaves no room for UDP`,
      ...{ vip: vip6, frame: ipv6({ ...toVip6, payloadLength }).udp(udp) },
      verdict: 'drop_truncated',
    })),
    {
      it: 'payload length 7 leaves no room for ICMPv6',
      ...{ vip: vip6, frame: ipv6({ ...toVip6, payloadLength: 7 }).ping(1) },
      verdict: 'drop_truncated',
    },
    {
      it: 'IHL 15 behind the end of the frame',
      ...{
        vip,
        frame: ipv4({ ...toVip, ihl: 15, totalLength: 60 }).tcp({ ...ack, payload: payload(0) }),
      },
      verdict: 'drop_truncated',
    },
    ...variations([40, 41], (totalLength): PacketRecord => ({
      it: `total length ${totalLength}, less than the frame: the rest is padding`,
      ...{ vip, frame: ipv4({ ...toVip, totalLength }).tcp(ack) },
      verdict: 'tx_settled',
    })),
    ...variations([60, 100, 0xffff], (totalLength): PacketRecord => ({
      it: `total length ${totalLength}, more than the frame`,
      ...{ vip, frame: ipv4({ ...toVip, totalLength }).tcp(ack) },
      verdict: 'drop_truncated',
    })),
    {
      it: 'an IPv4-mapped source, which could be taken for the IPv4 client',
      ...{ vip: vip6, frame: ipv6({ ...toVip6, from: `::ffff:${CLIENT.v4}` }).tcp(ack) },
      verdict: 'drop_bad_header',
    },
    {
      it: 'payload length 0xffff, more than the frame',
      ...{ vip: vip6, frame: ipv6({ ...toVip6, payloadLength: 0xffff }).tcp(ack) },
      verdict: 'drop_truncated',
    },
  ])('$it', check);
});

/** A frame that is cut off at every length from an Ethernet header on: only whole ones go on. */
interface Cut {
  readonly name: string;
  readonly vip: Vip;
  readonly frame: Frame;
  /** Length from which on the address can be read. */
  readonly addressed: number;
  readonly verdict: Verdict;
  readonly answer?: Frame;
}

const arpRequest = ethernet({ to: BROADCAST_MAC }).arp({
  operation: 'request',
  sender: { mac: ROUTER_MAC, ip: '192.0.2.1' },
  target: { mac: NO_MAC, ip: vip.key.address },
});
const arpReply = ethernet({ from: PORT_MAC, to: ROUTER_MAC }).arp({
  operation: 'reply',
  sender: { mac: PORT_MAC, ip: vip.key.address },
  target: { mac: ROUTER_MAC, ip: '192.0.2.1' },
});
const target = vip6.key.address;
const solicit = ethernet({ to: groupMac(solicitedNode(target)) })
  .ipv6({ from: '2001:db8::1', to: solicitedNode(target), hopLimit: 255 })
  .solicit({ target, sourceMac: ROUTER_MAC });
const advertise = ethernet({ from: PORT_MAC, to: ROUTER_MAC })
  .ipv6({ from: target, to: '2001:db8::1', hopLimit: 255 })
  .advertise({ target, mac: PORT_MAC, solicited: true, override: true });

const cuts: readonly Cut[] = [
  {
    ...{ name: 'IPv4 TCP', vip, frame: ipv4(toVip).tcp(ack) },
    ...{ addressed: 34, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv4 TCP with options', vip },
    frame: ipv4({ ...toVip, options: payload(8) }).tcp(ack),
    ...{ addressed: 34, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv6 TCP', vip: vip6, frame: ipv6(toVip6).tcp(ack) },
    ...{ addressed: 54, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv4 UDP', vip, frame: ipv4(toVip).udp(udp) },
    ...{ addressed: 34, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv6 UDP', vip: vip6, frame: ipv6(toVip6).udp(udp) },
    ...{ addressed: 54, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv6 UDP behind two tags', vip: vips.qinq.v6 },
    frame: ethernet().vlan(100).vlan(200).ipv6(toVip6).udp(udp),
    ...{ addressed: 62, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv4 ping', vip, frame: ipv4(toVip).ping(1) },
    ...{ addressed: 34, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv6 ping', vip: vip6, frame: ipv6(toVip6).ping(1) },
    ...{ addressed: 54, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv4 SCTP', vip, frame: ipv4(toVip).sctp({ chunk: 'DATA', from: 1, to: 2 }) },
    ...{ addressed: 34, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv6 TCP behind extension headers', vip: vip6 },
    frame: ipv6({ ...toVip6, extensions: [hopByHop(), authentication()] }).tcp(ack),
    ...{ addressed: 54, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv4 fragment', vip },
    frame: ipv4({ ...toVip, fragment: { offset: 0, length: 8 } }).udp(udp),
    ...{ addressed: 34, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv6 fragment', vip: vip6 },
    frame: ipv6({ ...toVip6, fragment: { offset: 8 } }).udp(udp),
    ...{ addressed: 54, verdict: 'tx_settled' },
  },
  {
    ...{ name: 'IPv4 ICMP error', vip },
    frame: ipv4(toVip).icmpError({ type: 3, about: fromVip(vip).udp(udp).headerAnd(8) }),
    ...{ addressed: 34, verdict: 'tx_icmp_error' },
  },
  {
    ...{ name: 'IPv6 ICMP error', vip: vip6 },
    frame: ipv6(toVip6).icmpError({ type: 2, about: fromVip(vip6).udp(udp).headerAnd(8) }),
    ...{ addressed: 54, verdict: 'tx_icmp_error' },
  },
  {
    ...{ name: 'ARP request', vip, frame: arpRequest, answer: arpReply },
    ...{ addressed: 42, verdict: 'tx_arp_reply' },
  },
  {
    ...{ name: 'solicitation', vip: vip6, frame: solicit, answer: advertise },
    ...{ addressed: 78, verdict: 'tx_neighbour_advertisement' },
  },
];

describe.each(cuts)('$name cut off', (cut) => {
  const SHORTEST = 14; // The kernel runs no program on less.
  const lengths = Array.from({ length: cut.frame.length - SHORTEST + 1 }, (_, i) => SHORTEST + i);
  test.each<PacketRecord>(
    lengths.map((length) => ({
      it: `at ${length}`,
      vip: length < cut.addressed ? null : cut.vip,
      frame: cut.frame.truncatedTo(length),
      ...(length < cut.addressed
        ? { verdict: 'pass_not_vip' }
        : length < cut.frame.length
          ? { verdict: 'drop_truncated' }
          : { verdict: cut.verdict, ...(cut.answer && { answer: cut.answer }) }),
    })),
  )('$it', check);
});
