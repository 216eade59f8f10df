// SPDX-License-Identifier: Apache-2.0
// Every counter that is not 0, as text: what a record expects and what the program did.
import { native, type NativeDatapath } from '../../src/datapath/native.ts';
import { allDistributors, allVips, POSITIONS, type Distributor, type Vip } from './distributors.ts';
import type { PacketRecord, Verdict } from './packet-record.ts';

const NO_VIP = 'no VIP';

export function resetCounters(datapath: NativeDatapath): void {
  for (let index = 0; index <= allVips.length; index++) datapath.resetVipCounters(index);
  for (let index = 0; index < allDistributors.length * POSITIONS; index++)
    datapath.resetPositionCounters(index);
}

export function readCounters(datapath: NativeDatapath): string[] {
  const counted: string[] = [];
  const vips = [NO_VIP, ...allVips.map((vip) => vip.name)];
  for (const [index, name] of vips.entries()) {
    const { packets, bytes } = datapath.vipCounters(index);
    for (const [number, count] of packets.entries())
      if (count > 0) counted.push(verdictLine(name, native.verdicts[number] ?? '?', count));
    if (bytes > 0) counted.push(bytesLine(name, bytes));
  }
  for (const distributor of allDistributors)
    for (let position = 0; position < POSITIONS; position++) {
      const counters = datapath.positionCounters(distributor.positionBase + position);
      if (counters.packets > 0 || counters.bytes > 0 || counters.newFlows > 0)
        counted.push(positionLine({ distributor, owner: position + 1 }, counters));
    }
  return counted;
}

/** Of one packet: one verdict and, where it is forwarded, one position. */
export function countedBy(packet: {
  readonly vip: Vip | null;
  readonly verdict: Verdict;
  /** The owner it is forwarded to. */
  readonly to: number | null;
  readonly record: PacketRecord;
}): string[] {
  const name = packet.vip?.name ?? NO_VIP;
  const counted = [verdictLine(name, packet.verdict, 1)];
  if (packet.vip === null || packet.to === null) return counted;
  const { accounted: bytes } = packet.record.frame.layout;
  const newFlows = packet.record.newFlow === true ? 1 : 0;
  return [
    ...counted,
    bytesLine(name, bytes),
    positionLine(
      { distributor: packet.vip.distributor, owner: packet.to },
      { packets: 1, bytes, newFlows },
    ),
  ];
}

function verdictLine(name: string, verdict: string, count: number): string {
  return `${name}: ${verdict} ${count}`;
}

function bytesLine(name: string, bytes: number): string {
  return `${name}: ${bytes} bytes`;
}

function positionLine(
  { distributor, owner }: { readonly distributor: Distributor; readonly owner: number },
  counters: { readonly packets: number; readonly bytes: number; readonly newFlows: number },
): string {
  const { packets, bytes, newFlows } = counters;
  return `${distributor.name}, owner ${owner}: ${packets} packets, ${bytes} bytes, ${newFlows} new`;
}
