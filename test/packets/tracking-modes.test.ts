// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'vitest';
import { CLIENT, GENERATION, owner, SETTLED, TCP_IDLE, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ipv4, ipv6 } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third, none } = owner;
const settled = { current: first, previous: SETTLED };
const unsettled = { current: first, previous: second };

describe('full: every flow has an entry', () => {
  const { v4: vip, v6: vip6 } = vips.full;
  const to4 = ipv4({ from: CLIENT.v4, to: vip.key.address });
  const to6 = ipv6({ from: CLIENT.v6, to: vip6.key.address });
  const tcp = (flags: string) => to4.tcp({ flags, from: 1234, to: 80 });
  test.each<PacketRecord>([
    {
      it: 'SYN in a settled slot is new',
      ...{ vip, frame: tcp('S'), slot: settled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'IPv6 SYN in a settled slot is new',
      ...{ vip: vip6, frame: to6.tcp({ flags: 'S', from: 1234, to: 80 }), slot: settled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'ACK in a settled slot is an older flow of its owner',
      ...{ vip, frame: tcp('A'), slot: settled },
      ...{ verdict: 'tx_previous', to: first },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'UDP in a settled slot is new',
      ...{ vip, frame: to4.udp({ from: 1, to: 2 }), slot: settled },
      ...{ verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'UDP within the learning window is an older flow',
      ...{ vip, frame: to4.udp({ from: 1, to: 2 }), slot: settled, learning: 5 },
      ...{ verdict: 'tx_previous', to: first },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'an entry of the owner counts',
      ...{ vip, frame: tcp('A'), slot: settled, entry: { owner: first, age: 4 } },
      ...{ verdict: 'tx_pinned', to: first },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'an entry of another owner counts, and moves the clock',
      ...{ vip, frame: tcp('A'), slot: settled, entry: { owner: third, age: 4 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'an idle entry does not count',
      ...{ vip, frame: tcp('A'), slot: settled, entry: { owner: third, age: TCP_IDLE + 2 } },
      ...{ verdict: 'tx_previous', to: first },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'an entry of the amphora before does not count',
      vip,
      frame: tcp('A'),
      slot: settled,
      entry: { owner: third, age: 4, generation: GENERATION - 1 },
      ...{ verdict: 'tx_previous', to: first },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'FIN marks the entry',
      ...{ vip, frame: tcp('FA'), slot: settled, entry: { owner: first, age: 4 } },
      ...{ verdict: 'tx_pinned', to: first },
      entryAfter: { owner: first, age: 0, closing: true },
    },
    {
      it: 'an unsettled slot is as in the adaptive mode',
      ...{ vip, frame: tcp('A'), slot: unsettled },
      ...{ verdict: 'tx_previous', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    },
    {
      it: 'no owner',
      ...{ vip, frame: tcp('S'), slot: { current: none, previous: SETTLED } },
      verdict: 'drop_no_amphora',
    },
  ])('$it', check);
});

describe.each([vips.stateless, vips.statelessByPort])(
  'stateless: the table alone decides ($v4.name)',
  ({ v4: vip, v6: vip6 }) => {
    const to4 = ipv4({ from: CLIENT.v4, to: vip.key.address });
    const to6 = ipv6({ from: CLIENT.v6, to: vip6.key.address });
    const tcp = (flags: string) => to4.tcp({ flags, from: 1234, to: 80 });
    test.each<PacketRecord>([
      ...variations([settled, unsettled], (slot): PacketRecord => ({
        it: `SYN in ${slot === settled ? 'a settled' : 'an unsettled'} slot`,
        ...{ vip, frame: tcp('S'), slot },
        ...{ verdict: 'tx_settled', to: first, newFlow: true },
      })),
      ...variations([settled, unsettled], (slot): PacketRecord => ({
        it: `ACK in ${slot === settled ? 'a settled' : 'an unsettled'} slot`,
        ...{ vip, frame: tcp('A'), slot },
        ...{ verdict: 'tx_settled', to: first },
      })),
      {
        it: 'IPv6 UDP in an unsettled slot, within the learning window',
        ...{ vip: vip6, frame: to6.udp({ from: 1, to: 2 }), slot: unsettled, learning: 5 },
        ...{ verdict: 'tx_settled', to: first },
      },
      {
        it: 'an entry, from another mode, does not count',
        ...{ vip, frame: tcp('FA'), slot: unsettled, entry: { owner: second, age: 4 } },
        ...{ verdict: 'tx_settled', to: first },
        entryAfter: { owner: second, age: 4 },
      },
      {
        it: 'no owner',
        ...{ vip, frame: tcp('A'), slot: { current: none, previous: second } },
        verdict: 'drop_no_amphora',
      },
    ])('$it', check);
  },
);
