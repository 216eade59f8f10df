// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { parseAmphoraArgument, parseWeightArgument } from '../../../src/cli/arguments.ts';
import {
  parseDeadline,
  showDuration,
  showSince,
  showTime,
  timeOf,
} from '../../../src/cli/moments.ts';
import { timestamp } from './messages.ts';

describe('an amphora', () => {
  test.each([
    ['id=a1,ip=10.0.0.1', { id: 'a1', ip: '10.0.0.1' }],
    ['id=a1,ip=::1,weight=0', { id: 'a1', ip: '::1', weight: 0 }],
    ['id=a=b,ip=::1,position=7', { id: 'a=b', ip: '::1', position: 7 }],
    ['id=a1,ip=::1,role=active', { id: 'a1', ip: '::1', role: 'ROLE_ACTIVE' }],
    ['role=standby,id=a1,ip=::1', { id: 'a1', ip: '::1', role: 'ROLE_STANDBY' }],
  ])('%s', (text, amphora) => {
    expect(parseAmphoraArgument(text)).toEqual([amphora]);
  });

  test.each([
    ['id=a1', /id and ip are required/],
    ['id=a1,ip=::1,weight=much', /not a whole number: "much"/],
    ['id=a1,ip=::1,weight=-1', /not a whole number: "-1"/],
    ['id=a1,ip=::1,role=leader', /role is neither active nor standby: "leader"/],
    ['id=a1,ip=::1,role=', /role is neither active nor standby: ""/],
    ['id=a1,ip=::1,role=active,role=standby', /role is given twice/],
    ['id=a1,ip=::1,wieght=1', /unknown key "wieght": .*weight.*role/],
  ])('%s is refused', (text, message) => {
    expect(() => parseAmphoraArgument(text)).toThrow(InvalidArgumentError);
    expect(() => parseAmphoraArgument(text)).toThrow(message);
  });
});

describe('a weight', () => {
  test.each([
    ['a1=3', { amphora_id: 'a1', weight: 3 }],
    ['a1=0', { amphora_id: 'a1', weight: 0 }],
    ['a=b=256', { amphora_id: 'a=b', weight: 256 }],
  ])('%s', (text, weight) => {
    expect(parseWeightArgument(text)).toEqual([weight]);
    const first = { amphora_id: 'a0', weight: 1 };
    expect(parseWeightArgument(text, [first])).toEqual([first, weight]);
  });

  test.each([
    ['a1', /a1=3/],
    ['=3', /a1=3/],
    ['a1=', /not a whole number: ""/],
    ['a1=1.5', /not a whole number: "1.5"/],
    ['a1=heavy', /not a whole number: "heavy"/],
  ])('%s is refused', (text, message) => {
    expect(() => parseWeightArgument(text)).toThrow(message);
  });
});

describe('a deadline', () => {
  const now = Date.UTC(2026, 4, 3, 12, 0, 0, 250);
  const second = 1000;
  test.each([
    ['90s', now + 90 * second],
    ['10m', now + 600 * second],
    ['2h', now + 7200 * second],
    ['1h30m', now + 5400 * second],
    ['1d1h1m1s', now + 90_061 * second],
    ['0s', now],
    ['2026-05-03T12:10:00Z', Date.UTC(2026, 4, 3, 12, 10)],
    ['2026-05-03t12:10:00.5z', Date.UTC(2026, 4, 3, 12, 10, 0, 500)],
    ['2026-05-03 14:10:00+02:00', Date.UTC(2026, 4, 3, 12, 10)],
    ['2026-05-03T07:10:00-05:00', Date.UTC(2026, 4, 3, 12, 10)],
    // Whether it is past is for the daemon to say.
    ['2020-02-29T00:00:00Z', Date.UTC(2020, 1, 29)],
    ['1969-12-31T23:59:59.5Z', -500],
  ])('%s', (text, time) => {
    const parsed = parseDeadline(text, now);
    expect(timeOf(parsed)).toBe(time);
    expect(parsed.nanos).toBeGreaterThanOrEqual(0);
  });

  test.each([
    ...['', 's', '90', '-5m', '5 m', '1.5h', '30m1h', '5min', 'tomorrow', '14:05:10'],
    ...['2026-05-03', '2026-05-03T14:05:10', '2026-05-03T14:05Z', '2026-02-30T00:00:00Z'],
    ...['2026-13-01T00:00:00Z', '2026-05-03T25:00:00Z', '2026-05-03T12:00:00+2:00'],
  ])('%j is refused', (text) => {
    expect(() => parseDeadline(text, now)).toThrow(InvalidArgumentError);
    expect(() => parseDeadline(text, now)).toThrow(/10m.*2026-05-03T14:05:10Z/);
  });

  test('beyond what a timestamp can hold is refused', () => {
    expect(() => parseDeadline('9999999d', now)).toThrow(/9999/);
    expect(() => parseDeadline(`${'9'.repeat(400)}s`, now)).toThrow(/9999/);
  });
});

test.each([
  [-1, '0 s'],
  [0.9, '0 s'],
  [59, '59 s'],
  [60, '1m00s'],
  [492, '8m12s'],
  [3600, '1h00m'],
  [7500, '2h05m'],
  [86_399, '23h59m'],
  [86_400, '1d00h'],
  [273_600, '3d04h'],
])('%d seconds are shown as %s', (seconds, text) => {
  expect(showDuration(seconds)).toBe(text);
});

test('a time has its date unless that is today’s', () => {
  const now = new Date(2026, 4, 3, 14, 5, 10).getTime();
  expect(showTime(now, now)).toBe('14:05:10');
  expect(showTime(now, new Date(2026, 4, 3, 0, 0, 0).getTime())).toBe('14:05:10');
  expect(showTime(now, new Date(2026, 4, 4, 0, 0, 0).getTime())).toBe('2026-05-03 14:05:10');
  expect(showSince(timestamp(now), now + 492_000)).toBe('since 14:05:10 (8m12s)');
});
