// SPDX-License-Identifier: Apache-2.0
// Messages as the daemon sends them, with what matters to a test.
import type { Connections__Output as Connections } from '../../../build/proto/distributor/v1/Connections.ts';
import type { Condition__Output as Condition } from '../../../build/proto/distributor/v1/Condition.ts';
import type { Distributor__Output as Distributor } from '../../../build/proto/distributor/v1/Distributor.ts';
import type { DrainStatus__Output as DrainStatus } from '../../../build/proto/distributor/v1/DrainStatus.ts';
import type { Timestamp__Output as Timestamp } from '../../../build/proto/google/protobuf/Timestamp.ts';

export function timestamp(time: number): Timestamp {
  return { seconds: Math.floor(time / 1000), nanos: (time % 1000) * 1_000_000 };
}

export function connections(counts: Partial<Connections> = {}): Connections {
  return { tcp: 0, udp: 0, sctp: 0, other: 0, closing: 0, ...counts };
}

export function drain(amphora_id: string, facts: Partial<DrainStatus> = {}): DrainStatus {
  return {
    amphora_id,
    state: 'DRAIN_STATE_DRAINING',
    then: 'DRAIN_END_KEEP',
    started: null,
    deadline: null,
    finished: null,
    remaining: null,
    exact_from: null,
    inexact: false,
    packets: 0,
    interval_ms: 0,
    unsettled_slots: 0,
    ...facts,
  };
}

export function condition(type: string, facts: Partial<Condition> = {}): Condition {
  return { type, message: 'something is wrong', subject: '', since: null, ...facts };
}

export function distributor(id: string, facts: Partial<Distributor> = {}): Distributor {
  return {
    id,
    load_balancer: { id: `lb-of-${id}`, name: '' },
    vips: [],
    amphorae: [],
    table_size: 1024,
    unsettled_slots: 0,
    revision: 1,
    conditions: [],
    status: 'STATUS_ONLINE',
    ...facts,
  };
}
