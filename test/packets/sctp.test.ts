// SPDX-License-Identifier: Apache-2.0
// SCTP (RFC 9260): the first chunk of a packet starts or ends an association.
import { describe, test } from 'vitest';
import { GENERATION, OTHER_IDLE, owner, TCP_IDLE, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { CHUNKS, SCTP } from './messages.ts';
import { payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third } = owner;
const unsettled = { current: first, previous: second };
type Chunk = keyof typeof CHUNKS;
const chunks = Object.keys(CHUNKS) as Chunk[];
const ending: readonly Chunk[] = ['ABORT', 'SHUTDOWN_ACK', 'SHUTDOWN_COMPLETE'];
const going = chunks.filter((chunk) => chunk !== 'INIT' && !ending.includes(chunk));

describe.each(['v4', 'v6'] as const)('IP%s', (family) => {
  const vip = vips.plain[family];
  const byPort = vips.byPort[family];
  const full = vips.full[family];
  const sctp = (chunk: Chunk, from = 1234) =>
    toVip(vip).sctp({ chunk, from, to: 80, payload: payload(16) });
  const slot = unsettled;
  const entry = { owner: third, age: 9 };
  const isNew = { verdict: 'tx_new', to: first, newFlow: true } as const;
  const isOld = { verdict: 'tx_previous', to: second, movesClock: true } as const;
  const isPinned = { verdict: 'tx_pinned', to: third, movesClock: true } as const;
  test.each<PacketRecord>([
    ...variations(chunks, (chunk): PacketRecord => ({
      it: `settled: ${chunk}`,
      ...{ vip, frame: sctp(chunk), verdict: 'tx_settled' },
      ...(chunk === 'INIT' && { newFlow: true }),
    })),
    {
      it: 'INIT starts at the current owner',
      ...{ vip, frame: sctp('INIT'), slot, ...isNew, entryAfter: { owner: first, age: 0 } },
    },
    {
      it: 'INIT within the learning window starts all the same',
      ...{ vip, frame: sctp('INIT'), slot, learning: 5, ...isNew },
      entryAfter: { owner: first, age: 0 },
    },
    ...variations(going, (chunk): PacketRecord => ({
      it: `${chunk} began before`,
      ...{ vip, frame: sctp(chunk), slot, ...isOld, entryAfter: { owner: second, age: 0 } },
    })),
    ...variations(ending, (chunk): PacketRecord => ({
      it: `${chunk} ends what began before`,
      ...{ vip, frame: sctp(chunk), slot, ...isOld },
      entryAfter: { owner: second, age: 0, closing: true },
    })),
    ...variations(going, (chunk): PacketRecord => ({
      it: `${chunk} goes with its entry`,
      ...{
        vip,
        frame: sctp(chunk),
        slot,
        entry,
        ...isPinned,
        entryAfter: { owner: third, age: 0 },
      },
    })),
    ...variations(ending, (chunk): PacketRecord => ({
      it: `${chunk} closes its entry, and all is over`,
      ...{ vip, frame: sctp(chunk), slot, entry, ...isPinned },
      entryAfter: { owner: third, age: 0, closing: true, over: true },
    })),
    ...variations(ending, (chunk): PacketRecord => ({
      it: `${chunk} confirms its opening, and all is over`,
      ...{ vip, frame: sctp(chunk), slot, entry: { ...entry, confirmed: false }, ...isPinned },
      entryAfter: { owner: third, age: 0, confirmed: true, closing: true, over: true },
    })),
    ...variations(going, (chunk): PacketRecord => ({
      it: `nothing is over when ${chunk} follows on what ended`,
      ...{ vip, frame: sctp(chunk), slot, ...isPinned },
      entry: { ...entry, closing: true, over: true },
      entryAfter: { owner: third, age: 0, closing: true },
    })),
    {
      it: 'INIT on a live entry stays with it',
      ...{ vip, frame: sctp('INIT'), slot, entry, ...isPinned },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'INIT on a live opening stays with it, and confirms nothing',
      ...{ vip, frame: sctp('INIT'), slot, entry: { ...entry, confirmed: false }, ...isPinned },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'COOKIE ECHO confirms an opening',
      ...{ vip, frame: sctp('COOKIE_ECHO'), slot, entry: { ...entry, confirmed: false } },
      ...{ ...isPinned, entryAfter: { owner: third, age: 0, confirmed: true } },
    },
    {
      it: 'INIT on a closing entry is new',
      ...{ vip, frame: sctp('INIT'), slot, entry: { ...entry, closing: true }, ...isNew },
      entryAfter: { ...entry, closing: true },
    },
    {
      it: 'an entry counts for as long as one of TCP',
      ...{ vip, frame: sctp('DATA'), slot, entry: { owner: third, age: OTHER_IDLE + 2 } },
      ...{ ...isPinned, entryAfter: { owner: third, age: 0 } },
    },
    {
      it: 'and no longer',
      ...{ vip, frame: sctp('DATA'), slot, entry: { owner: third, age: TCP_IDLE + 2 } },
      ...{ ...isOld, entryAfter: { owner: second, age: 0 } },
    },
    {
      it: 'an entry of the amphora before does not count',
      ...{ vip, frame: sctp('DATA'), slot },
      ...{ entry: { ...entry, generation: GENERATION - 1 }, ...isOld },
      entryAfter: { owner: second, age: 0 },
    },
    {
      it: 'full: INIT in a settled slot has an opening',
      ...{ vip: full, frame: toVip(full).sctp({ chunk: 'INIT', from: 1234, to: 80 }) },
      slot: { current: first, previous: 0 },
      ...{ ...isNew, entryAfter: { owner: first, age: 0 } },
    },
    ...variations([1, 2, 3, 4, 5], (port): PacketRecord => ({
      it: `by port: port ${port} has a slot of its own`,
      vip: byPort,
      frame: toVip(byPort).sctp({ chunk: 'DATA', from: port, to: 80 }),
      verdict: 'tx_settled',
    })),
    ...variations([0, 4, 11, 12], (length): PacketRecord => ({
      it: `${length} bytes have no chunk`,
      ...{ vip, frame: toVip(vip).protocol(SCTP, payload(length)), verdict: 'drop_truncated' },
    })),
    {
      it: 'a chunk that is cut off in transit',
      ...{ vip, frame: sctp('DATA').headerAnd(13), verdict: 'drop_truncated' },
    },
  ])('$it', check);
});
