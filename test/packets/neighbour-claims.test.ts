// SPDX-License-Identifier: Apache-2.0
// Another station advertises the VIP as its own: the program says once a second that it is not.
import { test } from 'vitest';
import { ALL_NODES, ALL_NODES_MAC, BROADCAST_MAC, groupMac, solicitedNode } from './addresses.ts';
import { concat, macBytes } from './bytes.ts';
import { PORT_MAC, vips, type Vip } from './distributors.ts';
import { check } from './fixture.ts';
import { destinationOptions } from './extension-headers.ts';
import { nonce } from './ndp-messages.ts';
import { ethernet } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v6: vip6 } = vips.plain;
const THIEF = '02:00:00:00:00:66';
const OTHER_STATION = '02:00:00:00:00:99';
const UNSPECIFIED = '::';
const defended = { verdict: 'tx_vip_defended', claimedBy: THIEF } as const;

const target = vip6.key.address;
const advertised = { target, solicited: false, override: true };
const fromThief6 = ethernet({ to: ALL_NODES_MAC, from: THIEF });
const toAllNodes = { from: target, to: ALL_NODES, hopLimit: 255 };
const link = { ...toAllNodes, from: 'fe80::66' };
const claim6 = fromThief6.ipv6(link).advertise({ ...advertised, mac: THIEF });
const toAll6 = ethernet({ to: ALL_NODES_MAC, from: PORT_MAC });
const answer6 = toAll6.ipv6(toAllNodes).advertise({ ...advertised, mac: PORT_MAC });
const group = solicitedNode(target);
const ROUTER = '2001:db8::1';
/** A source link-layer address option. */
const thiefsAddress = concat(Uint8Array.of(1, 1), macBytes(THIEF));
const routerSolicitation = { type: 133, sequence: 0 } as const;
const askingFrom = (from: string) => fromThief6.ipv6({ from, to: ALL_NODES, hopLimit: 255 });

const claimed = (to: Vip, header: ReturnType<typeof ethernet>) =>
  header.ipv6({ ...link, from: to.key.address }).advertise({ ...advertised, mac: THIEF });
test.each<PacketRecord>([
  { it: 'to all nodes', vip: vip6, frame: claim6, ...defended, answer: answer6 },
  ...variations([true, false], (override): PacketRecord => ({
    it: `with${override ? '' : 'out'} override`,
    vip: vip6,
    frame: fromThief6.ipv6(link).advertise({ ...advertised, override, mac: THIEF }),
    ...{ ...defended, answer: answer6 },
  })),
  {
    it: 'behind an extension header',
    vip: vip6,
    frame: fromThief6
      .ipv6({ ...link, extensions: [destinationOptions()] })
      .advertise({ ...advertised, mac: THIEF }),
    ...{ ...defended, answer: answer6 },
  },
  {
    it: 'by a solicitation for another address, from the VIP',
    vip: vip6,
    frame: askingFrom(target).solicit({ target: ROUTER, sourceMac: THIEF }),
    ...{ ...defended, answer: answer6 },
  },
  {
    it: 'by a router solicitation from the VIP',
    vip: vip6,
    frame: askingFrom(target).icmp({ ...routerSolicitation, payload: thiefsAddress }),
    ...{ ...defended, answer: answer6 },
  },
  {
    it: 'a solicitation from the VIP that says no MAC claims nothing',
    vip: vip6,
    frame: askingFrom(target).solicit({ target: ROUTER, sourceMac: null }),
    verdict: 'pass_not_request',
  },
  {
    it: 'our own solicitation from the VIP claims nothing',
    vip: vip6,
    frame: askingFrom(target).solicit({ target: ROUTER, sourceMac: PORT_MAC }),
    verdict: 'pass_not_request',
  },
  {
    it: 'a router solicitation from another address is the host’s',
    vip: null,
    frame: askingFrom(ROUTER).icmp({ ...routerSolicitation, payload: thiefsAddress }),
    verdict: 'pass_not_vip',
  },
  {
    it: 'from the VIP itself',
    ...{ vip: vip6, frame: claimed(vip6, fromThief6), ...defended, answer: answer6 },
  },
  {
    it: 'without the option: the Ethernet source claims',
    ...{ vip: vip6, frame: fromThief6.ipv6(link).advertise({ ...advertised, mac: null }) },
    ...{ ...defended, answer: answer6 },
  },
  {
    it: 'the option counts, not the Ethernet source',
    vip: vip6,
    frame: ethernet({ to: ALL_NODES_MAC, from: OTHER_STATION })
      .ipv6(link)
      .advertise({ ...advertised, mac: THIEF }),
    ...{ ...defended, answer: answer6 },
  },
  {
    it: 'with another option',
    vip: vip6,
    frame: fromThief6.ipv6(link).advertise({ ...advertised, mac: THIEF, options: [nonce()] }),
    ...{ ...defended, answer: answer6 },
  },
  ...variations([PORT_MAC, OTHER_STATION], (to): PacketRecord => ({
    it: `solicited, to ${to} alone`,
    vip: vip6,
    frame: ethernet({ to, from: THIEF })
      .ipv6({ ...link, to: '2001:db8::1' })
      .advertise({ ...advertised, solicited: true, mac: THIEF }),
    ...{ ...defended, answer: answer6 },
  })),
  {
    it: 'to the VIP itself',
    vip: vip6,
    frame: ethernet({ from: THIEF })
      .ipv6({ ...link, to: target })
      .advertise({ ...advertised, solicited: true, mac: THIEF }),
    ...{ ...defended, answer: answer6 },
  },
  {
    it: 'padding does not come back',
    ...{ vip: vip6, frame: claim6.paddedTo(120), ...defended, answer: answer6 },
  },
  {
    it: 'a tag comes back',
    vip: vips.vlan100.v6,
    frame: claimed(vips.vlan100.v6, fromThief6.vlan(100, { priority: 5 })),
    ...defended,
    answer: toAll6
      .vlan(100, { priority: 5 })
      .ipv6(toAllNodes)
      .advertise({ ...advertised, mac: PORT_MAC }),
  },
  {
    it: 'again at once: the host may see it',
    ...{ vip: vip6, frame: claim6, after: [claim6] },
    ...{ verdict: 'pass_vip_claimed', claimedBy: THIEF },
  },
])('$it', check);

const invalid = (fields: object, ip: object = link) =>
  fromThief6.ipv6({ ...link, ...ip }).advertise({ ...advertised, mac: THIEF, ...fields });
const zeroLength = { options: [{ type: 14, length: 0, bytes: new Uint8Array(6) }] };
test.each<PacketRecord>([
  {
    it: 'our own, which came back',
    ...{ vip: vip6, frame: answer6, verdict: 'pass_not_request' },
  },
  {
    it: 'our own, without the option',
    vip: vip6,
    frame: toAll6.ipv6(toAllNodes).advertise({ ...advertised, mac: null }),
    verdict: 'pass_not_request',
  },
  ...variations(
    [
      { why: 'code 1', frame: invalid({ code: 1 }) },
      { why: 'a wrong checksum', frame: claim6.withNetworkBytes(42, 0xba, 0xad) },
      { why: 'an option of length 0', frame: invalid(zeroLength) },
      { why: 'half an option', frame: invalid({ trailing: Uint8Array.of(1, 1, 0, 0) }) },
      { why: 'solicited, yet to all', frame: invalid({ solicited: true }) },
      { why: 'from a group', frame: invalid({}, { from: ALL_NODES }) },
      { why: 'a group’s MAC', frame: invalid({ mac: BROADCAST_MAC }) },
    ],
    ({ why, frame }): PacketRecord => ({
      it: `not valid (RFC 4861, section 7.1.2): ${why}`,
      ...{ vip: vip6, frame, verdict: 'drop_bad_header' },
    }),
  ),
  ...variations(
    [
      { why: 'a router passed it on', frame: invalid({}, { hopLimit: 254 }) },
      { why: 'another target', frame: invalid({ target: '2001:db8::200' }) },
      {
        why: 'a target of another port',
        frame: invalid({ target: vips.elsewhere.v6.key.address }),
      },
      {
        why: 'another target and a wrong checksum',
        frame: invalid({ target: '2001:db8::200' }).withNetworkBytes(42, 0xba, 0xad),
      },
    ],
    ({ why, frame }): PacketRecord => ({
      it: why,
      ...{ vip: null, frame, verdict: 'pass_not_vip' },
    }),
  ),
  {
    it: 'a probe for duplicates (RFC 4862): it is answered as ever',
    vip: vip6,
    frame: ethernet({ to: groupMac(group), from: THIEF })
      .ipv6({ from: UNSPECIFIED, to: group, hopLimit: 255 })
      .solicit({ target, sourceMac: null }),
    ...{ verdict: 'tx_neighbour_advertisement', answer: answer6 },
  },
])('no claim: $it', check);
