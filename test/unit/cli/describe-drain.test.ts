// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { DrainStatus__Output as DrainStatus } from '../../../build/proto/distributor/v1/DrainStatus.ts';
import { describeDrain, describeRemaining } from '../../../src/cli/describe-drain.ts';
import { describeDrains } from '../../../src/cli/describe-drains.ts';
import { showDrains } from '../../../src/cli/show-drains.ts';
import { connections, drain, timestamp } from './messages.ts';

const now = new Date(2026, 4, 3, 14, 0, 0).getTime();
const after = (seconds: number) => timestamp(now + seconds * 1000);
const lastPacket = (seconds: number) =>
  ({
    seconds_since_last_packet: seconds,
    _seconds_since_last_packet: 'seconds_since_last_packet',
  }) as const;

test.each([
  [null, 'not counted yet'],
  [{}, '0 left'],
  [{ tcp: 1 }, '1 left (tcp 1)'],
  [{ tcp: 300, udp: 12, closing: 4 }, '312 left (tcp 300, udp 12; 4 closing)'],
  [{ sctp: 2, other: 3 }, '5 left (sctp 2, other 3)'],
  [{ closing: 4 }, '0 left (4 closing)'],
])('remaining %j', (counts, text) => {
  expect(describeRemaining(counts === null ? null : connections(counts))).toBe(text);
});

describe('a drain', () => {
  test.each<[Partial<DrainStatus>, string]>([
    [{}, 'not counted yet'],
    [
      {
        remaining: connections({ tcp: 300, udp: 12, closing: 4 }),
        packets: 85,
        interval_ms: 1000,
        unsettled_slots: 12,
        deadline: after(492),
        ...lastPacket(0),
      },
      '312 left (tcp 300, udp 12; 4 closing), 8m12s to the deadline, 85 packets/s, last 0 s ago, 12 slots unsettled',
    ],
    [
      {
        remaining: connections(),
        packets: 1,
        interval_ms: 2000,
        unsettled_slots: 1,
        ...lastPacket(75),
      },
      '0 left, 1 packets/s, last 1m15s ago, 1 slot unsettled',
    ],
    [
      { remaining: connections(), exact_from: after(310), ...lastPacket(3) },
      '0 left, silent connections are counted by 14:05:10, last 3 s ago',
    ],
    [{ remaining: connections(), exact_from: after(-1), ...lastPacket(3) }, '0 left, last 3 s ago'],
    [
      { remaining: connections(), inexact: true, ...lastPacket(3) },
      '0 left, inexact: some found no room in the flow table, last 3 s ago',
    ],
    [{ remaining: connections(), deadline: after(-5) }, '0 left, 0 s to the deadline'],
    [{ state: 'DRAIN_STATE_DRAINED', remaining: connections() }, 'drained'],
    [
      { state: 'DRAIN_STATE_DEADLINE_PASSED', remaining: connections({ tcp: 3 }) },
      'deadline passed, 3 left (tcp 3)',
    ],
    [{ state: 'DRAIN_STATE_CANCELLED' }, 'cancelled: it receives new connections again'],
    [{ state: 'DRAIN_STATE_UNREGISTERED' }, 'unregistered before its end'],
  ])('%j', (facts, text) => {
    expect(describeDrain(drain('a1', facts), now)).toBe(text);
  });
});

describe('drains of several', () => {
  const big = drain('a1', {
    remaining: connections({ tcp: 400, closing: 1 }),
    packets: 100,
    interval_ms: 2000,
    unsettled_slots: 4,
    deadline: after(60),
    exact_from: after(10),
    ...lastPacket(5),
  });
  const small = drain('a2', {
    remaining: connections({ tcp: 1, udp: 2, closing: 2 }),
    packets: 10,
    interval_ms: 1000,
    unsettled_slots: 1,
    deadline: after(120),
    exact_from: after(20),
    ...lastPacket(1),
  });
  const uncounted = drain('a3');
  const done = drain('a4', { state: 'DRAIN_STATE_DRAINED' });
  test.each([
    [
      'are one line of sums, and who holds most',
      [small, big, done],
      '1 of 3 done; 403 left (tcp 401, udp 2; 3 closing), 1m00s to the deadline, silent connections are counted by 14:00:20, 60 packets/s, last 1 s ago, 5 slots unsettled, most on a1 (400)',
    ],
    [
      'of which one is left are about that one',
      [done, small],
      '1 of 2 done; a2: 3 left (tcp 1, udp 2; 2 closing), 2m00s to the deadline, silent connections are counted by 14:00:20, 10 packets/s, last 1 s ago, 1 slot unsettled',
    ],
    ['may not be counted yet', [uncounted, uncounted], '0 of 2 done; not counted yet'],
    ['may all be over', [done, done], '2 of 2 done'],
    ['may be one', [uncounted], 'a3: not counted yet'],
  ])('%s', (_, drains, text) => {
    expect(describeDrains(drains, now)).toBe(text);
  });
});

test('a table of drains ends with what makes their counts doubtful', () => {
  const drains = [
    drain('amphora-1', {
      remaining: connections({ tcp: 2 }),
      started: after(-5),
      deadline: after(86_400),
      exact_from: after(310),
      inexact: true,
      unsettled_slots: 7,
    }),
    drain('amphora-2', {
      state: 'DRAIN_STATE_DRAINED',
      then: 'DRAIN_END_UNREGISTER',
      remaining: connections(),
      started: after(-5),
      finished: after(0),
      exact_from: after(310),
    }),
  ];
  expect(showDrains(drains, now).split('\n')).toEqual([
    'AMPHORA    STATE     REMAINING       UNSETTLED SLOTS  STARTED   DEADLINE             FINISHED  THEN',
    'amphora-1  DRAINING  2 left (tcp 2)                7  13:59:55  2026-05-04 14:00:00  -         KEEP',
    'amphora-2  DRAINED   0 left                        0  13:59:55  -                    14:00:00  UNREGISTER',
    '',
    'amphora-1: silent connections are counted by 14:05:10',
    'amphora-1: inexact: some found no room in the flow table',
  ]);
});
