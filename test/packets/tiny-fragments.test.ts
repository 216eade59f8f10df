// SPDX-License-Identifier: Apache-2.0
// Fragments cut so that ports or flags are not where a filter looks (RFC 1858, RFC 3128).
import { describe, test } from 'vitest';
import { owner, SETTLED, vips } from './distributors.ts';
import { check } from './fixture.ts';
import type { Frame } from './frame.ts';
import type { IpPacket } from './ip-packet.ts';
import { payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third } = owner;
const settled = { current: second, previous: SETTLED };
const unsettled = { current: first, previous: second };
const families = ['v4', 'v6'] as const;

type Carry = (ip: IpPacket) => Frame;
interface Kind {
  readonly kind: string;
  readonly of: Carry;
  /** Bytes with all that is looked at. */
  readonly enough: number;
}
const tcp: Carry = (ip) => ip.tcp({ flags: 'S', from: 1234, to: 80, payload: payload(40) });
const udp: Carry = (ip) => ip.udp({ from: 1234, to: 53, payload: payload(40) });
const sctp: Carry = (ip) => ip.sctp({ chunk: 'INIT', from: 1234, to: 80, payload: payload(40) });
const ping: Carry = (ip) => ip.ping(7, payload(40));
const withPorts: readonly Kind[] = [
  { kind: 'TCP', of: tcp, enough: 14 },
  { kind: 'UDP', of: udp, enough: 8 },
  { kind: 'SCTP', of: sctp, enough: 13 },
];
const kinds: readonly Kind[] = [...withPorts, { kind: 'ping', of: ping, enough: 8 }];

const short = (of: readonly Kind[]) =>
  of.flatMap(({ enough, ...kind }) =>
    [0, 1, 4, 7, 8, 12, 13]
      .filter((length) => length < enough)
      .map((length) => ({ ...kind, length, fragment: { offset: 0, length } })),
  );

describe.each(families)('the first ends too soon, IP%s', (family) => {
  const plain = vips.plain[family];
  const byPort = vips.byPort[family];
  test.each<PacketRecord>([
    ...variations(short(kinds), ({ kind, of, length, fragment }): PacketRecord => ({
      it: `unsettled: ${length} bytes of ${kind}`,
      ...{ vip: plain, frame: of(toVip(plain, { fragment })), slot: unsettled },
      verdict: 'drop_tiny_fragment',
    })),
    ...variations(short(withPorts), ({ kind, of, length, fragment }): PacketRecord => ({
      it: `by port: ${length} bytes of ${kind}`,
      ...{ vip: byPort, frame: of(toVip(byPort, { fragment })), verdict: 'drop_tiny_fragment' },
    })),
    ...variations(short(kinds), ({ kind, of, length, fragment }): PacketRecord => ({
      it: `settled, by source: ${length} bytes of ${kind} go with the rest`,
      ...{ vip: plain, frame: of(toVip(plain, { fragment })), slot: settled },
      ...{ verdict: 'tx_settled', to: second },
    })),
    ...variations(withPorts, ({ kind, of, enough: length }): PacketRecord => ({
      it: `by port: ${length} bytes of ${kind} are enough`,
      vip: byPort,
      frame: of(toVip(byPort, { fragment: { offset: 0, length } })),
      ...{ verdict: 'tx_settled', ...(kind !== 'UDP' && { newFlow: true }) },
      datagramAfter: { age: 0 },
    })),
    ...variations(kinds, ({ kind, of, enough: length }): PacketRecord => ({
      it: `unsettled: ${length} bytes of ${kind} are enough`,
      vip: plain,
      frame: of(toVip(plain, { fragment: { offset: 0, length } })),
      ...{ slot: unsettled, verdict: 'tx_new', to: first, newFlow: true },
      ...{ entryAfter: { owner: first, age: 0 }, datagramAfter: { age: 0 } },
    })),
    {
      it: 'it does not take over an identification, nor an entry',
      vip: plain,
      frame: tcp(toVip(plain, { fragment: { offset: 0, length: 8 } })),
      slot: unsettled,
      datagram: { age: 5, sourcePort: 1, destinationPort: 2 },
      entry: { owner: third, age: 9, closing: true },
      verdict: 'drop_tiny_fragment',
      entryAfter: { owner: third, age: 9, closing: true },
    },
    {
      it: 'a whole packet as short is truncated',
      ...{ vip: plain, frame: toVip(plain).protocol(6, payload(16)), slot: unsettled },
      verdict: 'drop_truncated',
    },
  ])('$it', check);
});

describe.each(families)('a later one overlaps the header, IP%s', (family) => {
  const plain = vips.plain[family];
  const byPort = vips.byPort[family];
  const at = (offset: number) => ({ fragment: { offset, length: 24 } });
  const datagram = { age: 5 };
  const entry = { owner: third, age: 9 };
  const isPinned = { verdict: 'tx_pinned', to: third, movesClock: true } as const;
  test.each<PacketRecord>([
    ...variations([tcp, sctp], (of): PacketRecord => ({
      it: `unsettled: ${of === tcp ? 'TCP' : 'SCTP'} at 8 could change the flags`,
      ...{ vip: plain, frame: of(toVip(plain, at(8))), slot: unsettled, datagram, entry },
      ...{ verdict: 'drop_tiny_fragment', entryAfter: entry },
    })),
    ...variations([tcp, sctp], (of): PacketRecord => ({
      it: `by port: ${of === tcp ? 'TCP' : 'SCTP'} at 8 could change the flags`,
      ...{ vip: byPort, frame: of(toVip(byPort, at(8))), datagram, verdict: 'drop_tiny_fragment' },
    })),
    {
      it: 'TCP at 8 without its first',
      ...{ vip: plain, frame: tcp(toVip(plain, at(8))), slot: unsettled },
      verdict: 'drop_tiny_fragment',
    },
    {
      it: 'settled, by source: TCP at 8 all the same',
      ...{ vip: plain, frame: tcp(toVip(plain, at(8))), slot: settled },
      verdict: 'drop_tiny_fragment',
    },
    {
      it: 'UDP at 8 is behind its header',
      ...{ vip: plain, frame: udp(toVip(plain, at(8))), slot: unsettled, datagram, entry },
      ...{ ...isPinned, entryAfter: { owner: third, age: 0 } },
    },
    {
      it: 'by port: UDP at 8 is behind its header',
      ...{ vip: byPort, frame: udp(toVip(byPort, at(8))), datagram, verdict: 'tx_settled' },
    },
    {
      it: 'TCP at 16 is behind the flags',
      ...{ vip: plain, frame: tcp(toVip(plain, at(16))), slot: unsettled, datagram, entry },
      ...{ ...isPinned, entryAfter: { owner: third, age: 0 } },
    },
    ...variations([16, 0xfff8], (offset): PacketRecord => ({
      it: `an empty last one at ${offset}`,
      vip: plain,
      frame: tcp(toVip(plain, { fragment: { offset, length: 0, more: false } })),
      ...{ slot: unsettled, datagram, entry, ...isPinned },
      entryAfter: { owner: third, age: 0 },
    })),
  ])('$it', check);
});
