// SPDX-License-Identifier: Apache-2.0
// Every counter that has grown, as text: what a record expects and what the program did.
import { native, type NativeDatapath } from '../../src/datapath/native.ts';
import { allDistributors, allVips, POSITIONS, type Distributor, type Vip } from './distributors.ts';
import type { PacketRecord, Verdict } from './packet-record.ts';

const NO_VIP = 'no VIP';

/** By name. */
export type Counters = ReadonlyMap<string, number>;

export function readCounters(datapath: NativeDatapath): Counters {
  const counters = new Map<string, number>();
  const vips = [NO_VIP, ...allVips.map((vip) => vip.name)];
  for (const [index, name] of vips.entries()) {
    const { packets, bytes } = datapath.vipCounters(index);
    for (const [number, count] of packets.entries())
      counters.set(`${name}: ${native.verdicts[number] ?? '?'}`, count);
    counters.set(`${name}: bytes`, bytes);
  }
  for (const distributor of allDistributors)
    for (let position = 0; position < POSITIONS; position++) {
      const name = positionName(distributor, position + 1);
      const { packets, bytes, newFlows, openings } = datapath.positionCounters(
        distributor.positionBase + position,
      );
      counters.set(`${name}: packets`, packets);
      counters.set(`${name}: bytes`, bytes);
      counters.set(`${name}: new flows`, newFlows);
      counters.set(`${name}: openings`, openings);
    }
  return counters;
}

export function growth(before: Counters, after: Counters): string[] {
  return [...after].flatMap(([name, count]) => line(name, count - (before.get(name) ?? 0)));
}

/** Of one packet: one verdict and, where it is forwarded, one position. */
export function countedBy(packet: {
  readonly vip: Vip | null;
  readonly verdict: Verdict;
  /** The owner it is forwarded to. */
  readonly to: number | null;
  /** No entry tells of its flow, though there was room. */
  readonly opening: boolean;
  readonly record: PacketRecord;
}): string[] {
  const name = packet.vip?.name ?? NO_VIP;
  const counted = line(`${name}: ${packet.verdict}`, 1);
  if (packet.vip === null || packet.to === null) return counted;
  const { accounted: bytes } = packet.record.frame.layout;
  const position = positionName(packet.vip.distributor, packet.to);
  return [
    ...counted,
    ...line(`${name}: bytes`, bytes),
    ...line(`${position}: packets`, 1),
    ...line(`${position}: bytes`, bytes),
    ...line(`${position}: new flows`, packet.record.newFlow === true ? 1 : 0),
    ...line(`${position}: openings`, packet.opening ? 1 : 0),
  ];
}

function line(name: string, count: number): string[] {
  return count === 0 ? [] : [`${name} ${count}`];
}

function positionName({ name }: Distributor, owner: number): string {
  return `${name}, owner ${owner}`;
}
