// SPDX-License-Identifier: Apache-2.0
// A flow's first packet leaves an opening, its second an entry of the flow table.
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
import { check } from './fixture.ts';
import { payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third, vacant, none, gone } = owner;
const unsettled = { current: first, previous: second };
const families = ['v4', 'v6'] as const;
const GRE = 47;
const opening = { owner: third, age: 9, confirmed: false };
const isNew = { verdict: 'tx_new', to: first, newFlow: true } as const;
const isOld = { verdict: 'tx_previous', to: second, movesClock: true } as const;
/** The number stays as it was: of an opening that acknowledged nothing. */
const isReset = { acknowledged: 0, over: true } as const;
const isPinned = { verdict: 'tx_pinned', to: third, movesClock: true } as const;

const tcpTo = (vip: Vip, flags: string) => toVip(vip).tcp({ flags, from: 1234, to: 80 });
const unmarkedTo = (vip: Vip) => [
  { kind: 'UDP', frame: toVip(vip).udp({ from: 1234, to: 53 }) },
  { kind: 'a ping', frame: toVip(vip).ping(7) },
  { kind: 'GRE', frame: toVip(vip).protocol(GRE, payload(20)) },
];

describe.each(families)('a live opening, IP%s', (family) => {
  const vip = vips.plain[family];
  const tcp = (flags: string) => tcpTo(vip, flags);
  const slot = unsettled;
  test.each<PacketRecord>([
    ...variations(['A', 'PA', 'SA', ''], (flags): PacketRecord => ({
      it: `TCP ${flags || 'without flags'} confirms it`,
      ...{ vip, frame: tcp(flags), slot, entry: opening, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true },
    })),
    {
      it: 'TCP FA confirms and closes it',
      ...{ vip, frame: tcp('FA'), slot, entry: opening, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true, closing: true },
    },
    ...variations(['R', 'RA', 'SR'], (flags): PacketRecord => ({
      it: `TCP ${flags} confirms it, and all is over`,
      ...{ vip, frame: tcp(flags), slot, entry: opening, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true, closing: true, ...isReset },
    })),
    ...variations(['S', 'SP'], (flags): PacketRecord => ({
      it: `TCP ${flags} again stays with it and confirms nothing`,
      ...{ vip, frame: tcp(flags), slot, entry: opening, ...isPinned },
      entryAfter: { owner: third, age: 0 },
    })),
    ...variations(unmarkedTo(vip), ({ kind, frame }): PacketRecord => ({
      it: `${kind} confirms it`,
      ...{ vip, frame, slot, entry: opening, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true },
    })),
    ...variations(unmarkedTo(vip), ({ kind, frame }): PacketRecord => ({
      it: `${kind} confirms it within the learning window`,
      ...{ vip, frame, slot, entry: opening, learning: 5, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true },
    })),
    {
      it: 'of the current owner: the slot’s clock stands',
      ...{ vip, frame: tcp('A'), slot, entry: { ...opening, owner: first } },
      ...{ verdict: 'tx_pinned', to: first },
      entryAfter: { owner: first, age: 0, confirmed: true },
    },
    {
      it: 'just short of idle',
      ...{ vip, frame: tcp('A'), slot, entry: { ...opening, age: TCP_IDLE - 1 }, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true },
    },
    {
      it: 'where the slot has no owner left',
      ...{ vip, frame: tcp('A'), slot: { current: none, previous: gone }, entry: opening },
      ...{ ...isPinned, entryAfter: { owner: third, age: 0, confirmed: true } },
    },
    {
      it: 'that another processor has just stamped with the next second',
      ...{ vip, frame: tcp('A'), slot, entry: { ...opening, age: -1 }, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true },
    },
  ])('$it', check);
});

describe.each(families)('a closing opening, IP%s', (family) => {
  const vip = vips.plain[family];
  const tcp = (flags: string) => tcpTo(vip, flags);
  const entry = { ...opening, closing: true };
  test.each<PacketRecord>([
    {
      it: 'gives way to SYN',
      ...{ vip, frame: tcp('S'), slot: unsettled, entry, ...isNew },
      entryAfter: { owner: first, age: 0 },
    },
    ...variations(['A', 'FA', 'R'], (flags): PacketRecord => ({
      it: `keeps ${flags}, and is confirmed as closing`,
      ...{ vip, frame: tcp(flags), slot: unsettled, entry, ...isPinned },
      entryAfter: {
        ...{ owner: third, age: 0, confirmed: true, closing: true },
        ...(flags === 'R' && isReset),
      },
    })),
    {
      it: 'stays where SYN finds no owner',
      ...{ vip, frame: tcp('S'), slot: { current: none, previous: second }, entry },
      ...{ verdict: 'drop_no_amphora', entryAfter: entry },
    },
  ])('$it', check);
});

describe.each(families)('an opening that does not count, IP%s', (family) => {
  const vip = vips.plain[family];
  const tcp = (flags: string) => tcpTo(vip, flags);
  const dead = [
    { why: 'idle', entry: { ...opening, age: TCP_IDLE + 2 } },
    { why: 'idle for as long as the clock can tell', entry: { ...opening, age: 2 ** 31 - 2 } },
    { why: 'of the amphora before', entry: { ...opening, generation: GENERATION - 1 } },
    { why: 'of a vacant position', entry: { ...opening, owner: vacant } },
    { why: 'of nobody', entry: { ...opening, owner: none } },
  ];
  test.each<PacketRecord>([
    ...variations(dead, ({ why, entry }): PacketRecord => ({
      it: `${why}: SYN opens anew`,
      ...{ vip, frame: tcp('S'), slot: unsettled, entry, ...isNew },
      entryAfter: { owner: first, age: 0 },
    })),
    ...variations(dead, ({ why, entry }): PacketRecord => ({
      it: `${why}: ACK opens anew, with the previous owner`,
      ...{ vip, frame: tcp('A'), slot: unsettled, entry, ...isOld },
      entryAfter: { owner: second, age: 0 },
    })),
    ...variations(unmarkedTo(vip), ({ kind, frame }): PacketRecord => ({
      it: `idle: ${kind} opens anew`,
      ...{ vip, frame, slot: unsettled, entry: { ...opening, age: OTHER_IDLE + 2 }, ...isNew },
      entryAfter: { owner: first, age: 0 },
    })),
    {
      it: 'closing and idle: ACK opens anew, not closing',
      ...{ vip, frame: tcp('A'), slot: unsettled },
      ...{ entry: { ...opening, age: TCP_IDLE + 2, closing: true }, ...isOld },
      entryAfter: { owner: second, age: 0 },
    },
  ])('$it', check);
});

describe.each(families)('packet by packet, IP%s', (family) => {
  const vip = vips.plain[family];
  const tcp = (flags: string) => tcpTo(vip, flags);
  const at = (flags: string, sequence: number) =>
    toVip(vip).tcp({ flags, sequence, from: 1234, to: 80 });
  const syn = (sequence: number) => at('S', sequence);
  const ack = (sequence: number) => at('A', sequence);
  const udp = toVip(vip).udp({ from: 1234, to: 53 });
  const slot = unsettled;
  const pinned = { verdict: 'tx_pinned', to: first } as const;
  const confirmed = { owner: first, age: 0, confirmed: true };
  test.each<PacketRecord>([
    {
      it: 'SYN, ACK',
      ...{ vip, frame: tcp('A'), slot, after: [tcp('S')], ...pinned, entryAfter: confirmed },
    },
    ...variations([-1, 0, 0x1_ffff], (ahead): PacketRecord => ({
      it: `SYN, and what is ${ahead} bytes behind it`,
      ...{ vip, slot, after: [syn(0x2_0000)], ...pinned, entryAfter: confirmed },
      frame: ack(0x2_0001 + ahead),
    })),
    {
      it: 'SYN at the end of the sequence numbers, and what follows',
      ...{ vip, frame: ack(0), slot, after: [syn(0xffff_ffff)], ...pinned, entryAfter: confirmed },
    },
    ...variations([0x1_0000, 0x9000_0000], (sequence): PacketRecord => ({
      it: `a stranger’s SYN moves nobody whose numbers are at ${sequence}`,
      ...{ vip, frame: ack(sequence), slot, after: [syn(0x8000_0000)] },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: first, age: 0 },
    })),
    {
      it: 'SYN, SYN: an opening still',
      ...{ vip, frame: tcp('S'), slot, after: [tcp('S')], ...pinned },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'SYN, SYN, ACK',
      ...{ vip, frame: tcp('A'), slot, after: [tcp('S'), tcp('S')], ...pinned },
      entryAfter: confirmed,
    },
    {
      it: 'SYN, RST, SYN: the tuple is used again',
      ...{ vip, frame: tcp('S'), slot, after: [tcp('S'), tcp('R')], ...isNew },
      entryAfter: { ...confirmed, closing: true, ...isReset },
    },
    {
      it: 'ACK, ACK: an older connection stays with the previous owner',
      ...{ vip, frame: tcp('A'), slot, after: [tcp('A')] },
      ...{ verdict: 'tx_pinned', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0, confirmed: true },
    },
    {
      it: 'FIN, SYN: what closed is opened anew',
      ...{ vip, frame: tcp('S'), slot, after: [tcp('FA')], ...isNew },
      entryAfter: { owner: first, age: 0 },
    },
    ...variations([1, 2, 3], (count): PacketRecord => ({
      it: `${count + 1} datagrams`,
      ...{ vip, frame: udp, slot, after: Array.from({ length: count }, () => udp), ...pinned },
      entryAfter: confirmed,
    })),
    {
      it: 'full tracking, SYN, ACK in a settled slot',
      ...{ vip: vips.full[family], frame: tcpTo(vips.full[family], 'A') },
      ...{ slot: { current: first, previous: SETTLED }, after: [tcpTo(vips.full[family], 'S')] },
      ...{ ...pinned, entryAfter: confirmed },
    },
  ])('$it', check);
});
