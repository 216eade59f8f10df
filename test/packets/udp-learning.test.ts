// SPDX-License-Identifier: Apache-2.0
// Protocols that do not mark the start of a flow: within the learning window after a
// change an unknown flow is an old one, afterwards a new one.
import { describe, test } from 'vitest';
import { CLIENT, OTHER_IDLE, owner, TCP_IDLE, vips } from './distributors.ts';
import { check } from './fixture.ts';
import type { Frame } from './frame.ts';
import { ipv4, ipv6, payload } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third, none, gone } = owner;
const { v4: vip, v6: vip6 } = vips.plain;
const unsettled = { current: first, previous: second };
const WITHIN = 5;
const OVER = 0;
const LONG_OVER = -1000;

const to4 = ipv4({ from: CLIENT.v4, to: vip.key.address });
const to6 = ipv6({ from: CLIENT.v6, to: vip6.key.address });

interface Kind {
  readonly name: string;
  readonly vip: typeof vip;
  readonly frame: Frame;
}
const kinds: readonly Kind[] = [
  { name: 'IPv4 UDP', vip, frame: to4.udp({ from: 1234, to: 53, payload: payload(9) }) },
  { name: 'IPv6 UDP', vip: vip6, frame: to6.udp({ from: 1234, to: 53, payload: payload(9) }) },
  { name: 'IPv4 ping', vip, frame: to4.ping(77) },
  { name: 'IPv6 ping', vip: vip6, frame: to6.ping(77) },
  { name: 'GRE', vip, frame: to4.protocol(47, payload(20)) },
  { name: 'IPv6 ESP', vip: vip6, frame: to6.protocol(50, payload(20)) },
];

describe.each(kinds)('$name', (kind) => {
  const packet = { vip: kind.vip, frame: kind.frame, slot: unsettled };
  test.each<PacketRecord>([
    {
      it: 'within the window: to the previous owner',
      ...packet,
      learning: WITHIN,
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    },
    ...variations([OVER, LONG_OVER], (learning): PacketRecord => ({
      it: `window over for ${-learning} s: to the current owner, a new flow`,
      ...packet,
      learning,
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    })),
    ...variations([WITHIN, OVER], (learning): PacketRecord => ({
      it: `a live entry counts ${learning === WITHIN ? 'within' : 'after'} the window`,
      ...packet,
      learning,
      entry: { owner: third, age: OTHER_IDLE - 1 },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    })),
    {
      it: 'an entry idle for longer than such a flow may be does not count',
      ...packet,
      entry: { owner: third, age: OTHER_IDLE + 2 },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'an idle entry within the window does not count',
      ...packet,
      learning: WITHIN,
      entry: { owner: third, age: OTHER_IDLE + 2 },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    },
  ])('$it', check);
});

describe('where an owner is missing', () => {
  const frame = to4.udp({ from: 1234, to: 53 });
  test.each<PacketRecord>([
    {
      it: 'previous gone, within the window: to the current owner',
      ...{ vip, frame, slot: { current: first, previous: gone }, learning: WITHIN },
      ...{ verdict: 'tx_previous', to: first },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'no current owner, within the window: to the previous owner',
      ...{ vip, frame, slot: { current: none, previous: second }, learning: WITHIN },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    },
    {
      it: 'no current owner, after the window: dropped',
      ...{ vip, frame, slot: { current: none, previous: second }, learning: OVER },
      verdict: 'drop_no_amphora',
    },
    {
      it: 'neither: dropped',
      ...{ vip, frame, slot: { current: none, previous: gone }, learning: WITHIN },
      verdict: 'drop_no_amphora',
    },
  ])('$it', check);
});

describe('the window is no matter for TCP', () => {
  const tcp = (flags: string) => to4.tcp({ flags, from: 1234, to: 80 });
  test.each<PacketRecord>([
    {
      it: 'SYN within the window is new',
      ...{ vip, frame: tcp('S'), slot: unsettled, learning: WITHIN },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'ACK after the window is old',
      ...{ vip, frame: tcp('A'), slot: unsettled, learning: LONG_OVER },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    },
    {
      it: 'an entry counts for as long as a TCP flow may be idle',
      ...{ vip, frame: tcp('A'), slot: unsettled, entry: { owner: third, age: TCP_IDLE - 1 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
  ])('$it', check);
});
