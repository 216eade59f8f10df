// SPDX-License-Identifier: Apache-2.0
// Who asks for the VIP by ARP (RFC 826) gets the port's MAC.
import { test } from 'vitest';
import { BROADCAST_MAC } from './addresses.ts';
import { PORT_MAC, ROUTER_MAC, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ethernet, NO_MAC, type ArpFields } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v4: vip } = vips.plain;
const OTHER_MAC = '02:00:00:00:00:99';
const router = { mac: ROUTER_MAC, ip: '192.0.2.1' };

const whoHas = (ip: string, sender = router): ArpFields => ({
  ...{ operation: 'request', sender },
  target: { mac: NO_MAC, ip },
});
const isAt = (target = router): ArpFields => ({
  ...{ operation: 'reply', target },
  sender: { mac: PORT_MAC, ip: vip.key.address },
});
const request = whoHas(vip.key.address);
const toAll = ethernet({ to: BROADCAST_MAC });
const answerTo = (to: string) => ethernet({ from: PORT_MAC, to });

test.each<PacketRecord>([
  {
    it: 'a broadcast request is answered',
    ...{ vip, frame: toAll.arp(request), verdict: 'tx_arp_reply' },
    answer: answerTo(ROUTER_MAC).arp(isAt()),
  },
  {
    it: 'a unicast request is answered',
    ...{ vip, frame: ethernet().arp(request), verdict: 'tx_arp_reply' },
    answer: answerTo(ROUTER_MAC).arp(isAt()),
  },
  {
    it: 'a request that names a target MAC is answered with the true one',
    vip,
    frame: ethernet().arp({ ...request, target: { mac: OTHER_MAC, ip: vip.key.address } }),
    verdict: 'tx_arp_reply',
    answer: answerTo(ROUTER_MAC).arp(isAt()),
  },
  {
    it: 'a probe (RFC 5227: sender 0.0.0.0) is answered',
    vip,
    frame: toAll.arp(whoHas(vip.key.address, { mac: ROUTER_MAC, ip: '0.0.0.0' })),
    verdict: 'tx_arp_reply',
    answer: answerTo(ROUTER_MAC).arp(isAt({ mac: ROUTER_MAC, ip: '0.0.0.0' })),
  },
  {
    it: 'a request by way of a proxy goes back to the frame’s sender, about the ARP sender',
    vip,
    frame: ethernet({ to: BROADCAST_MAC, from: OTHER_MAC }).arp(request),
    verdict: 'tx_arp_reply',
    answer: answerTo(OTHER_MAC).arp(isAt()),
  },
  {
    it: 'a request from a group MAC is not answered to that group',
    vip,
    frame: ethernet({ to: BROADCAST_MAC, from: BROADCAST_MAC }).arp(request),
    verdict: 'drop_bad_header',
  },
  {
    it: 'padding of a request comes back',
    ...{ vip, frame: toAll.arp(request).paddedTo(60), verdict: 'tx_arp_reply' },
    answer: answerTo(ROUTER_MAC).arp(isAt()).paddedTo(60),
  },
  {
    it: 'a reply to the VIP is left to the host',
    vip,
    frame: ethernet().arp({
      operation: 'reply',
      sender: router,
      target: { mac: PORT_MAC, ip: vip.key.address },
    }),
    verdict: 'pass_not_request',
  },
  {
    it: 'a request to another station passes',
    ...{ vip, frame: ethernet({ to: OTHER_MAC }).arp(request), verdict: 'pass_other_mac' },
  },
  {
    it: 'a request for another address passes',
    ...{ vip: null, frame: toAll.arp(whoHas('192.0.2.200')), verdict: 'pass_not_vip' },
  },
  {
    it: 'a request for a VIP of another port passes',
    vip: null,
    frame: toAll.arp(whoHas(vips.elsewhere.v4.key.address)),
    verdict: 'pass_not_vip',
  },
  ...variations(
    [
      { hardwareType: 6 },
      { protocolType: 0x86dd },
      { hardwareLength: 8 },
      { hardwareLength: 0 },
      { protocolLength: 16 },
    ],
    (malformed): PacketRecord => ({
      it: `a request of ${Object.entries(malformed).join()} passes`,
      vip: null,
      frame: toAll.arp({ ...request, ...malformed }),
      verdict: 'pass_not_vip',
    }),
  ),
  ...variations([0, 3, 8], (operation): PacketRecord => ({
    it: `operation ${operation} passes`,
    vip,
    frame: toAll.arp(request).withNetworkBytes(6, 0, operation),
    verdict: 'pass_not_request',
  })),
  {
    it: 'a tagged request is answered with its tag',
    vip: vips.vlan100.v4,
    frame: toAll.vlan(100, { priority: 5 }).arp(request),
    verdict: 'tx_arp_reply',
    answer: answerTo(ROUTER_MAC).vlan(100, { priority: 5 }).arp(isAt()),
  },
  {
    it: 'a request with a priority tag and another is answered with both',
    vip: vips.vlan100.v4,
    frame: toAll.vlan(0, { priority: 5 }).vlan(100).arp(request),
    verdict: 'tx_arp_reply',
    answer: answerTo(ROUTER_MAC).vlan(0, { priority: 5 }).vlan(100).arp(isAt()),
  },
  {
    it: 'a request with two tags is answered with both',
    vip: vips.qinq.v4,
    frame: toAll.vlan(100, { type: 0x88a8 }).vlan(200).arp(request),
    verdict: 'tx_arp_reply',
    answer: answerTo(ROUTER_MAC).vlan(100, { type: 0x88a8 }).vlan(200).arp(isAt()),
  },
  {
    it: 'a request with a tag that no VIP has passes',
    ...{ vip: null, frame: toAll.vlan(101).arp(request), verdict: 'pass_not_vip' },
  },
])('$it', check);
