// SPDX-License-Identifier: Apache-2.0
// IPv6 extension headers are walked to the protocol that makes the flow.
import { describe, test } from 'vitest';
import { owner, SETTLED, vips } from './distributors.ts';
import {
  authentication,
  destinationOptions,
  fragmentHeader,
  hopByHop,
  routing,
  type Extension,
} from './extension-headers.ts';
import { check } from './fixture.ts';
import { payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { v6: vip } = vips.plain;
const { v6: byPort } = vips.byPort;
const { first, second, third } = owner;
const settled = { current: first, previous: SETTLED };
const unsettled = { current: first, previous: second };
const ESP = 50;
const NO_NEXT_HEADER = 59;
const MOBILITY = 135;
const SYN = { flags: 'S', from: 1234, to: 80 };
const ACK = { ...SYN, flags: 'A' };
const udp = { from: 1234, to: 53, payload: payload(200) };
const behind = (...extensions: readonly Extension[]) => toVip(vip, { extensions });
const byPortBehind = (...extensions: readonly Extension[]) => toVip(byPort, { extensions });
const times = (count: number) => Array.from({ length: count }, () => destinationOptions());

const chains = [
  { chain: 'hop-by-hop', extensions: [hopByHop()] },
  { chain: 'routing', extensions: [routing({ length: 24 })] },
  { chain: 'destination options', extensions: [destinationOptions({ length: 2048 })] },
  { chain: 'authentication', extensions: [authentication()] },
  { chain: 'authentication of 1028 bytes', extensions: [authentication({ length: 1028 })] },
  { chain: 'an atomic fragment', extensions: [fragmentHeader()] },
  {
    chain: 'all in the order of RFC 8200',
    extensions: [
      ...[hopByHop({ length: 16 }), destinationOptions(), routing({ length: 40 })],
      ...[fragmentHeader(), authentication(), destinationOptions({ length: 24 })],
    ],
  },
  { chain: 'the most there may be', extensions: times(8) },
  { chain: 'two atomic fragments', extensions: [fragmentHeader(), fragmentHeader({ offset: 0 })] },
];

describe.each(chains)('behind $chain', ({ extensions }) => {
  const plain = behind(...extensions);
  const ports = byPortBehind(...extensions);
  test.each<PacketRecord>([
    {
      it: 'SYN is a new flow',
      ...{ vip, frame: plain.tcp(SYN), verdict: 'tx_settled', newFlow: true },
    },
    { it: 'by port: UDP', vip: byPort, frame: ports.udp(udp), verdict: 'tx_settled' },
    {
      it: 'unsettled: ACK of a flow with an entry',
      ...{ vip, frame: plain.tcp(ACK), slot: unsettled, entry: { owner: third, age: 9 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'unsettled: SCTP INIT starts',
      ...{ vip, frame: plain.sctp({ chunk: 'INIT', from: 1, to: 2 }), slot: unsettled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'unsettled: a ping has its identifier',
      ...{ vip, frame: plain.ping(7), slot: unsettled, entry: { owner: third, age: 9 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    ...variations([ESP, NO_NEXT_HEADER, MOBILITY, 253], (protocol): PacketRecord => ({
      it: `unsettled: protocol ${protocol} has no ports`,
      ...{ vip, frame: plain.protocol(protocol, payload(12)), slot: unsettled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    })),
    {
      it: 'half a TCP header',
      vip,
      frame: plain.protocol(6, payload(10)),
      verdict: 'drop_truncated',
    },
    {
      it: 'a neighbour solicitation is the host’s',
      ...{ vip, frame: plain.icmp({ type: 135 }), verdict: 'pass_not_request' },
    },
  ])('$it', check);
});

describe('chains that are too long', () => {
  const verdict = 'drop_extension_headers';
  test.each<PacketRecord>([
    { it: '9', vip, frame: behind(...times(9)).tcp(ACK), verdict },
    {
      it: '9, before a protocol without ports',
      vip,
      frame: behind(...times(9)).protocol(ESP, payload(8)),
      verdict,
    },
    {
      it: '9, the last an atomic fragment',
      vip,
      frame: behind(...times(8), fragmentHeader()).tcp(ACK),
      verdict,
    },
    { it: '40', vip, frame: behind(...times(40)).tcp(ACK), verdict },
    {
      it: '9, before a fragment that goes by its source',
      vip,
      frame: toVip(vip, { extensions: times(8), fragment: { offset: 64 } }).udp(udp),
      verdict,
    },
    {
      it: '9, in an unsettled slot',
      ...{ vip, frame: behind(...times(9)).tcp(SYN), slot: unsettled },
      verdict,
    },
    {
      it: 'a fragment of a fragment',
      vip,
      frame: behind(
        fragmentHeader({ offset: 0, more: true }),
        fragmentHeader({ offset: 0, length: 64 }),
      ).udp(udp),
      verdict,
    },
    {
      it: 'a later fragment within a first one',
      vip,
      frame: behind(
        fragmentHeader({ offset: 0, more: true }),
        fragmentHeader({ offset: 64, length: 64 }),
      ).udp(udp),
      slot: unsettled,
      verdict,
    },
  ])('$it', check);
});

describe('chains that lead behind the end', () => {
  const verdict = 'drop_truncated';
  const lying = [
    { what: 'hop-by-hop', extension: hopByHop({ lengthField: 255 }) },
    { what: 'routing', extension: routing({ lengthField: 30 }) },
    { what: 'destination options', extension: destinationOptions({ lengthField: 4 }) },
    { what: 'authentication', extension: authentication({ lengthField: 20 }) },
  ];
  test.each<PacketRecord>([
    ...variations(lying, ({ what, extension }): PacketRecord => ({
      it: `${what} longer than the packet`,
      ...{ vip, frame: behind(extension).tcp(ACK), verdict },
    })),
    ...variations(lying, ({ what, extension }): PacketRecord => ({
      it: `${what} longer than the packet, the frame padded to its end`,
      ...{ vip, frame: behind(extension).tcp(ACK).paddedTo(2200), verdict },
    })),
    ...variations([0, 4, 7], (payloadLength): PacketRecord => ({
      it: `a payload length of ${payloadLength} leaves no room for the header that it announces`,
      ...{ vip, frame: toVip(vip, { extensions: [hopByHop()], payloadLength }).tcp(ACK), verdict },
    })),
    {
      it: 'a payload length that ends within TCP',
      vip,
      frame: toVip(vip, { extensions: [hopByHop()], payloadLength: 27 }).tcp(ACK),
      verdict,
    },
    {
      it: 'an ESP packet of no bytes is whole',
      ...{ vip, frame: behind(hopByHop()).protocol(ESP, payload(0)), verdict: 'tx_settled' },
    },
  ])('$it', check);
});

describe('fragments with extension headers', () => {
  const start = { offset: 0, length: 64 };
  const middle = { offset: 64, length: 64 };
  const cutShort = fragmentHeader({ offset: 0, length: 16 });
  test.each<PacketRecord>([
    {
      it: 'by port: first, extension headers on both sides of the fragment header',
      vip: byPort,
      frame: byPortBehind(hopByHop(), fragmentHeader(start), destinationOptions()).udp(udp),
      ...{ verdict: 'tx_settled', datagramAfter: { age: 0 } },
    },
    {
      it: 'by port: middle, whose protocol only the first knows',
      vip: byPort,
      frame: byPortBehind(hopByHop(), fragmentHeader(middle), destinationOptions()).udp(udp),
      ...{ datagram: { age: 5 }, verdict: 'tx_settled' },
    },
    {
      it: 'by port: middle of a ping, whose protocol only the first would know',
      vip: byPort,
      frame: byPortBehind(fragmentHeader(middle), destinationOptions()).ping(7, payload(200)),
      verdict: 'drop_fragment',
    },
    {
      it: 'by port: middle behind extension headers, of a ping',
      vip: byPort,
      frame: byPortBehind(destinationOptions(), fragmentHeader(middle)).ping(7, payload(200)),
      verdict: 'tx_settled',
    },
    {
      it: 'unsettled: first, then middle',
      vip,
      frame: behind(fragmentHeader(middle), destinationOptions()).udp(udp),
      after: [behind(fragmentHeader(start), destinationOptions()).udp(udp)],
      ...{ slot: unsettled, verdict: 'tx_pinned', to: first },
      entryAfter: { owner: first, age: 0, confirmed: true },
      datagramAfter: { age: 0 },
    },
    {
      it: 'unsettled: the first ends before its ports',
      vip,
      frame: behind(cutShort, destinationOptions({ length: 16 })).udp(udp),
      ...{ slot: unsettled, verdict: 'drop_tiny_fragment' },
    },
    {
      it: 'unsettled: the first ends within its extension headers (RFC 7112)',
      vip,
      frame: behind(cutShort, destinationOptions({ length: 24 })).udp(udp),
      ...{ slot: unsettled, verdict: 'drop_tiny_fragment' },
    },
    {
      it: 'by port: the first ends within its extension headers',
      vip: byPort,
      frame: byPortBehind(cutShort, destinationOptions({ length: 24 })).udp(udp),
      verdict: 'drop_tiny_fragment',
    },
    {
      it: 'settled: the first ends within its extension headers, and goes with the rest',
      vip,
      frame: behind(cutShort, destinationOptions({ length: 24 })).udp(udp),
      ...{ slot: settled, verdict: 'tx_settled', to: first },
    },
    {
      it: 'an atomic fragment leaves nothing, and finds nothing',
      vip: byPort,
      frame: byPortBehind(fragmentHeader()).udp(udp),
      datagram: { age: 5, sourcePort: 1, destinationPort: 2 },
      verdict: 'tx_settled',
    },
    {
      it: 'an atomic fragment too short for TCP is truncated',
      ...{ vip, frame: behind(fragmentHeader()).protocol(6, payload(16)), slot: unsettled },
      verdict: 'drop_truncated',
    },
    {
      it: 'settled: any goes with the rest',
      vip,
      frame: behind(fragmentHeader(middle), destinationOptions()).udp(udp),
      ...{ slot: settled, verdict: 'tx_settled', to: first },
    },
  ])('$it', check);
});

describe('IPv4 has none', () => {
  const { v4 } = vips.plain;
  test.each<PacketRecord>(
    variations([0, 43, 44, 50, 51, 60], (protocol): PacketRecord => ({
      it: `protocol ${protocol} has no ports`,
      ...{ vip: v4, frame: toVip(v4).protocol(protocol, payload(4)), slot: unsettled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    })),
  )('$it', check);
});
