// SPDX-License-Identifier: Apache-2.0
// A first fragment says where the others go; where the source address alone decides, none needs to.
import { describe, test } from 'vitest';
import { OTHER_IDLE, owner, SETTLED, vips, type Vip } from './distributors.ts';
import { check } from './fixture.ts';
import type { Frame } from './frame.ts';
import type { IpPacket } from './ip-packet.ts';
import { payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third, none, gone } = owner;
const settled = { current: second, previous: SETTLED };
const unsettled = { current: first, previous: second };
const families = ['v4', 'v6'] as const;
const GRE = 47;

const START = { offset: 0, length: 64 };
const MIDDLE = { offset: 64, length: 64 };
const END = { offset: 128 };
const pieces = [
  { piece: 'first', fragment: START },
  { piece: 'middle', fragment: MIDDLE },
  { piece: 'last', fragment: END },
];
const later = pieces.slice(1);

type Carry = (ip: IpPacket) => Frame;
const udp: Carry = (ip) => ip.udp({ from: 1234, to: 53, payload: payload(200) });
const tcp =
  (flags: string): Carry =>
  (ip) =>
    ip.tcp({ flags, from: 1234, to: 80, payload: payload(200) });
const sctp: Carry = (ip) => ip.sctp({ chunk: 'DATA', from: 1234, to: 80, payload: payload(200) });
const ping: Carry = (ip) => ip.ping(7, payload(200));
const gre: Carry = (ip) => ip.protocol(GRE, payload(200));
const withPorts = [
  { kind: 'UDP', of: udp },
  { kind: 'TCP', of: tcp('A') },
  { kind: 'SCTP', of: sctp },
];
const kinds = [...withPorts, { kind: 'ping', of: ping }, { kind: 'GRE', of: gre }];

describe.each(families)('the source decides, IP%s', (family) => {
  const plain = vips.plain[family];
  const stateless = vips.stateless[family];
  const cases = kinds.flatMap(({ kind, of }) =>
    pieces.map(({ piece, fragment }) => ({ name: `${piece} of ${kind}`, fragment, of })),
  );
  const verdict = 'tx_settled';
  test.each<PacketRecord>([
    ...variations(cases, ({ name, fragment, of }): PacketRecord => ({
      it: `settled: ${name}`,
      ...{ vip: plain, frame: of(toVip(plain, { fragment })), slot: settled, verdict, to: second },
    })),
    ...variations(cases, ({ name, fragment, of }): PacketRecord => ({
      it: `stateless, unsettled: ${name}`,
      ...{ vip: stateless, frame: of(toVip(stateless, { fragment })), slot: unsettled },
      ...{ verdict, to: first },
    })),
    {
      it: 'settled: the first of a TCP SYN is a new flow',
      ...{ vip: plain, frame: tcp('S')(toVip(plain, { fragment: START })), slot: settled },
      ...{ verdict, to: second, newFlow: true },
    },
    {
      it: 'no owner',
      vip: plain,
      frame: udp(toVip(plain, { fragment: MIDDLE })),
      slot: { current: none, previous: SETTLED },
      verdict: 'drop_no_amphora',
    },
    {
      it: 'TTL 1',
      vip: plain,
      frame: udp(toVip(plain, { fragment: MIDDLE, ttl: 1, hopLimit: 1 })),
      verdict: 'drop_ttl_expired',
    },
  ])('$it', check);
});

describe('the first IPv6 fragment says what protocol it is (RFC 8200, section 4.5)', () => {
  const { v6: vip } = vips.byPort;
  const NEXT_HEADER = 40; // of the fragment header
  const frame = udp(toVip(vip, { fragment: MIDDLE })).withNetworkBytes(NEXT_HEADER, GRE);
  test.each<PacketRecord>([
    {
      it: 'settled: a later one that names another goes with it',
      ...{ vip, frame, datagram: { age: 5 }, verdict: 'tx_settled' },
    },
    {
      it: 'unsettled: a later one that names another goes with it',
      ...{ vip, frame, datagram: { age: 5 }, slot: unsettled },
      ...{ entry: { owner: third, age: 9 }, verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
  ])('$it', check);
});

describe.each([
  { to: vips.byPort.v4 },
  { to: vips.byPort.v6 },
  { to: vips.statelessByPort.v4 },
  { to: vips.statelessByPort.v6 },
])('the port decides, $to.name', ({ to: vip }) => {
  const verdict = 'tx_settled';
  const frame = (of: Carry, fragment = MIDDLE) => of(toVip(vip, { fragment }));
  test.each<PacketRecord>([
    ...variations(withPorts, ({ kind, of }): PacketRecord => ({
      it: `first of ${kind}: leaves its ports`,
      ...{ vip, frame: frame(of, START), verdict, datagramAfter: { age: 0 } },
    })),
    {
      it: 'first of a TCP SYN: a new flow',
      ...{ vip, frame: frame(tcp('S'), START), verdict, newFlow: true, datagramAfter: { age: 0 } },
    },
    ...variations(withPorts, ({ kind, of }): PacketRecord => ({
      it: `middle of ${kind}: to the slot of the ports`,
      ...{ vip, frame: frame(of), datagram: { age: 5 }, verdict },
    })),
    ...variations(later, ({ piece, fragment }): PacketRecord => ({
      it: `${piece} of UDP, a minute after the first`,
      ...{ vip, frame: udp(toVip(vip, { fragment })), datagram: { age: 59 }, verdict },
    })),
    ...variations(later, ({ piece, fragment }): PacketRecord => ({
      it: `${piece} of UDP, longer after the first than a host waits`,
      ...{ vip, frame: udp(toVip(vip, { fragment })), datagram: { age: 62 } },
      verdict: 'drop_fragment',
    })),
    ...variations(withPorts, ({ kind, of }): PacketRecord => ({
      it: `middle of ${kind} without its first`,
      ...{ vip, frame: frame(of), verdict: 'drop_fragment' },
    })),
    {
      it: 'middle of UDP without its first, within the learning window',
      ...{ vip, frame: frame(udp), learning: 5, verdict: 'drop_fragment' },
    },
    ...variations([ping, gre], (of): PacketRecord => ({
      it: `first of ${of === ping ? 'a ping' : 'GRE'}, which has no ports`,
      ...{ vip, frame: frame(of, START), verdict },
    })),
    ...variations([ping, gre], (of): PacketRecord => ({
      it: `middle of ${of === ping ? 'a ping' : 'GRE'}, which has no ports`,
      ...{ vip, frame: frame(of), verdict },
    })),
  ])('$it', check);
});

describe.each(families)('a slot that is not settled, IP%s', (family) => {
  const vip = vips.plain[family];
  const frame = (of: Carry, fragment = MIDDLE) => of(toVip(vip, { fragment }));
  const slot = unsettled;
  const isNew = { verdict: 'tx_new', to: first, newFlow: true } as const;
  const isOld = { verdict: 'tx_previous', to: second, movesClock: true } as const;
  const isPinned = { verdict: 'tx_pinned', to: third, movesClock: true } as const;
  test.each<PacketRecord>([
    ...variations([udp, ping, gre, tcp('S')], (of): PacketRecord => ({
      it: `first of protocol ${frame(of).layout.flow?.protocol ?? 0} starts a flow`,
      ...{ vip, frame: frame(of, START), slot, ...isNew },
      ...{ entryAfter: { owner: first, age: 0 }, datagramAfter: { age: 0 } },
    })),
    ...variations([tcp('A'), sctp], (of): PacketRecord => ({
      it: `first of protocol ${frame(of).layout.flow?.protocol ?? 0}, unknown, is an older flow’s`,
      ...{ vip, frame: frame(of, START), slot, ...isOld },
      ...{ entryAfter: { owner: second, age: 0 }, datagramAfter: { age: 0 } },
    })),
    {
      it: 'first of a TCP FIN closes',
      ...{ vip, frame: frame(tcp('FA'), START), slot, entry: { owner: third, age: 9 } },
      ...{ ...isPinned, entryAfter: { owner: third, age: 0, closing: true } },
      datagramAfter: { age: 0 },
    },
    ...variations(kinds, ({ kind, of }): PacketRecord => ({
      it: `middle of ${kind} goes with its entry`,
      ...{ vip, frame: frame(of), slot, datagram: { age: 5 }, entry: { owner: third, age: 9 } },
      ...{ ...isPinned, entryAfter: { owner: third, age: 0 } },
    })),
    ...variations(kinds, ({ kind, of }): PacketRecord => ({
      it: `middle of ${kind} confirms an opening`,
      ...{ vip, frame: frame(of), slot, datagram: { age: 5 } },
      ...{ entry: { owner: third, age: 9, confirmed: false }, ...isPinned },
      // It has no header, so it acknowledges nothing.
      entryAfter: { owner: third, age: 0, confirmed: true, acknowledged: 0 },
    })),
    {
      it: 'middle on an entry of what is over',
      ...{ vip, frame: frame(tcp('A')), slot, datagram: { age: 5 } },
      ...{ entry: { owner: third, age: 9, closing: true, over: true }, ...isPinned },
      entryAfter: { owner: third, age: 0, closing: true, over: true },
    },
    {
      it: 'middle on a closing entry',
      ...{ vip, frame: frame(tcp('A')), slot, datagram: { age: 5 } },
      ...{ entry: { owner: third, age: 9, closing: true }, ...isPinned },
      entryAfter: { owner: third, age: 0, closing: true },
    },
    ...variations(['A', 'S', 'FA'], (flags): PacketRecord => ({
      it: `middle of TCP ${flags} without an entry starts and ends nothing`,
      ...{ vip, frame: frame(tcp(flags)), slot, datagram: { age: 5 }, ...isOld },
      entryAfter: { owner: second, age: 0 },
    })),
    {
      it: 'middle of UDP without an entry',
      ...{ vip, frame: frame(udp), slot, datagram: { age: 5 }, ...isNew },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'middle of UDP with an idle entry, within the learning window',
      ...{ vip, frame: frame(udp), slot, datagram: { age: 5 }, learning: 5 },
      ...{ entry: { owner: third, age: OTHER_IDLE + 2 }, ...isOld },
      entryAfter: { owner: second, age: 0 },
    },
    ...variations(kinds, ({ kind, of }): PacketRecord => ({
      it: `middle of ${kind} without its first`,
      ...{ vip, frame: frame(of), slot, verdict: 'drop_fragment' },
    })),
    ...variations(kinds, ({ kind, of }): PacketRecord => ({
      it: `middle of ${kind} without its first, within the learning window: as older flows go`,
      ...{ vip, frame: frame(of), slot, learning: 5, ...isOld },
    })),
    {
      it: 'previous gone, within the window, without its first: to the current owner',
      ...{ vip, frame: frame(udp), slot: { current: first, previous: gone }, learning: 5 },
      ...{ verdict: 'tx_previous', to: first },
    },
    {
      it: 'neither owner, within the window, without its first',
      ...{ vip, frame: frame(udp), slot: { current: none, previous: gone }, learning: 5 },
      verdict: 'drop_no_amphora',
    },
    {
      it: 'neither owner, with its first',
      ...{ vip, frame: frame(udp), slot: { current: none, previous: gone } },
      ...{ datagram: { age: 5 }, verdict: 'drop_no_amphora' },
    },
  ])('$it', check);
});

describe.each(families)('one after the other, IP%s', (family) => {
  const vip = vips.plain[family];
  const of = (fragment: typeof START, fields = {}) => udp(toVip(vip, { fragment, ...fields }));
  const slot = unsettled;
  const known = { datagramAfter: { age: 0 } } as const;
  const isPinned = { verdict: 'tx_pinned', to: first } as const;
  const confirmed = { owner: first, age: 0, confirmed: true };
  const foreign: { what: string; to: Vip; fields: object }[] = [
    {
      what: 'another client',
      to: vip,
      fields: { from: { v4: '198.51.100.8', v6: '2001:db8:c::8' }[family] },
    },
    { what: 'another VIP', to: vips.stateless[family], fields: {} },
  ];
  test.each<PacketRecord>([
    ...variations(later, ({ piece, fragment }): PacketRecord => ({
      it: `first, ${piece}`,
      ...{ vip, frame: udp(toVip(vip, { fragment })), slot, after: [of(START)], ...isPinned },
      ...{ entryAfter: confirmed, ...known },
    })),
    {
      it: 'first, last, middle',
      ...{ vip, frame: of(MIDDLE), slot, after: [of(START), udp(toVip(vip, { fragment: END }))] },
      ...{ ...isPinned, entryAfter: confirmed, ...known },
    },
    {
      it: 'the first again',
      ...{ vip, frame: of(START), slot, after: [of(START)], ...isPinned },
      ...{ entryAfter: confirmed, ...known },
    },
    {
      it: 'a first of other ports takes the identification over',
      ...{ vip, frame: of(START), slot, datagram: { age: 5, sourcePort: 1, destinationPort: 2 } },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      ...{ entryAfter: { owner: first, age: 0 }, ...known },
    },
    ...variations(foreign, ({ what, to, fields }): PacketRecord => ({
      it: `a first of ${what} is none of this datagram`,
      ...{ vip, frame: of(MIDDLE), slot, verdict: 'drop_fragment' },
      after: [udp(toVip(to, { fragment: START, ...fields }))],
    })),
    {
      it: 'a first of another identification is none of this datagram, though of this flow',
      ...{ vip, frame: of(MIDDLE), slot, after: [of(START, { id: 8 })], verdict: 'drop_fragment' },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'a whole packet leaves nothing',
      ...{ vip, frame: udp(toVip(vip)), slot },
      ...{ verdict: 'tx_new', to: first, newFlow: true, entryAfter: { owner: first, age: 0 } },
    },
    {
      it: 'a first whose TTL is used up leaves nothing',
      ...{ vip, frame: of(MIDDLE), slot, after: [of(START, { ttl: 1, hopLimit: 1 })] },
      verdict: 'drop_fragment',
    },
  ])('$it', check);
});

test.each<PacketRecord>([
  {
    it: 'another protocol of IPv4 has identifications of its own (RFC 791)',
    vip: vips.plain.v4,
    frame: udp(toVip(vips.plain.v4, { fragment: MIDDLE })),
    slot: unsettled,
    after: [sctp(toVip(vips.plain.v4, { fragment: START }))],
    verdict: 'drop_fragment',
  },
])('$it', check);

describe.each(families)('full tracking, IP%s', (family) => {
  const vip = vips.full[family];
  const frame = (fragment: typeof START) => udp(toVip(vip, { fragment }));
  const slot = settled;
  test.each<PacketRecord>([
    {
      it: 'first in a settled slot is new',
      ...{ vip, frame: frame(START), slot },
      ...{ verdict: 'tx_new', to: second, newFlow: true },
      ...{ entryAfter: { owner: second, age: 0 }, datagramAfter: { age: 0 } },
    },
    {
      it: 'middle goes with its entry',
      ...{ vip, frame: frame(MIDDLE), slot, datagram: { age: 5 }, entry: { owner: third, age: 9 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'middle without its first may be another owner’s',
      ...{ vip, frame: frame(MIDDLE), slot, verdict: 'drop_fragment' },
    },
  ])('$it', check);
});
