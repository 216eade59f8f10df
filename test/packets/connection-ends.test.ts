// SPDX-License-Identifier: Apache-2.0
// Whether both sides have closed, by the client's packets alone: the amphora's FIN takes exactly
// one sequence number, which the client acknowledges.
import { describe, test } from 'vitest';
import { owner, TCP_IDLE, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { toVip } from './packet-builder.ts';
import type { EntryState, PacketRecord } from './packet-record.ts';

const { first, second, third } = owner;
const slot = { current: first, previous: second };

/** Flags, and what is acknowledged by how much more than at first. */
type Segment = readonly [flags: string, more: number];

interface Conversation {
  readonly it: string;
  readonly segments: readonly Segment[];
  /** After the last segment; `more`: as of a segment. */
  readonly more: number;
  readonly closing?: true;
  readonly over?: true;
}

const onEntry: readonly Conversation[] = [
  { it: 'data', segments: [['A', 1460]], more: 1460 },
  { it: 'nothing new', segments: [['A', 0]], more: 0 },
  {
    it: 'the client closes first',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'the client has closed, and the amphora has not',
    ...{ segments: [['FA', 0]], more: 0, closing: true },
  },
  {
    it: 'the client closes, and says so twice',
    ...{
      segments: [
        ['FA', 0],
        ['FA', 0],
      ],
      more: 0,
      closing: true,
    },
  },
  {
    it: 'the amphora closes first',
    ...{
      segments: [
        ['A', 1],
        ['FA', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'the amphora closes first, and the client sends data before it closes',
    ...{
      segments: [
        ['A', 1],
        ['PA', 1],
        ['FPA', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  { it: 'the amphora has closed, and the client has not', segments: [['A', 1]], more: 0 },
  {
    it: 'both close at once',
    ...{
      segments: [
        ['FA', 0],
        ['FA', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'the last acknowledgement is sent again',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1],
        ['A', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'half-closed: the client goes on receiving',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1460],
        ['A', 2920],
      ],
      more: 2920,
      closing: true,
    },
  },
  {
    it: 'half-closed, then the amphora closes',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1460],
        ['A', 1461],
      ],
      more: 1460,
      closing: true,
      over: true,
    },
  },
  {
    it: 'the amphora closes with its last data: closing, for all that can be seen',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1461],
      ],
      more: 1461,
      closing: true,
    },
  },
  {
    it: 'half-closed: what looked like the end was one byte, and more follows',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1],
        ['A', 1461],
      ],
      more: 1461,
      closing: true,
    },
  },
  {
    it: 'a FIN that was overtaken by the last acknowledgement',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1],
        ['FA', 0],
      ],
      more: 0,
      closing: true,
    },
  },
  { it: 'one byte', segments: [['A', 1]], more: 0 },
  {
    it: 'one byte, and one more',
    segments: [
      ['A', 1],
      ['A', 2],
    ],
    more: 2,
  },
  {
    it: 'one byte three times',
    segments: [
      ['A', 1],
      ['A', 2],
      ['A', 3],
    ],
    more: 2,
  },
  {
    it: 'one byte twice, then the client closes and the amphora follows',
    segments: [
      ['A', 1],
      ['A', 2],
      ['FA', 2],
      ['A', 3],
    ],
    ...{ more: 2, closing: true, over: true },
  },
  { it: 'an acknowledgement that was overtaken', segments: [['A', -1460]], more: -1460 },
  {
    it: 'one that was overtaken, and again',
    segments: [
      ['A', -1],
      ['A', 0],
    ],
    more: -1,
  },
  { it: 'SYN again acknowledges nothing', segments: [['S', 77]], more: 0 },
  { it: 'RST', segments: [['RA', 0]], more: 0, closing: true, over: true },
  { it: 'RST with any number', segments: [['R', 77]], more: 0, closing: true, over: true },
  {
    it: 'RST after FIN',
    ...{
      segments: [
        ['FA', 0],
        ['R', 0],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'a forged RST, and the connection goes on',
    ...{
      segments: [
        ['R', 77],
        ['A', 0],
      ],
      more: 0,
      closing: true,
    },
  },
  {
    it: 'a forged RST, and data',
    ...{
      segments: [
        ['RA', 0],
        ['A', 1460],
      ],
      more: 1460,
      closing: true,
    },
  },
  {
    it: 'a forged RST, and data, then the end',
    segments: [
      ['R', 0],
      ['A', 1460],
      ['FA', 1460],
      ['A', 1461],
    ],
    ...{ more: 1460, closing: true, over: true },
  },
];

/** The slot changed while they were silent: the first segment leaves an opening. */
const silent: readonly Conversation[] = [
  {
    it: 'they go on',
    segments: [
      ['A', 0],
      ['A', 1460],
    ],
    more: 1460,
  },
  {
    it: 'the client closes first',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'the client closes, says so twice, and the amphora follows',
    ...{
      segments: [
        ['FA', 0],
        ['FA', 0],
        ['A', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'the amphora closes first',
    ...{
      segments: [
        ['A', 0],
        ['A', 1],
        ['FA', 1],
      ],
      more: 0,
      closing: true,
      over: true,
    },
  },
  {
    it: 'the amphora closes first, with its first segment: closing, for all that can be seen',
    ...{
      segments: [
        ['A', 1],
        ['FA', 1],
      ],
      more: 1,
      closing: true,
    },
  },
  {
    it: 'half-closed',
    ...{
      segments: [
        ['FA', 0],
        ['A', 1460],
      ],
      more: 1460,
      closing: true,
    },
  },
  {
    it: 'as much more as the opening cannot tell from one byte',
    ...{
      segments: [
        ['A', 0],
        ['A', 0x8001],
      ],
      more: 0x8000,
    },
  },
  {
    it: 'a start, and a whole connection',
    segments: [
      ['S', 77],
      ['A', 0],
      ['FA', 1460],
      ['A', 1461],
    ],
    ...{ more: 1460, closing: true, over: true },
  },
  {
    it: 'a start is no number to go by',
    segments: [
      ['S', -1],
      ['A', 0],
    ],
    more: 0,
  },
];

const bases = [
  { from: '5000', base: 5000 },
  { from: '2^31 - 1', base: 2 ** 31 - 1 },
  { from: '2^32 - 1', base: 2 ** 32 - 1 },
];

describe.each(['v4', 'v6'] as const)('IP%s', (family) => {
  const vip = vips.plain[family];

  describe.each(bases)('acknowledged from $from on', ({ base }) => {
    const segment = ([flags, more]: Segment) =>
      toVip(vip).tcp({ flags, acknowledgement: (base + more) >>> 0, from: 1234, to: 80 });
    const acknowledged = (more: number) => (base + more) % 2 ** 31;
    const record = (conversation: Conversation, { owner: to }: EntryState): PacketRecord => {
      const { it, segments, more, closing = false, over = false } = conversation;
      const frames = segments.map(segment);
      const frame = frames.pop() ?? segment(['A', 0]);
      return {
        ...{ it, vip, frame, after: frames, slot, verdict: 'tx_pinned', to },
        ...(to !== first && { movesClock: true }),
        entryAfter: {
          ...{ owner: to, age: 0, confirmed: true },
          ...{ closing, acknowledged: acknowledged(more), over },
        },
      };
    };
    const entry = { owner: third, age: 9, acknowledged: acknowledged(0) };

    test.each(onEntry.map((each) => ({ ...record(each, entry), entry })))('an entry: $it', check);

    test.each(
      silent.map((each) => {
        const starts = each.segments[0]?.[0] === 'S';
        return record(each, { owner: starts ? first : second, age: 0 });
      }),
    )('an opening: $it', check);

    test.each<PacketRecord>([
      {
        it: 'the opening keeps of its number what a mark has room for',
        ...{ vip, frame: segment(['R', 1]), after: [segment(['FA', 0])], slot },
        ...{ verdict: 'tx_pinned', to: second, movesClock: true },
        entryAfter: {
          ...{ owner: second, age: 0, confirmed: true, closing: true },
          ...{ acknowledged: base % 2 ** 15, over: true },
        },
      },
      {
        it: 'an entry used again by FIN, and the last acknowledgement',
        ...{ vip, frame: segment(['A', 1]), after: [segment(['FA', 0])], slot },
        entry: { owner: third, age: TCP_IDLE + 2, acknowledged: acknowledged(-1), over: true },
        ...{ verdict: 'tx_pinned', to: second, movesClock: true },
        entryAfter: {
          ...{ owner: second, age: 0, closing: true },
          ...{ acknowledged: acknowledged(0), over: true },
        },
      },
      {
        it: 'an entry used again knows nothing of the connection before',
        ...{ vip, frame: segment(['FA', 0]), slot },
        entry: { owner: third, age: TCP_IDLE + 2, acknowledged: acknowledged(-1), over: true },
        ...{ verdict: 'tx_previous', to: second, movesClock: true },
        entryAfter: { owner: second, age: 0, closing: true, acknowledged: acknowledged(0) },
      },
      {
        it: 'an entry used again by RST',
        ...{ vip, frame: segment(['R', 0]), slot },
        entry: { owner: third, age: TCP_IDLE + 2, acknowledged: acknowledged(0) },
        ...{ verdict: 'tx_previous', to: second, movesClock: true },
        entryAfter: { owner: second, age: 0, closing: true, acknowledged: 0, over: true },
      },
      {
        it: 'an entry used again by SYN',
        ...{ vip, frame: segment(['S', 0]), slot },
        entry: { owner: third, age: TCP_IDLE + 2, acknowledged: acknowledged(0), over: true },
        ...{ verdict: 'tx_new', to: first, newFlow: true },
        entryAfter: { owner: first, age: 0, acknowledged: 0 },
      },
      {
        it: 'a new connection in the place of one that is over',
        ...{ vip, frame: segment(['A', 0]), after: [segment(['S', 0])], slot },
        entry: { owner: third, age: 9, closing: true, acknowledged: acknowledged(-1), over: true },
        ...{ verdict: 'tx_pinned', to: first },
        entryAfter: { owner: first, age: 0, acknowledged: acknowledged(0) },
      },
    ])('$it', check);
  });
});
