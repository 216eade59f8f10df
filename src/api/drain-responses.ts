// SPDX-License-Identifier: Apache-2.0
import type { DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { DrainReport } from '../reconcile/drain-watch.ts';
import { toTimestamp } from './timestamps.ts';

export function drainStatus(report: DrainReport): DrainStatus {
  return {
    amphora_id: report.amphoraId,
    state: `DRAIN_STATE_${report.state}`,
    then: `DRAIN_END_${report.then}`,
    started: toTimestamp(report.startedAt),
    deadline: toTimestamp(report.deadline),
    finished: toTimestamp(report.finishedAt),
    remaining: report.remaining,
    exact_from: toTimestamp(report.exactFrom),
    inexact: report.inexact,
    packets: report.packets,
    interval_ms: report.intervalMs,
    ...(report.quietSeconds === null ? {} : { seconds_since_last_packet: report.quietSeconds }),
    unsettled_slots: report.unsettledSlots,
  };
}
