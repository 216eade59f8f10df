// SPDX-License-Identifier: Apache-2.0
// Runs a record's packet and compares all that comes of it with the record.
import { expect } from 'vitest';
import { Clock } from './clock.ts';
import { countedBy, growth, readCounters } from './counters.ts';
import { openDatapath, type DatapathUnderTest } from './datapath-under-test.ts';
import { allVips } from './distributors.ts';
import { expectedFlowState, putFlowState, readFlowState, type FlowOutcome } from './flow-state.ts';
import { forwarded } from './forwarded.ts';
import { FORWARDED, TRACKED, type PacketRecord } from './packet-record.ts';
import {
  expectedSlotState,
  putSlotState,
  readSlotState,
  slotBefore,
  type SlotOutcome,
} from './slot-state.ts';

/** What happened, in the same shape as what should have. */
interface Outcome extends FlowOutcome {
  readonly action: number;
  readonly frame: readonly string[];
  readonly counters: readonly string[];
  readonly slot: SlotOutcome;
  /** MACs of stations that have claimed the VIP. */
  readonly claims: readonly string[];
}

/** Runs the record's packet and compares all that it left behind with the record. */
export const check = checkOn(openDatapath({ flows: 1024 }));

export function checkOn(datapath: DatapathUnderTest): (record: PacketRecord) => void {
  return (record) => expect(play(datapath, record)).toEqual(expected(record));
}

function play(datapath: DatapathUnderTest, record: PacketRecord): Outcome {
  const clock = new Clock();
  for (const { counters } of allVips) datapath.native.resetVip(counters);
  const learningUntil = clock.ago(-(record.learning ?? 0));
  const vipId = record.vip === null ? 0 : datapath.putVip(record.vip, learningUntil);
  const flow = { datapath: datapath.native, record, vipId, clock };
  const slot = { datapath, record, clock };
  putSlotState(slot);
  putFlowState(flow);
  for (const { bytes } of record.after ?? []) datapath.native.testRun({ frame: bytes, ifindex: 0 });
  putSlotState(slot);

  const before = readCounters(datapath.native);
  const { action, frame } = datapath.native.testRun({ frame: record.frame.bytes, ifindex: 0 });
  return {
    ...{ action, frame: hexRows(frame) },
    counters: growth(before, readCounters(datapath.native)),
    slot: readSlotState(slot),
    claims: claims(datapath, record),
    ...readFlowState(flow),
  };
}

function expected(record: PacketRecord): Outcome {
  const { vip, frame, verdict, claimedBy } = record;
  const to = record.to ?? slotBefore(record)?.current ?? 0;
  const isForwarded = FORWARDED.includes(verdict);
  const flow = expectedFlowState(record);
  // A start beside a closing entry, which is another connection's, leaves an opening too.
  const hasEntry = flow.entry?.confirmed === true && !(record.newFlow && flow.entry.closing);
  const opening = TRACKED.includes(verdict) && !hasEntry;
  const out =
    vip !== null && isForwarded
      ? forwarded(frame.bytes, { networkOffset: frame.layout.networkOffset, vip, to })
      : (record.answer ?? frame).bytes;
  return {
    action: { drop: 1, pass: 2, tx: 3 }[verdict.split('_')[0] as 'drop' | 'pass' | 'tx'],
    frame: hexRows(out),
    counters: countedBy({ vip, verdict, to: isForwarded ? to : null, opening, record }),
    slot: expectedSlotState(record),
    claims: claimedBy === undefined ? [] : [claimedBy],
    ...flow,
  };
}

function claims(datapath: DatapathUnderTest, { vip }: PacketRecord): string[] {
  const all = datapath.native.claims(0n);
  return all.filter(({ index }) => index === vip?.counters).map(({ mac }) => mac);
}

/** Rows of 16 bytes, as capture tools print them. */
function hexRows(bytes: Uint8Array): string[] {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.match(/.{1,32}/g) ?? [];
}
