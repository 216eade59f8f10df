// SPDX-License-Identifier: Apache-2.0
// The slot that a record's packet falls into, before and after.
import type { Clock } from './clock.ts';
import { slotOf, type DatapathUnderTest } from './datapath-under-test.ts';
import { SETTLED, usualOwner, type Vip } from './distributors.ts';
import type { PacketRecord, SlotState } from './packet-record.ts';

/** Age of every slot's clock before the packet. */
const SLOT_AGE = 50;

export type SlotOutcome = (SlotState & { readonly age: number }) | null;

interface Of {
  readonly datapath: DatapathUnderTest;
  readonly record: PacketRecord;
  readonly clock: Clock;
}

export function putSlotState({ datapath, record, clock }: Of): void {
  const slot = slotBefore(record);
  if (record.vip === null || slot === null) return;
  const table = datapath.tableOf(record.vip.distributor);
  table.put(slotIndex(record, record.vip), { ...slot, clock: clock.ago(SLOT_AGE) });
}

export function readSlotState({ datapath, record, clock }: Of): SlotOutcome {
  if (record.vip === null || record.frame.layout.flow === null) return null;
  const table = datapath.tableOf(record.vip.distributor);
  const { clock: time, ...owners } = table.at(slotIndex(record, record.vip));
  return { ...owners, age: clock.age(time) };
}

export function expectedSlotState(record: PacketRecord): SlotOutcome {
  const slot = slotBefore(record);
  return slot === null ? null : { ...slot, age: record.movesClock === true ? 0 : SLOT_AGE };
}

/** Null where the packet has none. */
export function slotBefore(record: PacketRecord): SlotState | null {
  const { vip, frame, slot } = record;
  if (vip === null || frame.layout.flow === null) return null;
  return slot ?? { current: usualOwner(slotIndex(record, vip)), previous: SETTLED };
}

function slotIndex({ frame }: PacketRecord, { distributor }: Vip): number {
  const { flow } = frame.layout;
  return flow === null ? 0 : slotOf(distributor, flow);
}
