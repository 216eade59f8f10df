// SPDX-License-Identifier: Apache-2.0
// ICMP messages that are no errors: of the client itself, like any packet.
import { test } from 'vitest';
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
const TIMESTAMP_REQUEST = 13;
const ECHO_REPLY = 0;
const ECHO_REPLY_V6 = 129;
const NEIGHBOUR_SOLICITATION = 135;
const DESTINATION_UNREACHABLE = 3;

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
