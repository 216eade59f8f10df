// SPDX-License-Identifier: Apache-2.0
import type { Exposition } from './exposition.ts';

/** Series of the signs of life for Octavia; none where none are sent. */
export function addHeartbeatSeries(
  out: Exposition,
  counts: { readonly sent: number; readonly failures: number } | null,
): void {
  if (counts === null) return;
  out.add('distributord_heartbeats_sent_total', counts.sent);
  out.add('distributord_heartbeat_failures_total', counts.failures);
}
