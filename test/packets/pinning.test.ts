// SPDX-License-Identifier: Apache-2.0
// Unsettled slots: `first` owns them now, `second` did before, `third` in between.
import { describe, test } from 'vitest';
import { CLIENT, GENERATION, owner, TCP_IDLE, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ipv4, ipv6, payload } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third, vacant, none, gone } = owner;
const { v4: vip, v6: vip6 } = vips.plain;
const unsettled = { current: first, previous: second };

/** Far from those of the connection, which strangers do not know. */
const STRANGERS = 0x9000_0000;
const tcp = (flags: string, sequence?: number) =>
  ipv4({ from: CLIENT.v4, to: vip.key.address }).tcp({
    ...{ flags, from: 1234, to: 80 },
    ...(sequence === undefined ? {} : { sequence }),
  });
const tcp6 = (flags: string) =>
  ipv6({ from: CLIENT.v6, to: vip6.key.address }).tcp({ flags, from: 1234, to: 80 });

describe('without an entry', () => {
  test.each<PacketRecord>([
    {
      it: 'SYN starts at the current owner',
      ...{ vip, frame: tcp('S'), slot: unsettled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'IPv6 SYN starts at the current owner',
      ...{ vip: vip6, frame: tcp6('S'), slot: unsettled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    ...variations(['A', 'PA', 'SA', 'U', ''], (flags): PacketRecord => ({
      it: `TCP ${flags || 'without flags'} began before: to the previous owner`,
      ...{ vip, frame: tcp(flags), slot: unsettled },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    })),
    ...variations(['A', 'PA', 'SA'], (flags): PacketRecord => ({
      it: `IPv6 TCP ${flags} began before: to the previous owner`,
      ...{ vip: vip6, frame: tcp6(flags), slot: unsettled },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    })),
    ...variations(['FA', 'R', 'RA', 'SR'], (flags): PacketRecord => ({
      it: `${flags} ends what began before: to the previous owner, closing`,
      ...{ vip, frame: tcp(flags), slot: unsettled },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0, closing: true },
    })),
    {
      it: 'SYN and FIN at once starts and ends',
      ...{ vip, frame: tcp('SF'), slot: unsettled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0, closing: true },
    },
    {
      it: 'where the slot has come back to the owner it began with, all goes to it',
      ...{ vip, frame: tcp('A'), slot: { current: first, previous: first } },
      ...{ verdict: 'tx_previous', to: first },
      entryAfter: { owner: first, age: 0 },
    },
  ])('$it', check);
});

describe('without an entry, where an owner is missing', () => {
  test.each<PacketRecord>([
    {
      it: 'previous gone: an older flow goes to the current owner',
      ...{ vip, frame: tcp('A'), slot: { current: first, previous: gone } },
      ...{ verdict: 'tx_previous', to: first },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'previous gone: SYN goes to the current owner',
      ...{ vip, frame: tcp('S'), slot: { current: first, previous: gone } },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'previous without an amphora: an older flow has nowhere to go',
      ...{ vip, frame: tcp('A'), slot: { current: first, previous: vacant } },
      verdict: 'drop_no_amphora',
    },
    {
      it: 'previous without an amphora: SYN goes to the current owner',
      ...{ vip, frame: tcp('S'), slot: { current: first, previous: vacant } },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    ...variations([none, vacant], (current): PacketRecord => ({
      it: `${current === none ? 'no current owner' : 'current without an amphora'}: SYN is dropped`,
      ...{ vip, frame: tcp('S'), slot: { current, previous: second } },
      verdict: 'drop_no_amphora',
    })),
    ...variations([none, vacant], (current): PacketRecord => ({
      it: `${current === none ? 'no current owner' : 'current without an amphora'}: an older flow goes to the previous one`,
      ...{ vip, frame: tcp('A'), slot: { current, previous: second } },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    })),
    ...variations(['S', 'A', 'FA'], (flags): PacketRecord => ({
      it: `neither owner: ${flags} is dropped`,
      ...{ vip, frame: tcp(flags), slot: { current: none, previous: gone } },
      verdict: 'drop_no_amphora',
    })),
  ])('$it', check);
});

describe('a live entry', () => {
  test.each<PacketRecord>([
    ...variations(['A', 'PA', 'SA', 'S'], (flags): PacketRecord => ({
      it: `of the current owner keeps ${flags}, and the slot's clock stands`,
      ...{ vip, frame: tcp(flags), slot: unsettled, entry: { owner: first, age: 9 } },
      ...{ verdict: 'tx_pinned', to: first },
      entryAfter: { owner: first, age: 0 },
    })),
    ...variations(['A', 'PA', 'SA', 'S'], (flags): PacketRecord => ({
      it: `of the previous owner keeps ${flags}, and the slot's clock moves`,
      ...{ vip, frame: tcp(flags), slot: unsettled, entry: { owner: second, age: 9 } },
      ...{ verdict: 'tx_pinned', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    })),
    {
      it: 'of the previous owner keeps an IPv6 SYN',
      ...{ vip: vip6, frame: tcp6('S'), slot: unsettled, entry: { owner: second, age: 9 } },
      ...{ verdict: 'tx_pinned', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    },
    {
      it: 'of a third owner counts all the same',
      ...{ vip, frame: tcp('A'), slot: unsettled, entry: { owner: third, age: 9 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'of a third owner counts where the previous one is gone',
      vip,
      frame: tcp('A'),
      slot: { current: first, previous: gone },
      entry: { owner: third, age: 9 },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'of a third owner counts where the slot has no owner',
      vip,
      frame: tcp('A'),
      slot: { current: none, previous: gone },
      entry: { owner: third, age: 9 },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    ...variations(['FA', 'R', 'RA', 'F'], (flags): PacketRecord => ({
      it: `is closing after ${flags}`,
      ...{ vip, frame: tcp(flags), slot: unsettled, entry: { owner: second, age: 9 } },
      ...{ verdict: 'tx_pinned', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0, closing: true, over: flags.includes('R') },
    })),
    {
      it: 'just short of idle still counts',
      ...{ vip, frame: tcp('A'), slot: unsettled, entry: { owner: third, age: TCP_IDLE - 1 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'that another processor has just stamped with the next second counts',
      ...{ vip, frame: tcp('A'), slot: unsettled, entry: { owner: third, age: -1 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
  ])('$it', check);
});

describe('a closing entry', () => {
  const entry = { owner: second, age: 9, closing: true };
  test.each<PacketRecord>([
    {
      it: 'stays beside SYN, which starts at the current owner',
      ...{ vip, frame: tcp('S'), slot: unsettled, entry },
      ...{ verdict: 'tx_new', to: first, newFlow: true, entryAfter: entry },
    },
    {
      it: 'stays beside an IPv6 SYN',
      ...{ vip: vip6, frame: tcp6('S'), slot: unsettled, entry },
      ...{ verdict: 'tx_new', to: first, newFlow: true, entryAfter: entry },
    },
    {
      it: 'gives way to what follows on SYN',
      ...{ vip, frame: tcp('A'), slot: unsettled, entry, after: [tcp('S')] },
      ...{ verdict: 'tx_pinned', to: first, entryAfter: { owner: first, age: 0, closing: false } },
    },
    {
      it: 'is not moved by a stranger’s FIN and SYN',
      ...{ vip, frame: tcp('A'), slot: unsettled, entry: { owner: second, age: 9 } },
      after: [tcp('FA', STRANGERS), tcp('S', STRANGERS)],
      ...{ verdict: 'tx_pinned', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0, closing: true },
    },
    ...variations(['A', 'FA', 'SA', 'R'], (flags): PacketRecord => ({
      it: `keeps ${flags} and stays closing`,
      ...{ vip, frame: tcp(flags), slot: unsettled, entry },
      ...{ verdict: 'tx_pinned', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0, closing: true, over: flags === 'R' },
    })),
    {
      it: 'stays as it was where SYN finds no current owner',
      ...{ vip, frame: tcp('S'), slot: { current: none, previous: second }, entry },
      verdict: 'drop_no_amphora',
      entryAfter: entry,
    },
  ])('$it', check);
});

describe('an entry that no longer counts', () => {
  const dead = [
    { why: 'idle for too long', entry: { owner: third, age: TCP_IDLE + 2 } },
    { why: 'idle for as long as the clock can tell', entry: { owner: third, age: 2 ** 31 - 2 } },
    {
      why: 'of the amphora before',
      entry: { owner: third, age: 9, generation: GENERATION - 1 },
    },
    { why: 'of a position now vacant', entry: { owner: vacant, age: 9 } },
    { why: 'of nobody', entry: { owner: none, age: 9 } },
    { why: 'of a position outside of the map', entry: { owner: 0xfffe, age: 9 } },
  ];
  test.each<PacketRecord>([
    ...variations(dead, ({ why, entry }): PacketRecord => ({
      it: `${why}: SYN starts at the current owner`,
      ...{ vip, frame: tcp('S'), slot: unsettled, entry },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0, acknowledged: 0 },
    })),
    ...variations(dead, ({ why, entry }): PacketRecord => ({
      it: `${why}: ACK goes to the previous owner`,
      ...{ vip, frame: tcp('A'), slot: unsettled, entry },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    })),
    {
      it: 'closing, too: SYN starts at the current owner',
      vip,
      frame: tcp('S'),
      slot: unsettled,
      entry: { owner: third, age: TCP_IDLE + 2, closing: true },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0, acknowledged: 0 },
    },
    {
      it: 'closing, too: ACK goes to the previous owner, not closing',
      vip,
      frame: tcp('A'),
      slot: unsettled,
      entry: { owner: third, age: TCP_IDLE + 2, closing: true },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    },
  ])('$it', check);
});

describe('by port', () => {
  const { v4: byPort } = vips.byPort;
  const from = { from: CLIENT.v4, to: byPort.key.address };
  test.each<PacketRecord>([
    ...variations([1000, 2000, 3000], (port): PacketRecord => ({
      it: `SYN from port ${port} in its own unsettled slot`,
      vip: byPort,
      frame: ipv4(from).tcp({ flags: 'S', from: port, to: 80 }),
      slot: unsettled,
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    })),
    ...variations([1000, 2000, 3000], (port): PacketRecord => ({
      it: `ACK from port ${port} in its own unsettled slot`,
      vip: byPort,
      frame: ipv4(from).tcp({ flags: 'A', from: port, to: 80, payload: payload(9) }),
      slot: unsettled,
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    })),
  ])('$it', check);
});

describe('what is dropped writes no entry', () => {
  test.each<PacketRecord>([
    ...variations([0, 1], (ttl): PacketRecord => ({
      it: `TTL ${ttl}`,
      vip,
      frame: ipv4({ from: CLIENT.v4, to: vip.key.address, ttl }).tcp({
        ...{ flags: 'S', from: 1234, to: 80 },
      }),
      slot: unsettled,
      verdict: 'drop_ttl_expired',
    })),
    ...variations([0, 1], (hopLimit): PacketRecord => ({
      it: `hop limit ${hopLimit}`,
      vip: vip6,
      frame: ipv6({ from: CLIENT.v6, to: vip6.key.address, hopLimit }).tcp({
        ...{ flags: 'A', from: 1234, to: 80 },
      }),
      slot: unsettled,
      verdict: 'drop_ttl_expired',
    })),
    {
      it: 'TTL 1 of a live flow, which does not refresh it',
      vip,
      frame: ipv4({ from: CLIENT.v4, to: vip.key.address, ttl: 1 }).tcp({
        ...{ flags: 'A', from: 1234, to: 80 },
      }),
      slot: unsettled,
      entry: { owner: second, age: 9 },
      verdict: 'drop_ttl_expired',
      entryAfter: { owner: second, age: 9 },
    },
    {
      it: 'half a TCP header',
      ...{ vip, frame: tcp('S').truncatedTo(44), slot: unsettled },
      verdict: 'drop_truncated',
    },
  ])('$it', check);
});
