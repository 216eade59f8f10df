// SPDX-License-Identifier: Apache-2.0
// Another station says by ARP that the VIP is its own: the program says once a second that it is not.
import { test } from 'vitest';
import { ALL_NODES, ALL_NODES_MAC, BROADCAST_MAC } from './addresses.ts';
import { PORT_MAC, ROUTER_MAC, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ethernet, NO_MAC, type ArpFields } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v4: vip, v6: vip6 } = vips.plain;
const THIEF = '02:00:00:00:00:66';
const OTHER_THIEF = '02:00:00:00:00:67';
const OTHER_STATION = '02:00:00:00:00:99';
const ip = vip.key.address;
const router = { mac: ROUTER_MAC, ip: '192.0.2.1' };
const thief = { mac: THIEF, ip };

const claims: Record<string, ArpFields> = {
  'a gratuitous request': { operation: 'request', sender: thief, target: { mac: NO_MAC, ip } },
  'a gratuitous reply': { operation: 'reply', sender: thief, target: thief },
  'a reply to the router': { operation: 'reply', sender: thief, target: router },
  'a reply to the VIP’s own station': {
    ...{ operation: 'reply', sender: thief, target: { mac: PORT_MAC, ip } },
  },
  'a request for another host': { operation: 'request', sender: thief, target: router },
  'a request for another VIP': {
    ...{ operation: 'request', sender: thief },
    target: { mac: NO_MAC, ip: vips.byPort.v4.key.address },
  },
};
const gratuitous = { operation: 'request', sender: thief, target: { mac: NO_MAC, ip } } as const;
const fromThief = ethernet({ to: BROADCAST_MAC, from: THIEF });
const announcement: ArpFields = {
  ...{ operation: 'request', sender: { mac: PORT_MAC, ip } },
  target: { mac: NO_MAC, ip },
};
const toAll = ethernet({ to: BROADCAST_MAC, from: PORT_MAC });
const defended = { verdict: 'tx_vip_defended', claimedBy: THIEF } as const;
const answer = toAll.arp(announcement);
const claim6 = ethernet({ to: ALL_NODES_MAC, from: THIEF })
  .ipv6({ from: 'fe80::66', to: ALL_NODES, hopLimit: 255 })
  .advertise({ target: vip6.key.address, mac: THIEF, solicited: false, override: true });

test.each<PacketRecord>([
  ...variations(Object.entries(claims), ([what, fields]): PacketRecord => ({
    it: `${what} is answered to all`,
    ...{ vip, frame: fromThief.arp(fields), ...defended, answer },
  })),
  ...variations([PORT_MAC, ROUTER_MAC, OTHER_STATION], (to): PacketRecord => ({
    it: `sent to ${to} alone`,
    ...{ vip, frame: ethernet({ to, from: THIEF }).arp(gratuitous), ...defended, answer },
  })),
  {
    it: 'from another Ethernet source than it says',
    vip,
    frame: ethernet({ to: BROADCAST_MAC, from: OTHER_STATION }).arp(gratuitous),
    ...{ ...defended, answer },
  },
  ...variations([3, 8, 0], (operation): PacketRecord => ({
    it: `operation ${operation} claims as well`,
    vip,
    frame: fromThief.arp(gratuitous).withNetworkBytes(6, 0, operation),
    ...{ ...defended, answer },
  })),
  {
    it: 'padding comes back',
    ...{ vip, frame: fromThief.arp(gratuitous).paddedTo(60), ...defended },
    answer: answer.paddedTo(60),
  },
  {
    it: 'a tag comes back',
    vip: vips.vlan100.v4,
    frame: fromThief.vlan(100, { priority: 5 }).arp(gratuitous),
    ...{ ...defended, answer: toAll.vlan(100, { priority: 5 }).arp(announcement) },
  },
  {
    it: 'two tags come back',
    vip: vips.qinq.v4,
    frame: fromThief.vlan(100, { type: 0x88a8 }).vlan(200).arp(gratuitous),
    ...{ ...defended, answer: toAll.vlan(100, { type: 0x88a8 }).vlan(200).arp(announcement) },
  },
  {
    it: 'again at once: the host may see it',
    ...{ vip, frame: fromThief.arp(gratuitous), after: [fromThief.arp(gratuitous)] },
    ...{ verdict: 'pass_vip_claimed', claimedBy: THIEF },
  },
  {
    it: 'by a second station at once: the host may see it',
    vip,
    frame: fromThief.arp({ ...gratuitous, sender: { mac: OTHER_THIEF, ip } }),
    after: [fromThief.arp(gratuitous)],
    ...{ verdict: 'pass_vip_claimed', claimedBy: OTHER_THIEF },
  },
  {
    it: 'of the IPv4 address, though the IPv6 one was claimed just now',
    ...{ vip, frame: fromThief.arp(gratuitous), after: [claim6], ...defended, answer },
  },
  {
    it: 'of this VIP, though another was claimed just now',
    vip: vips.byPort.v4,
    frame: fromThief.arp({
      ...gratuitous,
      sender: { mac: THIEF, ip: vips.byPort.v4.key.address },
    }),
    after: [fromThief.arp(gratuitous)],
    ...defended,
    answer: toAll.arp({
      operation: 'request',
      sender: { mac: PORT_MAC, ip: vips.byPort.v4.key.address },
      target: { mac: NO_MAC, ip: vips.byPort.v4.key.address },
    }),
  },
])('$it', check);

const verdict = 'pass_not_request';
test.each<PacketRecord>([
  {
    it: 'our own announcement, which came back',
    ...{ vip, frame: toAll.arp(announcement), verdict },
  },
  {
    it: 'our own announcement by way of a proxy',
    ...{ vip, frame: ethernet({ to: BROADCAST_MAC }).arp(announcement), verdict },
  },
  {
    it: 'our own reply',
    vip,
    frame: toAll.arp({ ...announcement, operation: 'reply' }),
    verdict,
  },
  {
    it: 'a request of the VIP’s own station for another host',
    vip,
    frame: toAll.arp({ ...announcement, target: { mac: NO_MAC, ip: router.ip } }),
    verdict,
  },
  {
    it: 'a claim of another address',
    vip: null,
    frame: fromThief.arp({
      ...gratuitous,
      ...{
        sender: { mac: THIEF, ip: '192.0.2.200' },
        target: { mac: NO_MAC, ip: '192.0.2.200' },
      },
    }),
    verdict: 'pass_not_vip',
  },
  {
    it: 'a claim on a tag that no VIP has',
    ...{ vip: null, frame: fromThief.vlan(101).arp(gratuitous), verdict: 'pass_not_vip' },
  },
  {
    it: 'a claim of another hardware',
    ...{ vip: null, frame: fromThief.arp({ ...gratuitous, hardwareType: 6 }) },
    verdict: 'pass_not_vip',
  },
  {
    it: 'a claim that is cut off',
    ...{ vip: null, frame: fromThief.arp(gratuitous).truncatedTo(41), verdict: 'pass_not_vip' },
  },
  {
    it: 'a probe (RFC 5227): it is answered as ever',
    vip,
    frame: fromThief.arp({ ...gratuitous, sender: { mac: THIEF, ip: '0.0.0.0' } }),
    verdict: 'tx_arp_reply',
    answer: ethernet({ to: THIEF, from: PORT_MAC }).arp({
      operation: 'reply',
      sender: { mac: PORT_MAC, ip },
      target: { mac: THIEF, ip: '0.0.0.0' },
    }),
  },
])('no claim: $it', check);
