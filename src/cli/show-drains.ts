// SPDX-License-Identifier: Apache-2.0
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { Timestamp__Output as Timestamp } from '../../build/proto/google/protobuf/Timestamp.ts';
import { describeDoubts, describeRemaining, isOver } from './describe-drain.ts';
import { withoutPrefix } from './enum-names.ts';
import { showTime, timeOf } from './moments.ts';
import { formatTable } from './table.ts';

/** Where a count may be too low, that is said below the table. */
export function showDrains(drains: readonly DrainStatus[], now: number): string {
  const time = (timestamp: Timestamp | null) =>
    timestamp === null ? '-' : showTime(timeOf(timestamp), now);
  const table = formatTable(
    [
      ...['AMPHORA', 'STATE', 'REMAINING', 'UNSETTLED SLOTS'],
      ...['STARTED', 'DEADLINE', 'FINISHED', 'THEN'],
    ],
    drains.map((drain) => [
      drain.amphora_id,
      withoutPrefix(drain.state, 'DRAIN_STATE_'),
      describeRemaining(drain.remaining),
      drain.unsettled_slots,
      time(drain.started),
      time(drain.deadline),
      time(drain.finished),
      withoutPrefix(drain.then, 'DRAIN_END_'),
    ]),
  );
  const doubts = drains
    .filter((drain) => !isOver(drain))
    .flatMap((drain) => describeDoubts(drain, now).map((doubt) => `${drain.amphora_id}: ${doubt}`));
  return doubts.length === 0 ? table : `${table}\n\n${doubts.join('\n')}`;
}
