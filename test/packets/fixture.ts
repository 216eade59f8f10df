// SPDX-License-Identifier: Apache-2.0
// Runs a record's packet and compares all that comes of it with the record.
import { expect } from 'vitest';
import { native, type NativeFlowKey } from '../../src/datapath/native.ts';
import { countedBy, readCounters, resetCounters } from './counters.ts';
import { datapath, putVip, slotOf, tableOf } from './datapath-under-test.ts';
import { GENERATION, SETTLED, usualOwner, type Vip } from './distributors.ts';
import { forwarded } from './forwarded.ts';
import type { Frame } from './frame.ts';
import type { EntryState, PacketRecord, SlotState } from './packet-record.ts';

/** Age of every slot's clock before the packet. */
const SLOT_AGE = 50;

/** What happened, in the same shape as what should have. */
interface Outcome {
  readonly action: number;
  readonly frame: readonly string[];
  readonly counters: readonly string[];
  readonly entry: EntryState | null;
  readonly slot: (SlotState & { readonly age: number }) | null;
}

/** Runs the record's packet and compares all that it left behind with the record. */
export function check(record: PacketRecord): void {
  const start = native.now();
  const learningUntil = ago(start, -(record.learning ?? 0));
  const vipId = record.vip === null ? 0 : putVip(record.vip, learningUntil);
  putState(record, { start, vipId });
  resetCounters(datapath);

  const { action, frame } = datapath.testRun({ frame: record.frame.bytes, ifindex: 0 });
  const age = (clock: number) =>
    clock >= start && clock <= native.now() ? 0 : (start - clock) | 0;
  const outcome: Outcome = {
    action,
    frame: hexRows(frame),
    counters: readCounters(datapath),
    entry: readEntry(flowKey(record.frame, vipId), age),
    slot: readSlot(record, age),
  };
  expect(outcome).toEqual(expected(record));
}

/** The clock is of 32 bits, and younger than an age where the machine has just started. */
function ago(start: number, age: number): number {
  return (start - age) >>> 0;
}

function putState(record: PacketRecord, at: { start: number; vipId: number }): void {
  const key = flowKey(record.frame, at.vipId);
  if (record.vip === null || key === null) return;
  const slot = { ...slotBefore(record, record.vip), clock: ago(at.start, SLOT_AGE) };
  tableOf(record.vip.distributor).put(slotIndex(record, record.vip), slot);
  if (record.entry === undefined) return;
  const { owner, age, generation = GENERATION, closing = false } = record.entry;
  datapath.putFlow({ ...key, lastSeen: ago(at.start, age), owner, generation, closing });
}

function expected(record: PacketRecord): Outcome {
  const { vip, frame, verdict } = record;
  const slot = vip === null || frame.layout.flow === null ? null : slotBefore(record, vip);
  const to = record.to ?? slot?.current ?? 0;
  const isForwarded = ['tx_settled', 'tx_pinned', 'tx_new', 'tx_previous'].includes(verdict);
  const out =
    vip !== null && isForwarded
      ? forwarded(frame.bytes, { networkOffset: frame.layout.networkOffset, vip, to })
      : (record.answer ?? frame).bytes;
  return {
    action: { drop: 1, pass: 2, tx: 3 }[verdict.split('_')[0] as 'drop' | 'pass' | 'tx'],
    frame: hexRows(out),
    counters: countedBy({ vip, verdict, to: isForwarded ? to : null, record }),
    entry: entryAfter(record),
    slot: slot === null ? null : { ...slot, age: record.movesClock === true ? 0 : SLOT_AGE },
  };
}

function entryAfter({ entryAfter: entry }: PacketRecord): EntryState | null {
  return entry === undefined ? null : { generation: GENERATION, closing: false, ...entry };
}

function slotBefore(record: PacketRecord, vip: Vip): SlotState {
  return record.slot ?? { current: usualOwner(slotIndex(record, vip)), previous: SETTLED };
}

function slotIndex({ frame }: PacketRecord, { distributor }: Vip): number {
  const { flow } = frame.layout;
  return flow === null ? 0 : slotOf(distributor, flow);
}

function flowKey({ layout: { flow } }: Frame, vipId: number): NativeFlowKey | null {
  if (flow === null) return null;
  const { source, sourcePort, destinationPort, protocol } = flow;
  return { vipId, source, sourcePort, destinationPort, protocol };
}

function readEntry(key: NativeFlowKey | null, age: (clock: number) => number): EntryState | null {
  const flow = key === null ? null : datapath.getFlow(key);
  if (flow === null) return null;
  const { owner, generation, closing, lastSeen } = flow;
  return { owner, generation, closing, age: age(lastSeen) };
}

function readSlot(record: PacketRecord, age: (clock: number) => number): Outcome['slot'] {
  if (record.vip === null || record.frame.layout.flow === null) return null;
  const { clock, ...owners } = tableOf(record.vip.distributor).at(slotIndex(record, record.vip));
  return { ...owners, age: age(clock) };
}

/** Rows of 16 bytes, as capture tools print them. */
function hexRows(bytes: Uint8Array): string[] {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.match(/.{1,32}/g) ?? [];
}
