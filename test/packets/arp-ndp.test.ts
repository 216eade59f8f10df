// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'vitest';
import { ALL_NODES, ALL_NODES_MAC, BROADCAST_MAC, groupMac, solicitedNode } from './addresses.ts';
import { PORT_MAC, ROUTER_MAC, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ethernet, NO_MAC, payload, type ArpFields } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v4: vip, v6: vip6 } = vips.plain;
const OTHER_MAC = '02:00:00:00:00:99';
const router = { mac: ROUTER_MAC, ip: '192.0.2.1' };
const router6 = '2001:db8::1';
const UNSPECIFIED = '::';

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

describe('ARP', () => {
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
      it: 'a gratuitous request of another host is left to the host',
      vip,
      frame: toAll.arp(whoHas(vip.key.address, { mac: OTHER_MAC, ip: vip.key.address })),
      verdict: 'pass_not_request',
    },
    {
      it: 'a gratuitous reply of another host is left to the host',
      vip,
      frame: toAll.arp({
        operation: 'reply',
        sender: { mac: OTHER_MAC, ip: vip.key.address },
        target: { mac: OTHER_MAC, ip: vip.key.address },
      }),
      verdict: 'pass_not_request',
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
      it: 'a request from the VIP for another address passes',
      vip: null,
      frame: toAll.arp(whoHas('192.0.2.1', { mac: OTHER_MAC, ip: vip.key.address })),
      verdict: 'pass_not_vip',
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
});

const target = vip6.key.address;
const asked = solicitedNode(target);
const toAskedGroup = ethernet({ to: groupMac(asked) });
/** RFC 4861, section 7.1.1. */
const HOP_LIMIT = 255;
const fromRouter = { from: router6, to: asked, hopLimit: HOP_LIMIT };
const probe = { ...fromRouter, from: UNSPECIFIED };
const advertised = { target, mac: PORT_MAC, override: true };
const solicited = { ...advertised, solicited: true };
const unsolicited = { ...advertised, solicited: false };
const toRouter = { from: target, to: router6, hopLimit: HOP_LIMIT };
const toAllNodes = { from: target, to: ALL_NODES, hopLimit: HOP_LIMIT };

describe('NDP', () => {
  test.each<PacketRecord>([
    ...variations([ROUTER_MAC, null], (sourceMac): PacketRecord => ({
      it: `a multicast solicitation with${sourceMac === null ? 'out' : ''} an option is answered`,
      vip: vip6,
      frame: toAskedGroup.ipv6(fromRouter).solicit({ target, sourceMac }),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ROUTER_MAC).ipv6(toRouter).advertise(solicited),
    })),
    ...variations([ROUTER_MAC, null], (sourceMac): PacketRecord => ({
      it: `a unicast solicitation with${sourceMac === null ? 'out' : ''} an option is answered`,
      vip: vip6,
      frame: ethernet()
        .ipv6({ ...fromRouter, to: target })
        .solicit({ target, sourceMac }),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ROUTER_MAC).ipv6(toRouter).advertise(solicited),
    })),
    {
      it: 'a solicitation from a link-local address is answered to it',
      vip: vip6,
      frame: toAskedGroup
        .ipv6({ ...fromRouter, from: 'fe80::1' })
        .solicit({ target, sourceMac: ROUTER_MAC }),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ROUTER_MAC)
        .ipv6({ ...toRouter, to: 'fe80::1' })
        .advertise(solicited),
    },
    {
      it: 'a solicitation from a group MAC is not answered to that group',
      vip: vip6,
      frame: ethernet({ to: groupMac(asked), from: BROADCAST_MAC })
        .ipv6(fromRouter)
        .solicit({ target, sourceMac: ROUTER_MAC }),
      verdict: 'drop_bad_header',
    },
    {
      it: 'a solicitation from a multicast address is not answered to that group',
      vip: vip6,
      frame: toAskedGroup.ipv6({ ...fromRouter, from: ALL_NODES }).solicit({
        target,
        sourceMac: ROUTER_MAC,
      }),
      verdict: 'drop_bad_header',
    },
    {
      it: 'a probe for duplicates (RFC 4862: unspecified source) is answered to all nodes',
      vip: vip6,
      frame: toAskedGroup.ipv6(probe).solicit({ target, sourceMac: null }),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ALL_NODES_MAC).ipv6(toAllNodes).advertise(unsolicited),
    },
    {
      it: 'padding behind a solicitation does not come back',
      vip: vip6,
      frame: toAskedGroup.ipv6(fromRouter).solicit({ target, sourceMac: null }).paddedTo(120),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ROUTER_MAC).ipv6(toRouter).advertise(solicited),
    },
    ...variations([ROUTER_MAC, null], (sourceMac): PacketRecord => ({
      it: `a tagged solicitation with${sourceMac === null ? 'out' : ''} an option is answered with its tag`,
      vip: vips.vlan100.v6,
      frame: toAskedGroup.vlan(100).ipv6(fromRouter).solicit({ target, sourceMac }),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ROUTER_MAC).vlan(100).ipv6(toRouter).advertise(solicited),
    })),
    ...variations([ROUTER_MAC, null], (sourceMac): PacketRecord => ({
      it: `a solicitation with two tags and with${sourceMac === null ? 'out' : ''} an option is answered with both`,
      vip: vips.qinq.v6,
      frame: toAskedGroup
        .vlan(100, { type: 0x88a8 })
        .vlan(200)
        .ipv6(fromRouter)
        .solicit({ target, sourceMac }),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ROUTER_MAC)
        .vlan(100, { type: 0x88a8 })
        .vlan(200)
        .ipv6(toRouter)
        .advertise(solicited),
    })),
    {
      it: 'a tagged probe for duplicates is answered with its tag',
      vip: vips.vlan100.v6,
      frame: toAskedGroup.vlan(100).ipv6(probe).solicit({ target, sourceMac: null }),
      verdict: 'tx_neighbour_advertisement',
      answer: answerTo(ALL_NODES_MAC).vlan(100).ipv6(toAllNodes).advertise(unsolicited),
    },
    ...variations([0, 1, 64, 254], (hopLimit): PacketRecord => ({
      it: `hop limit ${hopLimit} proves a router on the way: passes`,
      vip: null,
      frame: toAskedGroup.ipv6({ ...fromRouter, hopLimit }).solicit({ target, sourceMac: null }),
      verdict: 'pass_not_vip',
    })),
    {
      it: 'a solicitation of code 1 is none',
      vip: null,
      frame: toAskedGroup.ipv6(fromRouter).solicit({ target, sourceMac: null, code: 1 }),
      verdict: 'pass_not_vip',
    },
    {
      it: 'a solicitation for another address of the same group passes',
      vip: null,
      frame: toAskedGroup
        .ipv6(fromRouter)
        .solicit({ target: '2001:db8:1::10', sourceMac: ROUTER_MAC }),
      verdict: 'pass_not_vip',
    },
    {
      it: 'a solicitation for a VIP of another port passes',
      vip: null,
      frame: ethernet({ to: ALL_NODES_MAC })
        .ipv6(fromRouter)
        .solicit({ target: vips.elsewhere.v6.key.address, sourceMac: ROUTER_MAC }),
      verdict: 'pass_not_vip',
    },
    {
      it: 'a solicitation to another station passes',
      vip: vip6,
      frame: ethernet({ to: OTHER_MAC })
        .ipv6({ ...fromRouter, to: target })
        .solicit({ target, sourceMac: ROUTER_MAC }),
      verdict: 'pass_other_mac',
    },
    {
      it: 'an advertisement about the VIP by another host is left to the host',
      vip: null,
      frame: ethernet({ to: ALL_NODES_MAC, from: OTHER_MAC })
        .ipv6({ from: 'fe80::99', to: ALL_NODES, hopLimit: HOP_LIMIT })
        .advertise({ target, mac: OTHER_MAC, solicited: false, override: true }),
      verdict: 'pass_not_vip',
    },
    {
      it: 'a solicitation whose IPv6 header says UDP is none',
      vip: null,
      frame: toAskedGroup.ipv6(fromRouter).protocol(17, payload(32)),
      verdict: 'pass_not_vip',
    },
  ])('$it', check);
});
