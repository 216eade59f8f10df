// SPDX-License-Identifier: Apache-2.0
// The drain of one amphora in words.
import type { Connections__Output as Connections } from '../../build/proto/distributor/v1/Connections.ts';
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import { showDuration, showTime, timeOf } from './moments.ts';

export function isOver({ state }: DrainStatus): boolean {
  return state !== 'DRAIN_STATE_DRAINING' && state !== 'DRAIN_STATE_UNSPECIFIED';
}

const protocols = ['tcp', 'udp', 'sctp', 'other'] as const;

/** `312 left (tcp 300, udp 12; 4 closing)`; those that are closing are not among the 312. */
export function describeRemaining(remaining: Connections | null): string {
  if (remaining === null) return 'not counted yet';
  const open = protocols
    .filter((protocol) => remaining[protocol] > 0)
    .map((protocol) => `${protocol} ${remaining[protocol]}`)
    .join(', ');
  const closing = remaining.closing > 0 ? `${remaining.closing} closing` : '';
  const parts = [open, closing].filter((part) => part !== '').join('; ');
  return `${countOpen(remaining)} left${parts === '' ? '' : ` (${parts})`}`;
}

/** Those that are not closing. */
export function countOpen(remaining: Connections): number {
  return protocols.reduce((sum, protocol) => sum + remaining[protocol], 0);
}

/** Why the count may be too low; empty if it is not. */
export function describeDoubts({ exact_from, inexact }: DrainStatus, now: number): string[] {
  const doubts: string[] = [];
  const exactFrom = exact_from === null ? now : timeOf(exact_from);
  if (exactFrom > now) doubts.push(`silent connections are counted by ${showTime(exactFrom, now)}`);
  if (inexact) doubts.push('inexact: some found no room in the flow table');
  return doubts;
}

/** One amphora's drain, in a line of facts; the most important first, as lines are cut. */
export function describeDrain(drain: DrainStatus, now: number): string {
  const { state, remaining } = drain;
  switch (state) {
    case 'DRAIN_STATE_DRAINED':
      return 'drained';
    case 'DRAIN_STATE_DEADLINE_PASSED':
      return `deadline passed, ${describeRemaining(remaining)}`;
    case 'DRAIN_STATE_CANCELLED':
      return 'cancelled: it receives new connections again';
    case 'DRAIN_STATE_UNREGISTERED':
      return 'unregistered before its end';
    case 'DRAIN_STATE_DRAINING':
    case 'DRAIN_STATE_UNSPECIFIED':
      return [describeRemaining(remaining), ...describeProgress(drain, now)].join(', ');
  }
}

function describeProgress(drain: DrainStatus, now: number): string[] {
  const { unsettled_slots: slots, deadline } = drain;
  const facts: string[] = [];
  if (deadline !== null)
    facts.push(`${showDuration((timeOf(deadline) - now) / 1000)} to the deadline`);
  facts.push(...describeDoubts(drain, now));
  if (drain.interval_ms > 0) facts.push(`${Math.ceil(packetsPerSecond(drain))} packets/s`);
  const silence = secondsSinceLastPacket(drain);
  if (silence !== null) facts.push(`last ${showDuration(silence)} ago`);
  else if (drain.interval_ms > 0) facts.push('no packet yet');
  if (slots > 0) facts.push(`${slots} ${slots === 1 ? 'slot' : 'slots'} unsettled`);
  return facts;
}

export function packetsPerSecond({ packets, interval_ms }: DrainStatus): number {
  return interval_ms === 0 ? 0 : (packets * 1000) / interval_ms;
}

/** null if none has come since the drain began. */
export function secondsSinceLastPacket(drain: DrainStatus): number | null {
  const { _seconds_since_last_packet: member, seconds_since_last_packet: seconds } = drain;
  return member === undefined ? null : (seconds ?? null);
}
