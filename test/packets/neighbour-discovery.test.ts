// SPDX-License-Identifier: Apache-2.0
// Who asks for the VIP by neighbour solicitation (RFC 4861) gets the port's MAC.
import { test } from 'vitest';
import { ALL_NODES, ALL_NODES_MAC, BROADCAST_MAC, groupMac, solicitedNode } from './addresses.ts';
import { PORT_MAC, ROUTER_MAC, vips } from './distributors.ts';
import { hopByHop, fragmentHeader } from './extension-headers.ts';
import { check } from './fixture.ts';
import { nonce, sourceLinkLayer, type SolicitationFields } from './ndp-messages.ts';
import { ethernet, payload } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v6: vip6 } = vips.plain;
const OTHER_MAC = '02:00:00:00:00:99';
const router6 = '2001:db8::1';
const UNSPECIFIED = '::';
const answerTo = (to: string) => ethernet({ from: PORT_MAC, to });

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
    it: 'a solicitation behind an extension header is answered, without that',
    vip: vip6,
    frame: toAskedGroup
      .ipv6({ ...fromRouter, extensions: [hopByHop()] })
      .solicit({ target, sourceMac: ROUTER_MAC }),
    verdict: 'tx_neighbour_advertisement',
    answer: answerTo(ROUTER_MAC).ipv6(toRouter).advertise(solicited),
  },
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
    it: 'a solicitation whose IPv6 header says UDP is none',
    vip: null,
    frame: toAskedGroup.ipv6(fromRouter).protocol(17, payload(32)),
    verdict: 'pass_not_vip',
  },
])('$it', check);

const solicit = (fields: Partial<SolicitationFields> = {}, ip: object = {}) =>
  toAskedGroup.ipv6({ ...fromRouter, ...ip }).solicit({ target, sourceMac: null, ...fields });
const answer = answerTo(ROUTER_MAC).ipv6(toRouter).advertise(solicited);
const CHECKSUM = 40 + 2;

/** RFC 4861, section 7.1.1. */
test.each<PacketRecord>([
  {
    it: 'the option says where the answer goes, not the Ethernet source',
    vip: vip6,
    frame: solicit({ sourceMac: OTHER_MAC }),
    verdict: 'tx_neighbour_advertisement',
    answer: answerTo(OTHER_MAC).ipv6(toRouter).advertise(solicited),
  },
  ...variations([1, 2, 7], (count): PacketRecord => ({
    it: `${count} other options before the link-layer address`,
    vip: vip6,
    frame: solicit({
      options: [...Array.from({ length: count }, () => nonce()), sourceLinkLayer(OTHER_MAC)],
    }),
    verdict: 'tx_neighbour_advertisement',
    answer: answerTo(OTHER_MAC).ipv6(toRouter).advertise(solicited),
  })),
  {
    it: 'a probe with a nonce (RFC 7527)',
    ...{ vip: vip6, frame: solicit({ options: [nonce()] }, probe) },
    verdict: 'tx_neighbour_advertisement',
    answer: answerTo(ALL_NODES_MAC).ipv6(toAllNodes).advertise(unsolicited),
  },
  {
    it: 'options of 224 bytes in all',
    ...{ vip: vip6, frame: solicit({ options: [nonce(20), nonce(8)] }) },
    ...{ verdict: 'tx_neighbour_advertisement', answer },
  },
  {
    it: 'to all nodes, which is a group as well',
    vip: vip6,
    frame: ethernet({ to: ALL_NODES_MAC })
      .ipv6({ ...fromRouter, to: ALL_NODES })
      .solicit({ target, sourceMac: null }),
    ...{ verdict: 'tx_neighbour_advertisement', answer },
  },
  {
    it: 'with a priority tag and another',
    vip: vips.vlan100.v6,
    frame: toAskedGroup.vlan(0).vlan(100).ipv6(fromRouter).solicit({ target, sourceMac: null }),
    verdict: 'tx_neighbour_advertisement',
    answer: answerTo(ROUTER_MAC).vlan(0).vlan(100).ipv6(toRouter).advertise(solicited),
  },
])('valid: $it', check);

const zeroLength = { type: 14, length: 0, bytes: new Uint8Array(6) };
const tooLong = { type: 14, length: 4, bytes: new Uint8Array(6) };
const toVipItself = ethernet().ipv6({ ...probe, to: target });
const bad = [
  { why: 'code 1', frame: solicit({ code: 1 }) },
  { why: 'a wrong checksum', frame: solicit().withNetworkBytes(CHECKSUM, 0xba, 0xad) },
  { why: 'no checksum', frame: solicit().withNetworkBytes(CHECKSUM, 0, 0) },
  { why: 'an option of length 0', frame: solicit({ options: [zeroLength] }) },
  {
    why: 'an option of length 0 behind the link-layer address',
    frame: solicit({ sourceMac: ROUTER_MAC, options: [zeroLength] }),
  },
  { why: 'an option longer than the message', frame: solicit({ options: [tooLong] }) },
  { why: 'options of 264 bytes', frame: solicit({ options: [nonce(31), nonce(2)] }) },
  { why: 'half an option behind the target', frame: solicit({ trailing: payload(4) }) },
  { why: 'a byte behind the target', frame: solicit({ trailing: payload(1) }) },
  { why: 'a probe with a link-layer address', frame: solicit({ sourceMac: ROUTER_MAC }, probe) },
  {
    why: 'a probe with a link-layer address behind a nonce',
    frame: solicit({ options: [nonce(), sourceLinkLayer(ROUTER_MAC)] }, probe),
  },
  { why: 'a probe to the VIP itself', frame: toVipItself.solicit({ target, sourceMac: null }) },
  {
    why: 'a probe to all nodes',
    frame: ethernet({ to: ALL_NODES_MAC })
      .ipv6({ ...probe, to: ALL_NODES })
      .solicit({ target, sourceMac: null }),
  },
  { why: 'a group’s MAC in its option', frame: solicit({ sourceMac: BROADCAST_MAC }) },
];

test.each<PacketRecord>([
  ...variations(bad, ({ why, frame }): PacketRecord => ({
    it: why,
    ...{ vip: vip6, frame, verdict: 'drop_bad_header' },
  })),
  {
    it: 'a wrong checksum to another station is that one’s to judge',
    vip: vip6,
    frame: ethernet({ to: OTHER_MAC })
      .ipv6({ ...fromRouter, to: target })
      .solicit({ target, sourceMac: null })
      .withNetworkBytes(CHECKSUM, 0xba, 0xad),
    verdict: 'pass_other_mac',
  },
  ...variations([8, 16, 23], (payloadLength): PacketRecord => ({
    it: `a payload length of ${payloadLength} has no room for the target: it may be anyone’s`,
    ...{ vip: null, frame: solicit({}, { payloadLength }), verdict: 'pass_not_vip' },
  })),
  {
    it: 'IP version 5 is no IPv6',
    ...{ vip: null, frame: solicit({}, { version: 5 }), verdict: 'pass_not_vip' },
  },
  {
    it: 'a wrong checksum about another address is the host’s to judge',
    vip: null,
    frame: solicit({ target: '2001:db8:1::10' }).withNetworkBytes(CHECKSUM, 0xba, 0xad),
    verdict: 'pass_not_vip',
  },
  {
    it: 'a fragment is none (RFC 6980)',
    vip: null,
    frame: solicit({}, { extensions: [fragmentHeader({ offset: 0, more: true })] }),
    verdict: 'pass_not_vip',
  },
  {
    it: 'a probe to one station, whose answer would go to all',
    vip: vip6,
    frame: ethernet()
      .ipv6({ from: '::', to: solicitedNode(target), hopLimit: 255 })
      .solicit({ target, sourceMac: null }),
    verdict: 'drop_bad_header',
  },
])('not valid: $it', check);
