// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'vitest';
import { CLIENT, owner, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ethernet, ipv4, ipv6 } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v4: vip, v6: vip6 } = vips.plain;
const { v4: byPort, v6: byPort6 } = vips.byPort;
const { first, second } = owner;
const unsettled = { current: first, previous: second };

const to4 = ipv4({ from: CLIENT.v4, to: vip.key.address });
const to6 = ipv6({ from: CLIENT.v6, to: vip6.key.address });
/** What an amphora sent to the client, and a router on the way could not deliver. */
const reply4 = ipv4({ from: vip.key.address, to: CLIENT.v4 }).tcp({
  ...{ flags: 'A', from: 80, to: 1234 },
});
const reply6 = ipv6({ from: vip6.key.address, to: CLIENT.v6 }).tcp({
  ...{ flags: 'A', from: 80, to: 1234 },
});

const TIMESTAMP_REQUEST = 13;
const ECHO_REPLY = 0;
const ECHO_REPLY_V6 = 129;
const NEIGHBOUR_SOLICITATION = 135;
const DESTINATION_UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;

describe('messages that are no errors', () => {
  test.each<PacketRecord>([
    { it: 'IPv4 echo request', vip, frame: to4.ping(7), verdict: 'tx_settled' },
    { it: 'IPv6 echo request', vip: vip6, frame: to6.ping(7), verdict: 'tx_settled' },
    ...variations([ECHO_REPLY, TIMESTAMP_REQUEST], (type): PacketRecord => ({
      it: `IPv4 type ${type} goes by source IP`,
      vip,
      frame: to4.icmp({ type, identifier: 7 }),
      verdict: 'tx_settled',
    })),
    {
      it: 'IPv6 echo reply goes by source IP',
      vip: vip6,
      frame: to6.icmp({ type: ECHO_REPLY_V6, identifier: 7 }),
      verdict: 'tx_settled',
    },
    ...variations([7, 8, 9], (identifier): PacketRecord => ({
      it: `by port: echo request ${identifier} goes by source IP all the same`,
      vip: byPort,
      frame: ipv4({ from: CLIENT.v4, to: byPort.key.address }).ping(identifier),
      verdict: 'tx_settled',
    })),
    {
      it: 'by port: IPv6 echo request goes by source IP all the same',
      vip: byPort6,
      frame: ipv6({ from: CLIENT.v6, to: byPort6.key.address }).ping(7),
      verdict: 'tx_settled',
    },
    {
      it: 'a routed solicitation to the VIP itself is the host’s to judge',
      vip: vip6,
      frame: ethernet()
        .ipv6({ from: CLIENT.v6, to: vip6.key.address, hopLimit: 64 })
        .solicit({ target: vip6.key.address, sourceMac: null }),
      verdict: 'pass_not_request',
    },
    ...variations([133, 134, 136, 137], (type): PacketRecord => ({
      it: `NDP message ${type} to the VIP is the host’s to judge`,
      ...{ vip: vip6, frame: to6.protocol(58, Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0)) },
      verdict: 'pass_not_request',
    })),
    {
      it: `an ICMPv6 message in IPv4 is an unknown protocol`,
      vip,
      frame: to4.protocol(58, Uint8Array.of(NEIGHBOUR_SOLICITATION, 0, 0, 0)),
      verdict: 'tx_settled',
    },
    {
      it: `an ICMPv4 error in IPv6 is an unknown protocol`,
      vip: vip6,
      frame: to6.protocol(1, Uint8Array.of(DESTINATION_UNREACHABLE, 0, 0, 0)),
      verdict: 'tx_settled',
    },
    {
      it: 'an echo reply has no entry of the identifier, but one of the addresses',
      ...{ vip, frame: to4.icmp({ type: ECHO_REPLY, identifier: 7 }), slot: unsettled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
  ])('$it', check);
});

describe('errors name their connection inside only', () => {
  test.each<PacketRecord>([
    ...variations([DESTINATION_UNREACHABLE, 4, 5, 11, 12], (type): PacketRecord => ({
      it: `IPv4 type ${type}`,
      vip,
      frame: to4.icmpError({ type, about: reply4 }),
      verdict: 'drop_icmp_error',
    })),
    ...variations([1, PACKET_TOO_BIG, 3, 4, 127], (type): PacketRecord => ({
      it: `IPv6 type ${type}`,
      vip: vip6,
      frame: to6.icmpError({ type, about: reply6 }),
      verdict: 'drop_icmp_error',
    })),
    {
      it: 'fragmentation needed, in an unsettled slot',
      vip,
      frame: to4.icmpError({
        type: DESTINATION_UNREACHABLE,
        code: FRAGMENTATION_NEEDED,
        about: reply4,
      }),
      slot: unsettled,
      verdict: 'drop_icmp_error',
    },
    {
      it: 'packet too big, in an unsettled slot',
      vip: vip6,
      frame: to6.icmpError({ type: PACKET_TOO_BIG, about: reply6 }),
      slot: unsettled,
      verdict: 'drop_icmp_error',
    },
    {
      it: 'an error that ends before its embedded packet',
      vip,
      frame: to4.icmpError({ type: 11, about: reply4 }).truncatedTo(42),
      verdict: 'drop_truncated',
    },
  ])('$it', check);
});
