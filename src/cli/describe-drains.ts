// SPDX-License-Identifier: Apache-2.0
// Drains of several amphorae in words.
import type { Connections__Output as Connections } from '../../build/proto/distributor/v1/Connections.ts';
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import {
  countOpen,
  describeDrain,
  isOver,
  packetsPerSecond,
  secondsSinceLastPacket,
} from './describe-drain.ts';
import { timeOf } from './moments.ts';

/** Several drains as one line: how many are done, what is left in all, and who holds most of it. */
export function describeDrains(drains: readonly DrainStatus[], now: number): string {
  const [first, ...others] = drains.filter((drain) => !isOver(drain));
  const done = `${drains.length - (first === undefined ? 0 : 1 + others.length)} of ${drains.length} done`;
  if (first === undefined) return done;
  const head = drains.length === 1 ? '' : `${done}; `;
  if (others.length === 0) return `${head}${first.amphora_id}: ${describeDrain(first, now)}`;
  const going = [first, ...others];
  const most = going.reduce((a, b) => (openOf(b) > openOf(a) ? b : a));
  const holder = openOf(most) > 0 ? `, most on ${most.amphora_id} (${openOf(most)})` : '';
  return `${head}${describeDrain(sumOf(going), now)}${holder}`;
}

function openOf({ remaining }: DrainStatus): number {
  return remaining === null ? 0 : countOpen(remaining);
}

/** As if it were one drain: of times that which matters first, except for doubts the last. */
export function sumOf(drains: readonly DrainStatus[]): DrainStatus {
  const counted = drains.map(({ remaining }) => remaining).filter((counts) => counts !== null);
  const silences = drains.map(secondsSinceLastPacket).filter((seconds) => seconds !== null);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const of = (kind: keyof Connections) => sum(counted.map((counts) => counts[kind]));
  const byTime = (member: 'deadline' | 'exact_from') =>
    drains
      .map((drain) => drain[member])
      .filter((time) => time !== null)
      .sort((a, b) => timeOf(a) - timeOf(b));
  return {
    amphora_id: '',
    state: 'DRAIN_STATE_DRAINING',
    then: 'DRAIN_END_UNSPECIFIED',
    started: null,
    finished: null,
    deadline: byTime('deadline').at(0) ?? null,
    exact_from: byTime('exact_from').at(-1) ?? null,
    inexact: drains.some(({ inexact }) => inexact),
    remaining:
      counted.length === 0
        ? null
        : {
            tcp: of('tcp'),
            udp: of('udp'),
            sctp: of('sctp'),
            other: of('other'),
            closing: of('closing'),
          },
    packets: sum(drains.map(packetsPerSecond)),
    interval_ms: drains.some(({ interval_ms }) => interval_ms > 0) ? 1000 : 0,
    ...(silences.length === 0
      ? {}
      : {
          seconds_since_last_packet: Math.min(...silences),
          _seconds_since_last_packet: 'seconds_since_last_packet' as const,
        }),
    unsettled_slots: sum(drains.map(({ unsettled_slots }) => unsettled_slots)),
  };
}
