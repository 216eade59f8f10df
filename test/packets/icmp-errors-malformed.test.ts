// SPDX-License-Identifier: Apache-2.0
// Errors that name no connection of the VIP, or not all of it.
import { describe, test } from 'vitest';
import { CLIENT, owner, vips } from './distributors.ts';
import { authentication, destinationOptions, hopByHop } from './extension-headers.ts';
import { check } from './fixture.ts';
import type { Frame } from './frame.ts';
import { fromVip, payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second } = owner;
const unsettled = { current: first, previous: second };
const families = ['v4', 'v6'] as const;
const ROUTER = { v4: '203.0.113.1', v6: '2001:db8:f::1' } as const;
const OTHER_HOST = { v4: '192.0.2.200', v6: '2001:db8::200' } as const;
const OTHER_FAMILY = { v4: 'v6', v6: 'v4' } as const;
const UNREACHABLE = { v4: 3, v6: 1 } as const;
const ERRORS = { v4: [3, 4, 5, 11, 12], v6: [0, 1, 2, 127] } as const;
const ACK = { flags: 'A', from: 80, to: 1234 };
const GRE = 47;
const FIRST = { fragment: { offset: 0, length: 64 } };
const MORE = { fragment: { offset: 64, length: 64 } };

describe.each(families)('IP%s', (family) => {
  const vip = vips.plain[family];
  const type = UNREACHABLE[family];
  const errorAbout = (about: Frame, fields = {}) =>
    toVip(vip, { from: ROUTER[family], ...fields }).icmpError({ type, about });
  const reply = fromVip(vip);
  const tcp = reply.tcp(ACK);
  const verdict = 'drop_icmp_error';
  test.each<PacketRecord>([
    {
      it: 'about a packet of another host',
      ...{ vip, frame: errorAbout(fromVip(vip, { from: OTHER_HOST[family] }).tcp(ACK)), verdict },
    },
    {
      it: 'about a packet of another distributor’s VIP',
      ...{ vip, frame: errorAbout(fromVip(vips.byPort[family]).tcp(ACK)), verdict },
    },
    {
      it: 'about a packet to the VIP',
      ...{ vip, frame: errorAbout(toVip(vip).tcp(ACK)), verdict },
    },
    {
      it: 'about a packet of the other family’s VIP',
      ...{ vip, frame: errorAbout(fromVip(vips.plain[OTHER_FAMILY[family]]).tcp(ACK)), verdict },
    },
    ...variations(ERRORS[family], (embedded): PacketRecord => ({
      it: `about an error of type ${embedded}`,
      ...{ vip, frame: errorAbout(reply.icmpError({ type: embedded, about: tcp })), verdict },
    })),
    {
      it: 'about an error of which only the header came back',
      ...{ vip, frame: errorAbout(reply.icmpError({ type, about: tcp }).headerAnd(8)), verdict },
    },
    {
      it: 'about an error, in an unsettled slot',
      ...{ vip, frame: errorAbout(reply.icmpError({ type, about: tcp })), slot: unsettled },
      verdict,
    },
    ...variations([0, 5, 15], (version): PacketRecord => ({
      it: `about a packet of IP version ${version}`,
      ...{ vip, frame: errorAbout(fromVip(vip, { version }).tcp(ACK)), verdict },
    })),
    {
      it: 'itself a fragment, the first one',
      vip,
      frame: errorAbout(tcp, { fragment: { offset: 0, more: true } }),
      verdict,
    },
    {
      it: 'itself a fragment, the first one, in an unsettled slot',
      ...{ vip, frame: errorAbout(tcp, { fragment: { offset: 0, more: true } }) },
      ...{ slot: unsettled, verdict },
    },
    {
      it: 'itself a later fragment: goes by its own source',
      vip,
      frame: errorAbout(reply.udp({ from: 53, to: 1234, payload: payload(200) }), MORE),
      verdict: 'tx_settled',
    },
    {
      it: 'itself a later fragment, in an unsettled slot: its first left nothing',
      vip,
      frame: errorAbout(reply.udp({ from: 53, to: 1234, payload: payload(200) }), MORE),
      slot: unsettled,
      after: [
        errorAbout(reply.udp({ from: 53, to: 1234, payload: payload(200) }), {
          fragment: { offset: 0, length: 64 },
        }),
      ],
      verdict: 'drop_fragment',
    },
  ])('$it', check);

  const later = fromVip(vip, MORE).udp({ from: 53, to: 1234, payload: payload(200) });
  const { [family]: byPort } = vips.byPort;
  test.each<PacketRecord>([
    { it: 'settled, by source IP', vip, frame: errorAbout(later), verdict: 'tx_icmp_error' },
    { it: 'unsettled', vip, frame: errorAbout(later), slot: unsettled, verdict },
    {
      it: 'unsettled, within the learning window',
      ...{ vip, frame: errorAbout(later), slot: unsettled, learning: 5, verdict },
    },
    {
      it: 'unsettled, while the client sends a datagram of the same number',
      ...{ vip, frame: errorAbout(later), slot: unsettled, verdict },
      after: [toVip(vip, FIRST).udp({ from: 1234, to: 53, payload: payload(200) })],
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'by port',
      vip: byPort,
      frame: toVip(byPort, { from: ROUTER[family] }).icmpError({
        type,
        about: fromVip(byPort, MORE).udp({ from: 53, to: 1234, payload: payload(200) }),
      }),
      verdict,
    },
    {
      it: 'by port, of a protocol without ports',
      vip: byPort,
      frame: toVip(byPort, { from: ROUTER[family] }).icmpError({
        ...{ type, about: fromVip(byPort, MORE).protocol(GRE, payload(200)) },
      }),
      verdict: 'tx_icmp_error',
    },
  ])('about a later fragment, which has no ports: $it', check);
});

/** What came back of an embedded packet: nothing short of what names its connection will do. */
interface Embedded {
  readonly kind: string;
  readonly family: (typeof families)[number];
  readonly frame: Frame;
  /** Bytes of the packet. */
  readonly enough: number;
}
const { v4, v6 } = vips.plain;
const extended = fromVip(v6, {
  extensions: [hopByHop(), authentication(), destinationOptions({ length: 16 })],
});
const embedded: readonly Embedded[] = [
  { kind: 'IPv4 TCP', family: 'v4', frame: fromVip(v4).tcp(ACK), enough: 24 },
  {
    ...{ kind: 'IPv4 TCP with options', family: 'v4', enough: 32 },
    frame: fromVip(v4, { options: payload(8) }).tcp(ACK),
  },
  { kind: 'IPv4 echo reply', family: 'v4', frame: fromVip(v4).pong(7), enough: 28 },
  { kind: 'IPv6 UDP', family: 'v6', frame: fromVip(v6).udp({ from: 53, to: 9 }), enough: 44 },
  { kind: 'IPv6 echo reply', family: 'v6', frame: fromVip(v6).pong(7), enough: 48 },
  {
    ...{ kind: 'IPv6 TCP with extension headers', family: 'v6', enough: 92 },
    frame: extended.tcp(ACK),
  },
];

describe.each(embedded)('embedded $kind cut', ({ family, frame, enough }) => {
  const lengths = Array.from({ length: enough + 3 }, (_, length) => length);
  test.each<PacketRecord>(
    variations(lengths, (length): PacketRecord => ({
      it: `to ${length} bytes`,
      vip: vips.plain[family],
      frame: toVip(vips.plain[family], { from: ROUTER[family] }).icmpError({
        type: UNREACHABLE[family],
        about: frame.truncatedTo(frame.layout.networkOffset + length),
      }),
      verdict: length < enough ? 'drop_truncated' : 'tx_icmp_error',
    })),
  )('$it', check);
});

describe('lengths that lie', () => {
  const tcp = fromVip(v4).tcp(ACK);
  const tcp6 = fromVip(v6).tcp(ACK);
  const verdict = 'drop_truncated';
  test.each<PacketRecord>([
    {
      it: 'the total length leaves the embedded ports to the padding',
      ...{
        vip: v4,
        frame: toVip(v4, { totalLength: 20 + 8 + 23 }).icmpError({ type: 3, about: tcp }),
      },
      verdict,
    },
    {
      it: 'the payload length leaves the embedded ports to the padding',
      ...{
        vip: v6,
        frame: toVip(v6, { payloadLength: 8 + 43 }).icmpError({ type: 1, about: tcp6 }),
      },
      verdict,
    },
    {
      it: 'the embedded IHL leads behind the end',
      vip: v4,
      frame: toVip(v4).icmpError({ type: 3, about: fromVip(v4, { ihl: 15 }).tcp(ACK) }),
      verdict,
    },
    ...variations([0, 4], (ihl): PacketRecord => ({
      it: `an embedded IHL of ${ihl} is no header`,
      vip: v4,
      frame: toVip(v4).icmpError({ type: 3, about: fromVip(v4, { ihl }).tcp(ACK) }),
      verdict: 'drop_icmp_error',
    })),
    {
      it: 'an embedded total length of more than came back is usual',
      vip: v4,
      frame: toVip(v4).icmpError({ type: 3, about: fromVip(v4, { totalLength: 1500 }).tcp(ACK) }),
      verdict: 'tx_icmp_error',
    },
    {
      it: 'an embedded extension header leads behind the end',
      vip: v6,
      frame: toVip(v6).icmpError({
        type: 1,
        about: fromVip(v6, { extensions: [hopByHop({ lengthField: 200 })] }).tcp(ACK),
      }),
      verdict,
    },
    ...variations([8, 9], (count): PacketRecord => ({
      it: `${count} embedded extension headers`,
      vip: v6,
      frame: toVip(v6).icmpError({
        type: 1,
        about: fromVip(v6, {
          extensions: Array.from({ length: count }, () => destinationOptions()),
        }).tcp(ACK),
      }),
      verdict: count === 8 ? 'tx_icmp_error' : 'drop_icmp_error',
    })),
    {
      it: 'an IPv4-mapped client, which could be taken for the IPv4 one',
      vip: v6,
      frame: toVip(v6).icmpError({
        ...{ type: 1, about: fromVip(v6, { to: `::ffff:${CLIENT.v4}` }).tcp(ACK) },
      }),
      verdict: 'drop_icmp_error',
    },
  ])('$it', check);
});
