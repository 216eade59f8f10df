// SPDX-License-Identifier: Apache-2.0
// An error goes where the connection goes that it is about, and changes nothing of it.
import { describe, test } from 'vitest';
import {
  GENERATION,
  OTHER_IDLE,
  owner,
  SETTLED,
  TCP_IDLE,
  vips,
  type Vip,
} from './distributors.ts';
import { destinationOptions, hopByHop, routing } from './extension-headers.ts';
import { check } from './fixture.ts';
import type { Frame } from './frame.ts';
import { fromVip, payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third, vacant, none, gone } = owner;
const unsettled = { current: first, previous: second };
const families = ['v4', 'v6'] as const;
const ROUTER = { v4: '203.0.113.1', v6: '2001:db8:f::1' } as const;
const TYPES = { v4: [3, 4, 5, 11, 12], v6: [0, 1, 2, 3, 4, 100, 127] } as const;
const UNREACHABLE = { v4: 3, v6: 1 } as const;
const SYN_ACK = { flags: 'SA', from: 80, to: 1234 };
const GRE = 47;
const ESP = 50;

describe.each(families)('settled, IP%s', (family) => {
  const vip = vips.plain[family];
  const fromRouter = (fields = {}) => toVip(vip, { from: ROUTER[family], ...fields });
  const type = UNREACHABLE[family];
  const errorAbout = (about: Frame) => fromRouter().icmpError({ type, about });
  const reply = fromVip(vip);
  const tcp = reply.tcp({ ...SYN_ACK, payload: payload(30) });
  const kinds = [
    { kind: 'TCP', about: tcp },
    { kind: 'UDP', about: reply.udp({ from: 53, to: 1234, payload: payload(30) }) },
    { kind: 'SCTP', about: reply.sctp({ chunk: 'DATA', from: 80, to: 1234 }) },
    { kind: 'an echo reply', about: reply.pong(7) },
    { kind: 'an echo request of the amphora', about: reply.ping(7) },
    { kind: 'a neighbour advertisement’s type', about: reply.icmp({ type: 136 }) },
    { kind: 'GRE', about: reply.protocol(GRE, payload(20)) },
    { kind: 'ESP', about: reply.protocol(ESP, payload(20)) },
  ];
  const verdict = 'tx_icmp_error';
  test.each<PacketRecord>([
    ...variations(TYPES[family], (type): PacketRecord => ({
      it: `type ${type}`,
      ...{ vip, frame: fromRouter().icmpError({ type, about: tcp }), verdict },
    })),
    ...variations(kinds, ({ kind, about }): PacketRecord => ({
      it: `about ${kind}`,
      ...{ vip, frame: errorAbout(about), verdict },
    })),
    ...variations(kinds, ({ kind, about }): PacketRecord => ({
      it: `about the first 8 bytes of ${kind}`,
      ...{ vip, frame: errorAbout(about.headerAnd(8)), verdict },
    })),
    ...variations(kinds.slice(0, 3), ({ kind, about }): PacketRecord => ({
      it: `about the ports of ${kind}`,
      ...{ vip, frame: errorAbout(about.headerAnd(4)), verdict },
    })),
    ...variations(kinds.slice(-2), ({ kind, about }): PacketRecord => ({
      it: `about no byte of ${kind}`,
      ...{ vip, frame: errorAbout(about.headerAnd(0)), verdict },
    })),
    ...variations(['S', 'FA', 'R'], (flags): PacketRecord => ({
      it: `about TCP ${flags}: neither starts nor ends anything`,
      ...{ vip, frame: errorAbout(reply.tcp({ ...SYN_ACK, flags })), verdict },
    })),
    ...variations([4, 40], (length): PacketRecord => ({
      it: `about a packet with ${length} bytes of options or more, cut to 4 bytes behind them`,
      vip,
      frame: errorAbout(
        fromVip(vip, {
          options: payload(length),
          extensions: [hopByHop(), routing({ length: 24 }), destinationOptions({ length: 16 })],
        })
          .tcp(SYN_ACK)
          .headerAnd(4),
      ),
      verdict,
    })),
    {
      it: 'behind options or extension headers',
      vip,
      frame: fromRouter({
        options: payload(12),
        extensions: [hopByHop(), destinationOptions()],
      }).icmpError({ type, about: tcp }),
      verdict,
    },
    {
      it: 'from the client itself',
      ...{ vip, frame: toVip(vip).icmpError({ type, about: tcp }), verdict },
    },
    {
      it: 'the TTL of the embedded packet is used up, as is usual',
      ...{ vip, frame: errorAbout(fromVip(vip, { ttl: 0, hopLimit: 0 }).tcp(SYN_ACK)), verdict },
    },
    {
      it: 'TTL 2 is enough',
      ...{ vip, frame: fromRouter({ ttl: 2, hopLimit: 2 }).icmpError({ type, about: tcp }) },
      verdict,
    },
    ...variations([0, 1], (ttl): PacketRecord => ({
      it: `TTL ${ttl} is not`,
      ...{ vip, frame: fromRouter({ ttl, hopLimit: ttl }).icmpError({ type, about: tcp }) },
      verdict: 'drop_ttl_expired',
    })),
    ...variations([none, vacant], (current): PacketRecord => ({
      it: `no amphora at owner ${current}`,
      ...{ vip, frame: errorAbout(tcp), slot: { current, previous: SETTLED } },
      verdict: 'drop_no_amphora',
    })),
    {
      it: 'a flow’s entry is not asked for',
      ...{ vip, frame: errorAbout(tcp), entry: { owner: third, age: 9 }, verdict },
      entryAfter: { owner: third, age: 9 },
    },
  ])('$it', check);
});

describe.each(families)('unsettled, IP%s', (family) => {
  const vip = vips.plain[family];
  const type = UNREACHABLE[family];
  const errorAbout = (about: Frame) =>
    toVip(vip, { from: ROUTER[family] }).icmpError({ type, about });
  const reply = fromVip(vip);
  const tcp = errorAbout(reply.tcp(SYN_ACK).headerAnd(8));
  const unmarked = [
    { kind: 'UDP', frame: errorAbout(reply.udp({ from: 53, to: 1234 })) },
    { kind: 'an echo reply', frame: errorAbout(reply.pong(7)) },
    { kind: 'GRE', frame: errorAbout(reply.protocol(GRE, payload(4))) },
  ];
  const marked = [
    { kind: 'TCP', frame: tcp },
    { kind: 'SCTP', frame: errorAbout(reply.sctp({ chunk: 'INIT_ACK', from: 80, to: 1234 })) },
  ];
  const counting = [
    { what: 'an entry', entry: { owner: third, age: 9 } },
    { what: 'an opening', entry: { owner: third, age: 9, confirmed: false } },
    { what: 'a closing entry', entry: { owner: third, age: 9, closing: true } },
    { what: 'an entry of the current owner', entry: { owner: first, age: 9 } },
  ];
  const dead = [
    { what: 'idle', entry: { owner: third, age: TCP_IDLE + 2 } },
    { what: 'an idle opening', entry: { owner: third, age: TCP_IDLE + 2, confirmed: false } },
    {
      what: 'of the amphora before',
      entry: { owner: third, age: 9, generation: GENERATION - 1 },
    },
    { what: 'of nobody', entry: { owner: vacant, age: 9 } },
  ];
  const verdict = 'tx_icmp_error';
  test.each<PacketRecord>([
    ...variations(counting, ({ what, entry }): PacketRecord => ({
      it: `${what} counts, and stays as it is, as does the slot’s clock`,
      ...{ vip, frame: tcp, slot: unsettled, entry, verdict, to: entry.owner, entryAfter: entry },
    })),
    ...variations([...marked, ...unmarked], ({ kind, frame }): PacketRecord => ({
      it: `an entry of ${kind} counts`,
      ...{ vip, frame, slot: unsettled, entry: { owner: third, age: 9 }, verdict, to: third },
      entryAfter: { owner: third, age: 9 },
    })),
    ...variations(dead, ({ what, entry }): PacketRecord => ({
      it: `an entry that is ${what} does not count: to the previous owner`,
      ...{ vip, frame: tcp, slot: unsettled, entry, verdict, to: second, entryAfter: entry },
    })),
    ...variations(marked, ({ kind, frame }): PacketRecord => ({
      it: `no entry of ${kind}: to the previous owner`,
      ...{ vip, frame, slot: unsettled, verdict, to: second },
    })),
    ...variations(unmarked, ({ kind, frame }): PacketRecord => ({
      it: `no entry of ${kind}: to the current owner`,
      ...{ vip, frame, slot: unsettled, verdict, to: first },
    })),
    ...variations(unmarked, ({ kind, frame }): PacketRecord => ({
      it: `no entry of ${kind}, within the learning window: to the previous owner`,
      ...{ vip, frame, slot: unsettled, learning: 5, verdict, to: second },
    })),
    ...variations(unmarked.slice(0, 1), ({ kind, frame }): PacketRecord => ({
      it: `an idle entry of ${kind} does not count`,
      ...{ vip, frame, slot: unsettled, entry: { owner: third, age: OTHER_IDLE + 2 } },
      ...{ verdict, to: first },
      entryAfter: { owner: third, age: OTHER_IDLE + 2 },
    })),
    {
      it: 'previous gone: to the current owner',
      ...{ vip, frame: tcp, slot: { current: first, previous: gone }, verdict, to: first },
    },
    {
      it: 'neither owner',
      ...{ vip, frame: tcp, slot: { current: none, previous: gone } },
      verdict: 'drop_no_amphora',
    },
    {
      it: 'about a first fragment: it knows its ports',
      vip,
      frame: errorAbout(
        fromVip(vip, { fragment: { offset: 0, length: 64 } }).udp({
          ...{ from: 53, to: 1234, payload: payload(200) },
        }),
      ),
      ...{ slot: unsettled, entry: { owner: third, age: 9 }, verdict, to: third },
      entryAfter: { owner: third, age: 9 },
    },
    {
      it: 'about a first fragment: the client’s fragments of that number know nothing of it',
      after: [
        errorAbout(
          fromVip(vip, { fragment: { offset: 0, length: 64 } }).udp({
            ...{ from: 53, to: 1234, payload: payload(200) },
          }),
        ),
      ],
      ...{ vip, slot: unsettled, verdict: 'drop_fragment' },
      frame: toVip(vip, { fragment: { offset: 64, length: 64 } }).udp({
        ...{ from: 1234, to: 53, payload: payload(200) },
      }),
    },
  ])('$it', check);
});

describe.each(families)('affinity by port and tracking modes, IP%s', (family) => {
  const errorTo = (vip: Vip, about: Frame) =>
    toVip(vip, { from: ROUTER[family] }).icmpError({ type: UNREACHABLE[family], about });
  const tcpError = (vip: Vip, port = 1234) =>
    errorTo(vip, fromVip(vip).tcp({ ...SYN_ACK, to: port }));
  const verdict = 'tx_icmp_error';
  const byPort = vips.byPort[family];
  const statelessByPort = vips.statelessByPort[family];
  const full = vips.full[family];
  const stateless = vips.stateless[family];
  const entry = { owner: third, age: 9 };
  test.each<PacketRecord>([
    ...variations([1, 2, 3, 4, 5, 6], (port): PacketRecord => ({
      it: `by port: to the slot of the client’s port ${port}`,
      ...{ vip: byPort, frame: tcpError(byPort, port), verdict },
    })),
    ...variations([1, 2, 3], (port): PacketRecord => ({
      it: `by port, stateless: to the slot of the client’s port ${port}`,
      ...{ vip: statelessByPort, frame: tcpError(statelessByPort, port), verdict },
    })),
    {
      it: 'by port: about an echo reply, which goes by source IP',
      ...{ vip: byPort, frame: errorTo(byPort, fromVip(byPort).pong(7)), verdict },
    },
    {
      it: 'by port: about SCTP',
      vip: byPort,
      frame: errorTo(
        byPort,
        fromVip(byPort).sctp({ chunk: 'DATA', from: 80, to: 4321 }).headerAnd(4),
      ),
      verdict,
    },
    {
      it: 'by port, unsettled: an entry counts',
      ...{ vip: byPort, frame: tcpError(byPort), slot: unsettled, entry, verdict, to: third },
      entryAfter: entry,
    },
    {
      it: 'full, settled: an entry counts',
      ...{ vip: full, frame: tcpError(full), entry, verdict, to: third, entryAfter: entry },
    },
    {
      it: 'full, settled, without an entry: to the owner, and none is written',
      ...{ vip: full, frame: tcpError(full), verdict },
    },
    {
      it: 'stateless, unsettled: no entry counts',
      ...{ vip: stateless, frame: tcpError(stateless), slot: unsettled, entry },
      ...{ verdict, to: first, entryAfter: entry },
    },
  ])('$it', check);
});
