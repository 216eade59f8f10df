// SPDX-License-Identifier: Apache-2.0
// A packet that comes from where it would go has been sent in a circle.
import { describe, test } from 'vitest';
import { amphoraMac, owner, PORT_MAC, SETTLED, vips, type Vip } from './distributors.ts';
import { check } from './fixture.ts';
import { ethernet, fromVip, payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third } = owner;
const OTHER_STATION = '02:00:00:00:00:99';
const SYN = { flags: 'S', from: 1234, to: 80 };
const ACK = { ...SYN, flags: 'A' };
const settled = { current: first, previous: SETTLED };
const unsettled = { current: first, previous: second };
const verdict = 'drop_loop';
const entry = { owner: third, age: 9 };

describe.each(['v4', 'v6'] as const)('IP%s', (family) => {
  const vip = vips.plain[family];
  const vlan = vips.vlan100[family];
  const by = (from: string, to: Vip = vip) => toVip(to, {}, ethernet({ from }));
  const amphora = (of: number, to: Vip = vip) => amphoraMac(to.distributor, of);
  const error = { type: { v4: 3, v6: 1 }[family], about: fromVip(vip).tcp({ ...ACK, to: 9 }) };
  test.each<PacketRecord>([
    { it: 'from the port’s own MAC', vip, frame: by(PORT_MAC).tcp(SYN), verdict },
    {
      it: 'from the port’s own MAC, UDP',
      vip,
      frame: by(PORT_MAC).udp({ from: 1, to: 2 }),
      verdict,
    },
    {
      it: 'from the port’s own MAC, an ICMP error',
      vip,
      frame: by(PORT_MAC).icmpError(error),
      verdict,
    },
    {
      it: 'from the port’s own MAC, a fragment',
      vip,
      frame: toVip(vip, { fragment: { offset: 64 } }, ethernet({ from: PORT_MAC })).udp({
        ...{ from: 1, to: 2, payload: payload(100) },
      }),
      verdict,
    },
    {
      it: 'in flight at a change: a fragment from the previous owner itself',
      vip,
      frame: toVip(vip, { fragment: { offset: 64 } }, ethernet({ from: amphora(second) })).udp({
        from: 1,
        to: 2,
        payload: payload(100),
      }),
      ...{ slot: unsettled, learning: 5, verdict },
    },
    {
      it: 'from the port’s own MAC, tagged',
      vip: vlan,
      frame: toVip(vlan, {}, ethernet({ from: PORT_MAC }).vlan(100)).tcp(SYN),
      verdict,
    },
    ...variations([SYN, ACK], (fields): PacketRecord => ({
      it: `from the port’s own MAC, in an unsettled slot: ${fields.flags} leaves nothing`,
      ...{ vip, frame: by(PORT_MAC).tcp(fields), slot: unsettled, verdict },
    })),
    {
      it: 'from the port’s own MAC to another station',
      vip,
      frame: toVip(vip, {}, ethernet({ from: PORT_MAC, to: OTHER_STATION })).tcp(SYN),
      verdict: 'pass_other_mac',
    },
    {
      it: 'from the amphora that owns the slot',
      ...{ vip, frame: by(amphora(first)).tcp(SYN), slot: settled, verdict },
    },
    {
      it: 'from the amphora that owns the slot, tagged',
      vip: vlan,
      frame: toVip(vlan, {}, ethernet({ from: amphora(first, vlan) }).vlan(100)).tcp(SYN),
      ...{ slot: settled, verdict },
    },
    {
      it: 'from the amphora that owns the slot, an ICMP error',
      ...{ vip, frame: by(amphora(first)).icmpError(error), slot: settled, verdict },
    },
    {
      it: 'from another amphora: a client like any other',
      ...{ vip, frame: by(amphora(second)).tcp(SYN), slot: settled },
      ...{ verdict: 'tx_settled', to: first, newFlow: true },
    },
    {
      it: 'from an amphora of another distributor',
      vip,
      frame: by(amphora(first, vips.full[family])).tcp(SYN),
      ...{ slot: settled, verdict: 'tx_settled', to: first, newFlow: true },
    },
    {
      it: 'unsettled: from the amphora that its flow belongs to',
      ...{ vip, frame: by(amphora(third)).tcp(ACK), slot: unsettled, entry, verdict },
      entryAfter: entry,
    },
    {
      it: 'unsettled: from the current owner, of a flow that belongs to another',
      ...{ vip, frame: by(amphora(first)).tcp(ACK), slot: unsettled, entry },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'unsettled: SYN from the current owner leaves nothing',
      ...{ vip, frame: by(amphora(first)).tcp(SYN), slot: unsettled, verdict },
    },
    {
      it: 'unsettled: ACK from the previous owner leaves nothing',
      ...{ vip, frame: by(amphora(second)).tcp(ACK), slot: unsettled, verdict },
    },
    {
      it: 'unsettled: an ICMP error from the amphora that its flow belongs to',
      ...{ vip, frame: by(amphora(third)).icmpError(error), slot: unsettled, verdict },
      entry: { owner: third, age: 9 },
      entryAfter: { owner: third, age: 9 },
    },
  ])('$it', check);
});
