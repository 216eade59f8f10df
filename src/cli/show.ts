// SPDX-License-Identifier: Apache-2.0
// Distributors, VIPs and amphorae as a person reads them.
import type { AmphoraStatus__Output as AmphoraStatus } from '../../build/proto/distributor/v1/AmphoraStatus.ts';
import type { Distributor__Output as Distributor } from '../../build/proto/distributor/v1/Distributor.ts';
import type { VipStatus__Output as VipStatus } from '../../build/proto/distributor/v1/VipStatus.ts';
import { describeRemaining, isOver } from './describe-drain.ts';
import { sumOf } from './describe-drains.ts';
import { withoutPrefix } from './enum-names.ts';
import { describeCondition, earliestByType } from './show-conditions.ts';
import { formatTable } from './table.ts';

export const placeHeadings = ['VIP', 'INTERFACE', 'VLANS'] as const;

/** The same address on two attachments is two VIPs. */
export function placeOf(vip: Pick<VipStatus, 'address' | 'interface' | 'vlan_ids'>) {
  return [vip.address, vip.interface, vip.vlan_ids.join('.') || '-'] as const;
}

export function showAmphorae(amphorae: readonly AmphoraStatus[]): string {
  return formatTable(
    [
      ...['POSITION', 'AMPHORA', 'IP', 'MAC', 'WEIGHT', 'STATE'],
      ...['DRAIN', 'REMAINING', 'UNSETTLED SLOTS'],
    ],
    amphorae.map((amphora) => [
      amphora._position === undefined ? '-' : (amphora.position ?? '-'),
      amphora.id,
      amphora.ip,
      amphora.resolved ? amphora.mac : '(unresolved)',
      amphora.weight,
      withoutPrefix(amphora.state, 'AMPHORA_STATE_'),
      amphora.drain === null ? '-' : withoutPrefix(amphora.drain.state, 'DRAIN_STATE_'),
      amphora.drain === null ? '-' : describeRemaining(amphora.drain.remaining),
      amphora.unsettled_slots,
    ]),
  );
}

export function showVips(vips: readonly VipStatus[]): string {
  return formatTable(
    [...placeHeadings, 'MAC', 'XDP', 'AFFINITY', 'TRACKING', 'TCP IDLE', 'OTHER IDLE'],
    vips.map((vip) => [
      ...placeOf(vip),
      vip.mac || '-',
      vip.xdp_mode || '-',
      withoutPrefix(vip.affinity, 'AFFINITY_'),
      withoutPrefix(vip.tracking, 'TRACKING_'),
      `${vip.tcp_idle_seconds} s`,
      `${vip.other_idle_seconds} s`,
    ]),
  );
}

export function showDistributors(distributors: readonly Distributor[], now: number): string {
  return formatTable(
    [
      ...['DISTRIBUTOR', 'LOAD BALANCER', 'STATUS', 'VIPS', 'AMPHORAE', 'DRAINING'],
      ...['UNSETTLED', 'REVISION', 'CONDITIONS'],
    ],
    distributors.map((distributor) => [
      distributor.id,
      nameOf(distributor),
      statusOf(distributor),
      [...new Set(distributor.vips.map(({ address }) => address))].join(' ') || '-',
      distributor.amphorae.length,
      draining(distributor.amphorae),
      distributor.unsettled_slots,
      distributor.revision,
      earliestByType(distributor.conditions, now).join(', ') || '-',
    ]),
  );
}

/** `2: 312 left (tcp 312)`, of those whose drain goes on. */
function draining(amphorae: readonly AmphoraStatus[]): string {
  const drains = amphorae
    .map(({ drain }) => drain)
    .filter((drain) => drain !== null)
    .filter((drain) => !isOver(drain));
  if (drains.length === 0) return '-';
  return `${drains.length}: ${describeRemaining(sumOf(drains).remaining)}`;
}

export function showDistributor(distributor: Distributor, now: number): string {
  const facts: readonly (readonly [string, string | number])[] = [
    ['distributor', distributor.id],
    ['load balancer', distributor.load_balancer?.id ?? ''],
    ['name', printable(distributor.load_balancer?.name ?? '') || '-'],
    ['status', statusOf(distributor)],
    ['table', `${distributor.table_size} slots, ${distributor.unsettled_slots} unsettled`],
    ['revision', distributor.revision],
    ...distributor.conditions.map(
      (condition) => [condition.type, describeCondition(condition, now)] as const,
    ),
  ];
  const head = facts.map(([name, value]) => `${name.padEnd(20)}${value}`).join('\n');
  return [head, showVips(distributor.vips), showAmphorae(distributor.amphorae)].join('\n\n');
}

/** By its load balancer, which may have an id only. */
export function nameOf({ load_balancer }: Distributor): string {
  return printable(load_balancer?.name ?? '') || (load_balancer?.id ?? '-');
}

/** Tenants choose names: what would direct a terminal, or look like a line of ours, is shown as a code. */
function printable(name: string): string {
  const code = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, code);
}

export function statusOf({ status }: Distributor): string {
  return withoutPrefix(status, 'STATUS_');
}
