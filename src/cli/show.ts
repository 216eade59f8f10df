// SPDX-License-Identifier: Apache-2.0
// Answers as a person reads them.
import type { AmphoraStatus__Output as AmphoraStatus } from '../../build/proto/distributor/v1/AmphoraStatus.ts';
import type { Distributor__Output as Distributor } from '../../build/proto/distributor/v1/Distributor.ts';
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { GetStatsResponse__Output as Stats } from '../../build/proto/distributor/v1/GetStatsResponse.ts';
import type { VipStatus__Output as VipStatus } from '../../build/proto/distributor/v1/VipStatus.ts';
import { formatTable } from './table.ts';

const withoutPrefix = (name: string | number, prefix: string) => String(name).replace(prefix, '');

const place = ['VIP', 'INTERFACE', 'VLANS'] as const;

/** The same address on two attachments is two VIPs. */
function placeOf(vip: Pick<VipStatus, 'address' | 'interface' | 'vlan_ids'>) {
  return [vip.address, vip.interface, vip.vlan_ids.join('.') || '-'] as const;
}

export function showAmphorae(amphorae: readonly AmphoraStatus[]): string {
  return formatTable(
    ['POSITION', 'AMPHORA', 'IP', 'MAC', 'WEIGHT', 'STATE', 'UNSETTLED SLOTS'],
    amphorae.map(({ position, id, ip, mac, weight, state, resolved, unsettled_slots }) => [
      position,
      id,
      ip,
      resolved ? mac : '(unresolved)',
      weight,
      withoutPrefix(state, 'AMPHORA_STATE_'),
      unsettled_slots,
    ]),
  );
}

export function showVips(vips: readonly VipStatus[]): string {
  return formatTable(
    [...place, 'MAC', 'XDP', 'AFFINITY', 'TRACKING'],
    vips.map((vip) => [
      ...placeOf(vip),
      vip.mac || '-',
      vip.xdp_mode || '-',
      withoutPrefix(vip.affinity, 'AFFINITY_'),
      withoutPrefix(vip.tracking, 'TRACKING_'),
    ]),
  );
}

export function showDistributors(distributors: readonly Distributor[]): string {
  return formatTable(
    ['DISTRIBUTOR', 'LOAD BALANCER', 'VIPS', 'AMPHORAE', 'UNSETTLED', 'REVISION', 'CONDITIONS'],
    distributors.map((distributor) => [
      distributor.id,
      distributor.load_balancer?.name || (distributor.load_balancer?.id ?? ''),
      [...new Set(distributor.vips.map(({ address }) => address))].join(' ') || '-',
      distributor.amphorae.length,
      distributor.unsettled_slots,
      distributor.revision,
      [...new Set(distributor.conditions.map(({ type }) => type))].join(' ') || '-',
    ]),
  );
}

export function showDistributor(distributor: Distributor): string {
  const facts: readonly (readonly [string, string | number])[] = [
    ['distributor', distributor.id],
    ['load balancer', distributor.load_balancer?.id ?? ''],
    ['name', distributor.load_balancer?.name || '-'],
    ['table', `${distributor.table_size} slots, ${distributor.unsettled_slots} unsettled`],
    ['revision', distributor.revision],
    ...distributor.conditions.map(({ type, message }) => [type, message] as const),
  ];
  const head = facts.map(([name, value]) => `${name.padEnd(20)}${value}`).join('\n');
  return [head, showVips(distributor.vips), showAmphorae(distributor.amphorae)].join('\n\n');
}

export function showDrains(drains: readonly DrainStatus[]): string {
  return formatTable(
    ['AMPHORA', 'STATE', 'UNSETTLED SLOTS'],
    drains.map(({ amphora_id, state, unsettled_slots }) => [
      amphora_id,
      withoutPrefix(state, 'AMPHORA_STATE_'),
      unsettled_slots,
    ]),
  );
}

/** Verdicts that never happened are left out. */
export function showStats({ vips, amphorae, host_packets }: Stats): string {
  const verdicts = vips.flatMap((vip) =>
    Object.entries(vip.packets)
      .filter(([, packets]) => packets > 0)
      .map(([verdict, packets]) => [...placeOf(vip), verdict, packets] as const),
  );
  return [
    formatTable(
      [...place, 'FORWARDED BYTES', 'FLOW ENTRIES'],
      vips.map((vip) => [...placeOf(vip), vip.forwarded_bytes, vip.flow_entries]),
    ),
    formatTable([...place, 'VERDICT', 'PACKETS'], verdicts),
    formatTable(
      ['AMPHORA', 'PACKETS', 'BYTES', 'NEW FLOWS'],
      amphorae.map((amphora) => [
        amphora.amphora_id,
        amphora.packets,
        amphora.bytes,
        amphora.new_flows,
      ]),
    ),
    `host packets: ${host_packets}`,
  ].join('\n\n');
}
