// SPDX-License-Identifier: Apache-2.0
// Points in time and durations, as given and as shown. Times are milliseconds since 1970.
import { InvalidArgumentError } from 'commander';
import type { Timestamp__Output as Timestamp } from '../../build/proto/google/protobuf/Timestamp.ts';

const duration = /^(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;
const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
/** The last that a google.protobuf.Timestamp can hold: the year 9999. */
const latest = 253_402_300_799_999;

/** `90s`, `1h30m` from `now` on, or `2026-05-03T14:05:10+02:00`; past times pass. */
export function parseDeadline(text: string, now: number): Timestamp {
  const time = parseAfter(text, now) ?? parseRfc3339(text);
  if (time === null)
    throw new InvalidArgumentError(
      'Give a duration as 90s, 10m or 1h30m, or a time as 2026-05-03T14:05:10Z.',
    );
  if (time > latest) throw new InvalidArgumentError('That is after the year 9999.');
  return { seconds: Math.floor(time / 1000), nanos: (((time % 1000) + 1000) % 1000) * 1_000_000 };
}

function parseAfter(text: string, now: number): number | null {
  const match = duration.exec(text);
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match
    .slice(1)
    .map((part: string | undefined) => Number(part ?? 0));
  const total = (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
  return now + total * 1000;
}

function parseRfc3339(text: string): number | null {
  const match = rfc3339.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number);
  // Date.parse takes the 30th of February for the 2nd of March.
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  const time = Date.parse(text.toUpperCase().replace(' ', 'T'));
  return Number.isNaN(time) ? null : time;
}

export function timeOf(timestamp: Timestamp): number {
  return timestamp.seconds * 1000 + timestamp.nanos / 1_000_000;
}

const twoDigits = (value: number) => String(value).padStart(2, '0');

/** Local: `2026-05-03 14:05:10` */
export function showDateTime(time: number): string {
  const date = new Date(time);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join('-');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
  return `${day} ${clock}`;
}

/** Local; without the date where that is today's. */
export function showTime(time: number, now: number): string {
  const [day = '', clock = ''] = showDateTime(time).split(' ');
  return showDateTime(now).startsWith(day) ? clock : `${day} ${clock}`;
}

/** `0 s`, `8m12s`, `2h05m`, `3d04h`; less than none is none. */
export function showDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(whole / unit));
  if (days) return `${days}d${twoDigits((hours ?? 0) % 24)}h`;
  if (hours) return `${hours}h${twoDigits((minutes ?? 0) % 60)}m`;
  if (minutes) return `${minutes}m${twoDigits(whole % 60)}s`;
  return `${whole} s`;
}

/** `since 14:05:10 (8m12s)` */
export function showSince(timestamp: Timestamp, now: number): string {
  const time = timeOf(timestamp);
  return `since ${showTime(time, now)} (${showDuration((now - time) / 1000)})`;
}
