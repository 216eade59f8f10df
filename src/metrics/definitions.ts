// SPDX-License-Identifier: Apache-2.0

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

const distributor = ['distributor', 'load_balancer'] as const;
const vip = [...distributor, 'vip', 'interface', 'vlan'] as const;
const amphora = [...distributor, 'amphora', 'position'] as const;

/** Every metric of the daemon's own; docs/metrics.md lists them all. */
export const metricDefinitions = {
  distributord_build_info: {
    type: 'gauge',
    labels: ['version', 'abi'],
    help: 'Always 1. Version of the daemon, and of what it shares with the XDP program.',
  },
  distributord_config_last_reload_successful: {
    type: 'gauge',
    labels: [],
    help: 'Whether the configuration as last read is in effect: 1, or 0 if it was refused, wholly or in part.',
  },
  distributord_config_last_reload_success_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the configuration was last taken up, by the start or a reload.',
  },
  distributord_log_lines_dropped_total: {
    type: 'counter',
    labels: [],
    help: 'Lines of the log that were not written: standard error was not read for too long.',
  },
  distributord_heartbeats_sent_total: {
    type: 'counter',
    labels: [],
    help: 'Signs of life that were sent to health managers of Octavia; none arrives for sure.',
  },
  distributord_heartbeat_failures_total: {
    type: 'counter',
    labels: [],
    help: 'Signs of life that could not be sent.',
  },
  distributord_pins_in_place: {
    type: 'gauge',
    labels: [],
    help: 'Whether all that is to outlive the daemon is pinned: 1, or 0 if it cannot be.',
  },
  distributord_pins_restored_total: {
    type: 'counter',
    labels: [],
    help: 'Pins that somebody had removed, and that were made again.',
  },
  distributord_scrape_failures_total: {
    type: 'counter',
    labels: [],
    help: 'Sources of metrics that failed, so that theirs were missing.',
  },

  distributord_calls_started_total: {
    type: 'counter',
    labels: ['method'],
    help: 'Calls of the API that have begun.',
  },
  distributord_calls_handled_total: {
    type: 'counter',
    labels: ['method', 'code'],
    help: 'Calls of the API that have ended, by gRPC status; streams when they end.',
  },
  distributord_calls_in_flight: {
    type: 'gauge',
    labels: ['method'],
    help: 'Calls of the API, streams included, that go on.',
  },
  distributord_call_duration_seconds: {
    type: 'histogram',
    labels: ['method'],
    help: 'How long calls of the API took; without streams.',
  },
  distributord_calls_refused_total: {
    type: 'counter',
    labels: ['reason'],
    help: 'Calls and connections that a limit turned away, and failed TLS handshakes.',
  },

  distributord_reconcile_runs_total: {
    type: 'counter',
    labels: [],
    help: 'Times that a distributor was compared with its data path.',
  },
  distributord_reconcile_failures_total: {
    type: 'counter',
    labels: [],
    help: 'Those of them that failed.',
  },
  distributord_reconcile_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'How long they took, together.',
  },
  distributord_settle_slots_total: {
    type: 'counter',
    labels: [],
    help: 'Slots that were looked at, whether they can be settled.',
  },
  distributord_settle_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'How long that took, together.',
  },
  distributord_distributors_out_of_sync: {
    type: 'gauge',
    labels: [],
    help: 'Distributors whose data path is not what it should be.',
  },

  distributord_store_commits_total: {
    type: 'counter',
    labels: [],
    help: 'Writes of the store; one may hold several changes.',
  },
  distributord_store_changes_total: {
    type: 'counter',
    labels: [],
    help: 'Changes of distributors that were stored.',
  },
  distributord_store_failures_total: {
    type: 'counter',
    labels: [],
    help: 'Writes of the store that failed.',
  },
  distributord_store_commit_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'How long the writes took, together.',
  },
  distributord_store_distributors: {
    type: 'gauge',
    labels: [],
    help: 'Distributors in the store.',
  },
  distributord_store_size_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Size of the store on disk; 0 if it is in memory.',
  },
  distributord_store_queue_length: {
    type: 'gauge',
    labels: [],
    help: 'Changes that wait to be written.',
  },

  distributord_adopted_abi: {
    type: 'gauge',
    labels: [],
    help: 'ABI version of the program that the start found in the kernel; 0 if there was none.',
  },
  distributord_adopted_distributors: {
    type: 'gauge',
    labels: [],
    help: 'Distributors that the start found in the kernel.',
  },
  distributord_adopted_maps_copied: {
    type: 'gauge',
    labels: [],
    help: 'Maps that the start had to copy: their layout or size is another one now.',
  },
  distributord_adopted_flow_entries_lost: {
    type: 'gauge',
    labels: [],
    help: 'Flow entries that the start had no room for when it copied the flow table.',
  },
  distributord_orphaned_distributors: {
    type: 'gauge',
    labels: [],
    help: 'Distributors that the kernel forwards for and the store, which is new, does not know.',
  },
  distributord_tls_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the certificate of the TLS listener expires.',
  },
  distributord_tls_ca_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the first of the CAs of clients expires.',
  },
  distributord_tls_crl_next_update_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the first of the revocation lists is out of date: clients are refused then.',
  },
  distributord_tls_last_reload_successful: {
    type: 'gauge',
    labels: [],
    help: 'Whether the TLS files that are there now are in use: 1, or 0 if they were refused.',
  },
  distributord_tls_reloads_total: {
    type: 'counter',
    labels: [],
    help: 'How often other TLS files took effect.',
  },

  distributord_distributors: {
    type: 'gauge',
    labels: ['status'],
    help: 'Distributors by status.',
  },
  distributord_distributor_status: {
    type: 'gauge',
    labels: [...distributor, 'status'],
    help: 'Always 1, with the status that the distributor has.',
  },
  distributord_conditions: {
    type: 'gauge',
    labels: ['type'],
    help: 'Conditions that hold now, over all distributors.',
  },
  distributord_vip_conflicts: {
    type: 'gauge',
    labels: [],
    help: 'VIPs that another station claims.',
  },
  distributord_drains_active: {
    type: 'gauge',
    labels: [],
    help: 'Amphorae whose drain goes on.',
  },
  distributord_drain_remaining_connections: {
    type: 'gauge',
    labels: amphora,
    help: 'Connections that a draining amphora still has, as far as they are counted.',
  },

  distributord_host_packets_total: {
    type: 'counter',
    labels: [],
    help: 'Packets on attached ports that were for no VIP: given to the host.',
  },
  distributord_flow_entries: {
    type: 'gauge',
    labels: [],
    help: 'Entries of the flow table that are in use.',
  },
  distributord_flow_entries_capacity: {
    type: 'gauge',
    labels: [],
    help: 'Entries that the flow table has room for.',
  },
  distributord_vips_out_of_flow_entries: {
    type: 'gauge',
    labels: [],
    help: 'VIPs that have their share of the flow table.',
  },
  distributord_port_up: {
    type: 'gauge',
    labels: ['interface'],
    help: 'Whether a port that carries VIPs is there, and up.',
  },
  distributord_port_info: {
    type: 'gauge',
    labels: ['interface', 'mode'],
    help: 'Always 1, with how the XDP program is on a port of VIPs: native, generic or none.',
  },

  distributord_vip_packets_total: {
    type: 'counter',
    labels: [...vip, 'class'],
    help: 'Packets for a VIP by class of verdict: forwarded, answered, passed or dropped.',
  },
  distributord_vip_drops_total: {
    type: 'counter',
    labels: [...vip, 'reason'],
    help: 'Dropped packets by reason, the name of the verdict; only of reasons that occurred.',
  },
  distributord_vip_forwarded_bytes_total: {
    type: 'counter',
    labels: vip,
    help: 'Bytes of forwarded frames, headers included.',
  },
  distributord_vip_flow_entries: {
    type: 'gauge',
    labels: vip,
    help: 'Entries of the flow table that a VIP has.',
  },
  distributord_amphora_packets_total: {
    type: 'counter',
    labels: amphora,
    help: 'Packets that were forwarded to an amphora.',
  },
  distributord_amphora_bytes_total: {
    type: 'counter',
    labels: amphora,
    help: 'Bytes of those frames, headers included.',
  },
  distributord_amphora_new_flows_total: {
    type: 'counter',
    labels: amphora,
    help: 'Flows that were seen to begin, as far as slots are tracked.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof metricDefinitions;
