// SPDX-License-Identifier: Apache-2.0
import type { ReloadState } from '../config/reload.ts';
import type { Datapath } from '../datapath/datapath.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Store } from '../store/store.ts';
import { labels, type Exposition } from './exposition.ts';

export interface DaemonSeriesParts {
  readonly version: string;
  readonly abi: number;
  readonly flowCapacity: number;
  readonly datapath: Datapath;
  readonly reconciler: Reconciler;
  readonly store: Store;
  readonly reload: { readonly state: ReloadState };
  readonly logOutput: { readonly dropped: number };
  readonly pins: { readonly restored: number; readonly areInPlace: boolean };
}

/** Series that there is one of: of the daemon, its store and the data path as a whole. */
export function addDaemonSeries(out: Exposition, parts: DaemonSeriesParts): void {
  const { version, abi, flowCapacity, datapath, reconciler } = parts;
  out.add('distributord_build_info', 1, labels({ version, abi: abi.toString() }));
  const { successful, lastSuccess } = parts.reload.state;
  out.add('distributord_config_last_reload_successful', successful ? 1 : 0);
  out.add('distributord_config_last_reload_success_timestamp_seconds', lastSuccess / 1000);
  out.add('distributord_log_lines_dropped_total', parts.logOutput.dropped);
  out.add('distributord_pins_in_place', parts.pins.areInPlace ? 1 : 0);
  out.add('distributord_pins_restored_total', parts.pins.restored);
  const { runs, failures, seconds } = reconciler.counts;
  out.add('distributord_reconcile_runs_total', runs);
  out.add('distributord_reconcile_failures_total', failures);
  out.add('distributord_reconcile_seconds_total', seconds);
  out.add('distributord_settle_slots_total', reconciler.settling.slots);
  out.add('distributord_settle_seconds_total', reconciler.settling.seconds);
  out.add('distributord_distributors_out_of_sync', reconciler.pending.length);
  const store = parts.store.statistics();
  out.add('distributord_store_commits_total', store.commits);
  out.add('distributord_store_changes_total', store.changes);
  out.add('distributord_store_failures_total', store.failures);
  out.add('distributord_store_commit_seconds_total', store.commitSeconds);
  out.add('distributord_store_distributors', store.distributors);
  out.add('distributord_store_size_bytes', store.sizeBytes);
  out.add('distributord_store_queue_length', store.queueLength);
  out.add('distributord_host_packets_total', datapath.hostPackets());
  out.add('distributord_flow_entries_capacity', flowCapacity);
  out.add('distributord_vips_out_of_flow_entries', datapath.vipsOutOfFlows().length);
}
