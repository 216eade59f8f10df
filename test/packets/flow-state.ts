// SPDX-License-Identifier: Apache-2.0
// What the maps know of a record's flow and of its fragment's datagram, before and after.
import type {
  NativeDatapath,
  NativeFlowKey,
  NativeFragmentKey,
} from '../../src/datapath/native.ts';
import { GENERATION } from './distributors.ts';
import type { Clock } from './clock.ts';
import { ACKNOWLEDGEMENT, TCP } from './messages.ts';
import type { DatagramState, EntryState, PacketRecord } from './packet-record.ts';

export interface FlowOutcome {
  readonly entry: Required<EntryState> | null;
  readonly datagram: Required<DatagramState> | null;
  /** Entries of the flow table that count against the VIP. */
  readonly share: number;
}

interface Of {
  readonly datapath: NativeDatapath;
  readonly record: PacketRecord;
  readonly vipId: number;
  readonly clock: Clock;
}

export function putFlowState({ datapath, record, vipId, clock }: Of): void {
  const key = flowKey(record, vipId);
  if (record.vip === null || key === null) return;
  const { counters } = record.vip;
  const entry = before(record);
  if (entry !== null)
    datapath.putFlow({ ...key, ...entry, lastSeen: clock.ago(entry.age), counters });
  const fragment = fragmentKey(record, vipId);
  if (fragment === null || record.datagram === undefined) return;
  const datagram = withFlow(record, record.datagram);
  datapath.putFragment({ ...fragment, ...datagram, seen: clock.ago(datagram.age) });
}

export function readFlowState(of: Of): FlowOutcome {
  const { datapath, record } = of;
  const share = record.vip === null ? 0 : datapath.flowUse(record.vip.counters).used;
  return { entry: readEntry(of), datagram: readDatagram(of), share };
}

export function expectedFlowState(record: PacketRecord): FlowOutcome {
  const { entryAfter, datagramAfter = record.datagram } = record;
  const confirmed = before(record)?.confirmed ?? false;
  const entry = entryAfter === undefined ? null : complete(record, { confirmed, ...entryAfter });
  const datagram = datagramAfter === undefined ? null : withFlow(record, datagramAfter);
  return { entry, datagram, share: entry?.confirmed === true ? 1 : 0 };
}

function before(record: PacketRecord): Required<EntryState> | null {
  const { entry } = record;
  return entry === undefined ? null : complete(record, { confirmed: true, ...entry });
}

/** With what a record need not say. */
function complete(
  { frame }: PacketRecord,
  state: EntryState & { readonly confirmed: boolean },
): Required<EntryState> {
  const acknowledges = state.confirmed && frame.layout.flow?.protocol === TCP;
  const acknowledged = acknowledges ? ACKNOWLEDGEMENT : 0;
  return { generation: GENERATION, closing: false, acknowledged, over: false, ...state };
}

function withFlow({ frame }: PacketRecord, state: DatagramState): Required<DatagramState> {
  const { protocol = 0, sourcePort = 0, destinationPort = 0 } = frame.layout.flow ?? {};
  return { protocol, sourcePort, destinationPort, ...state };
}

function flowKey({ frame }: PacketRecord, vipId: number): NativeFlowKey | null {
  if (frame.layout.flow === null) return null;
  const { source, sourcePort, destinationPort, protocol } = frame.layout.flow;
  return { vipId, source, sourcePort, destinationPort, protocol };
}

function fragmentKey({ frame }: PacketRecord, vipId: number): NativeFragmentKey | null {
  const { datagram, flow } = frame.layout;
  if (datagram === null || flow === null) return null;
  const { identification, protocol: keyProtocol } = datagram;
  return { vipId, source: flow.source, identification, keyProtocol };
}

function readEntry({ datapath, record, vipId, clock }: Of): FlowOutcome['entry'] {
  const key = flowKey(record, vipId);
  const flow = key === null ? null : datapath.getFlow(key);
  if (flow === null) return null;
  const { lastSeen, ...state } = flow;
  return { ...state, age: clock.age(lastSeen) };
}

function readDatagram({ datapath, record, vipId, clock }: Of): FlowOutcome['datagram'] {
  const key = fragmentKey(record, vipId);
  const fragment = key === null ? null : datapath.getFragment(key);
  if (fragment === null) return null;
  const { protocol, sourcePort, destinationPort, seen } = fragment;
  return { protocol, sourcePort, destinationPort, age: clock.age(seen) };
}
