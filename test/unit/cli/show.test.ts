// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { AmphoraStatus__Output as AmphoraStatus } from '../../../build/proto/distributor/v1/AmphoraStatus.ts';
import { ChangeLines } from '../../../src/cli/follow-distributors.ts';
import { healthOf, showStatus } from '../../../src/cli/show-status.ts';
import { showAmphorae, showDistributor, showDistributors } from '../../../src/cli/show.ts';
import { condition, connections, distributor, drain, timestamp } from './messages.ts';

const now = new Date(2026, 4, 3, 14, 8, 12).getTime();
const since = timestamp(new Date(2026, 4, 3, 14, 5, 10).getTime());

function amphora(id: string, facts: Partial<AmphoraStatus> = {}): AmphoraStatus {
  return {
    id,
    ip: '10.0.0.1',
    mac: '02:00:00:00:00:01',
    weight: 1,
    state: 'AMPHORA_STATE_ACTIVE',
    resolved: true,
    unsettled_slots: 0,
    drain: null,
    ...facts,
  };
}
const at = (position: number) => ({ position, _position: 'position' }) as const;
const remaining = connections({ tcp: 300, udp: 12 });
const amphorae = [
  amphora('a1', { ...at(0), weight: 2 }),
  amphora('a2', {
    ...at(1),
    state: 'AMPHORA_STATE_DRAINING',
    drain: drain('a2', { remaining }),
    unsettled_slots: 9,
  }),
  amphora('a3', {
    ...at(2),
    state: 'AMPHORA_STATE_DRAINING',
    drain: drain('a3', { state: 'DRAIN_STATE_DRAINED', remaining: connections() }),
  }),
  amphora('a4', { state: 'AMPHORA_STATE_STANDBY', resolved: false, mac: '' }),
  // What an absent member is decoded to does not count.
  amphora('a5', { state: 'AMPHORA_STATE_FAILED', position: 0 }),
];
const online = distributor('d1', { load_balancer: { id: 'lb1', name: 'shop' } });
const degraded = distributor('d2', {
  status: 'STATUS_DEGRADED',
  amphorae,
  conditions: [
    condition('AMPHORA_FAILED', { message: 'amphora a5 has failed', subject: 'a5', since }),
    condition('PORT_DOWN', { message: 'down', subject: 'eth1' }),
    condition('AMPHORA_FAILED', { message: 'amphora a6 has failed', since: timestamp(now) }),
  ],
});
const down = distributor('d3', { status: 'STATUS_DOWN' });

test('amphorae have their place, state and drain', () => {
  expect(showAmphorae(amphorae).split('\n')).toEqual([
    'POSITION  AMPHORA  IP        MAC                WEIGHT  STATE     DRAIN     REMAINING                   UNSETTLED SLOTS',
    '0         a1       10.0.0.1  02:00:00:00:00:01       2  ACTIVE    -         -                                         0',
    '1         a2       10.0.0.1  02:00:00:00:00:01       1  DRAINING  DRAINING  312 left (tcp 300, udp 12)                9',
    '2         a3       10.0.0.1  02:00:00:00:00:01       1  DRAINING  DRAINED   0 left                                    0',
    '-         a4       10.0.0.1  (unresolved)            1  STANDBY   -         -                                         0',
    '-         a5       10.0.0.1  02:00:00:00:00:01       1  FAILED    -         -                                         0',
  ]);
});

test('a list has status, drains that go on, and each type of condition since it began', () => {
  const lines = showDistributors([online, degraded], now).split('\n');
  expect(lines).toEqual([
    expect.stringMatching(/STATUS .*DRAINING .*CONDITIONS/),
    expect.stringMatching(/d1 +shop +ONLINE .* - +0 +1 +-$/),
    expect.stringMatching(
      /d2 +lb-of-d2 +DEGRADED .* 1: 312 left \(tcp 300, udp 12\) .*AMPHORA_FAILED since 14:05:10 \(3m02s\), PORT_DOWN$/,
    ),
  ]);
});

test('one distributor is shown with its status and conditions', () => {
  const text = showDistributor(degraded, now);
  expect(text).toMatch(/^status +DEGRADED$/m);
  expect(text).toMatch(/^AMPHORA_FAILED +amphora a5 has failed, since 14:05:10 \(3m02s\)$/m);
  expect(text).toMatch(/^PORT_DOWN +eth1: down$/m);
});

test('status is a line each, with conditions below', () => {
  expect(showStatus([online, degraded, down], now).split('\n')).toEqual([
    'DISTRIBUTOR  LOAD BALANCER  STATUS',
    'd1           shop           ONLINE',
    'd2           lb-of-d2       DEGRADED',
    '  AMPHORA_FAILED: amphora a5 has failed, since 14:05:10 (3m02s)',
    '  PORT_DOWN: eth1: down',
    '  AMPHORA_FAILED: amphora a6 has failed, since 14:08:12 (0 s)',
    'd3           lb-of-d3       DOWN',
  ]);
});

test.each([
  ['none', [], 0],
  ['well', [online], 0],
  ['one degraded', [online, degraded], 3],
  ['one unknown', [distributor('d4', { status: 'STATUS_UNSPECIFIED' })], 3],
  ['one down', [degraded, down, online], 4],
])('status --check: %s', (_, distributors, status) => {
  expect(healthOf(distributors)).toBe(status);
});

test('a change is a line; one that is gone is named once more', () => {
  const lines = new ChangeLines(() => now);
  const show = (change: Parameters<ChangeLines['of']>[0]) => lines.of(change)[0] ?? null;
  const changed = { ...online, revision: 7, conditions: degraded.conditions };
  expect([
    show({ change: 'distributor', distributor: changed, watch_revision: 1 }),
    show({ change: 'distributor', distributor: down, watch_revision: 2 }),
    show({ change: 'synchronized', synchronized: true, watch_revision: 2 }),
    show({ change: 'deleted_id', deleted_id: 'd1', watch_revision: 3 }),
    show({ change: 'deleted_id', deleted_id: 'd9', watch_revision: 4 }),
  ]).toEqual([
    '2026-05-03 14:08:12  d1  shop  ONLINE  revision 7  AMPHORA_FAILED PORT_DOWN',
    '2026-05-03 14:08:12  d3  lb-of-d3  DOWN  revision 1',
    null,
    '2026-05-03 14:08:12  d1  shop  DELETED',
    '2026-05-03 14:08:12  d9  -  DELETED',
  ]);
});

test('a name with line ends and commands to the terminal is shown, not obeyed', () => {
  const name = 'shop\r\nd2  bank  ONLINE\u001b]0;x\u0007\u009b2J\u202e';
  const hostile = distributor('d1', { load_balancer: { id: 'lb1', name } });
  const text = String.raw`shop\u{d}\u{a}d2  bank  ONLINE\u{1b}]0;x\u{7}\u{9b}2J\u{202e}`;
  expect(showDistributors([hostile], now).split('\n')).toHaveLength(2);
  for (const shown of [
    showDistributor(hostile, now),
    showDistributors([hostile], now),
    showStatus([hostile], now),
  ]) {
    expect(shown).toContain(text);
    // eslint-disable-next-line no-control-regex -- they are what is looked for
    expect(shown).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  }
});
