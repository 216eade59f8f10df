// SPDX-License-Identifier: Apache-2.0
// What no VIP is concerned in is the host's, before anything else about it is judged.
import { describe, test } from 'vitest';
import { BROADCAST_MAC } from './addresses.ts';
import { CLIENT, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ethernet, ipv4, ipv6, payload } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v4: vip, v6: vip6 } = vips.plain;
const OTHER_STATION = '02:00:00:00:00:99';
const host4 = { from: CLIENT.v4, to: '192.0.2.200' };
const host6 = { from: CLIENT.v6, to: '2001:db8::200' };
const syn = { flags: 'S', from: 1234, to: 80 };

describe('for no VIP', () => {
  const vip = null;
  const verdict = 'pass_not_vip';
  test.each<PacketRecord>([
    { it: 'IPv4 TCP', vip, frame: ipv4(host4).tcp(syn), verdict },
    { it: 'IPv6 TCP', vip, frame: ipv6(host6).tcp(syn), verdict },
    { it: 'IPv4 UDP', vip, frame: ipv4(host4).udp({ from: 1, to: 2 }), verdict },
    { it: 'IPv4 ping', vip, frame: ipv4(host4).ping(1), verdict },
    { it: 'IPv6 ping', vip, frame: ipv6(host6).ping(1), verdict },
    {
      it: 'an ICMP error',
      ...{ vip, verdict },
      frame: ipv4(host4).icmpError({ type: 3, about: ipv4(host4).tcp(syn) }),
    },
    { it: 'TTL 1', vip, frame: ipv4({ ...host4, ttl: 1 }).tcp(syn), verdict },
    { it: 'hop limit 1', vip, frame: ipv6({ ...host6, hopLimit: 1 }).tcp(syn), verdict },
    { it: 'IHL 2', vip, frame: ipv4({ ...host4, ihl: 2 }).tcp(syn), verdict },
    { it: 'IPv4 version 7', vip, frame: ipv4({ ...host4, version: 7 }).tcp(syn), verdict },
    {
      it: 'a fragment',
      ...{ vip, verdict },
      frame: ipv4({ ...host4, fragment: { offset: 8, more: true } }).udp({ from: 1, to: 2 }),
    },
    { it: 'half a TCP header', vip, frame: ipv4(host4).tcp(syn).truncatedTo(40), verdict },
    {
      it: 'a packet from the VIP',
      ...{ vip, verdict },
      frame: ipv4({ from: vips.plain.v4.key.address, to: CLIENT.v4 }).tcp(syn),
    },
    {
      it: 'a packet to a VIP of another port',
      ...{ vip, verdict },
      frame: ipv4({ from: CLIENT.v4, to: vips.elsewhere.v4.key.address }).tcp(syn),
    },
    {
      it: 'a packet to an IPv6 VIP of another port',
      ...{ vip, verdict },
      frame: ipv6({ from: CLIENT.v6, to: vips.elsewhere.v6.key.address }).tcp(syn),
    },
    {
      it: 'IPv6 to the IPv4-mapped form of a VIP',
      ...{ vip, verdict },
      frame: ipv6({ ...host6, to: `::ffff:${vips.plain.v4.key.address}` }).tcp(syn),
    },
    { it: 'a broadcast', vip, frame: ipv4({ ...host4, to: '255.255.255.255' }).tcp(syn), verdict },
    ...variations([0x88cc, 0x8847, 0x0000, 0x05dc, 0xffff], (etherType): PacketRecord => ({
      it: `EtherType 0x${etherType.toString(16)}`,
      ...{ vip, verdict },
      frame: ethernet().carrying(etherType, payload(46)),
    })),
  ])('$it', check);
});

describe('for another station', () => {
  const verdict = 'pass_other_mac';
  test.each<PacketRecord>([
    ...variations([OTHER_STATION, BROADCAST_MAC, '01:00:5e:00:00:01'], (to): PacketRecord => ({
      it: `IPv4 to ${to}`,
      ...{ vip, verdict },
      frame: ethernet({ to }).ipv4({ from: CLIENT.v4, to: vip.key.address }).tcp(syn),
    })),
    ...variations([OTHER_STATION, BROADCAST_MAC, '33:33:00:00:00:01'], (to): PacketRecord => ({
      it: `IPv6 to ${to}`,
      ...{ vip: vip6, verdict },
      frame: ethernet({ to }).ipv6({ from: CLIENT.v6, to: vip6.key.address }).tcp(syn),
    })),
    ...variations([0, 1, 2, 3, 4, 5], (octet): PacketRecord => ({
      it: `a MAC that differs in octet ${octet}`,
      ...{ vip, verdict },
      frame: ethernet({ to: portMacBut(octet) })
        .ipv4({ from: CLIENT.v4, to: vip.key.address })
        .tcp(syn),
    })),
    {
      it: 'a broken header is no matter there',
      ...{ vip, verdict },
      frame: ethernet({ to: OTHER_STATION })
        .ipv4({ from: CLIENT.v4, to: vip.key.address, ihl: 2, ttl: 0 })
        .tcp(syn),
    },
  ])('$it', check);
});

function portMacBut(octet: number): string {
  return ['02', '00', '00', '00', '00', 'fe'].with(octet, '44').join(':');
}
