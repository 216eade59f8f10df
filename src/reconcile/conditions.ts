// SPDX-License-Identifier: Apache-2.0
import type { Datapath } from '../datapath/datapath.ts';
import type { Amphora } from '../model/amphora.ts';
import type { Distributor } from '../model/distributor.ts';
import { vlanOffloadMessage, type Vip } from '../model/vip.ts';
import { macOf } from '../plan/wanted.ts';
import type { ConflictWatch } from './conflict-watch.ts';
import type { Reconciler } from './reconciler.ts';

export type ConditionType =
  | 'XDP_GENERIC_MODE'
  | 'PORT_DOWN'
  | 'PORT_GONE'
  | 'PORT_DETACHED'
  | 'VLAN_OFFLOAD'
  | 'VIP_CONFLICT'
  | 'FLOW_TABLE_FULL'
  | 'MLD_UNAVAILABLE'
  | 'MLD_NOT_KEPT'
  | 'AMPHORA_UNRESOLVED'
  | 'AMPHORA_FAILED'
  | 'NO_AMPHORA'
  | 'OUT_OF_SYNC';

const portsWithoutTraffic = new Set<ConditionType>(['PORT_DOWN', 'PORT_GONE', 'PORT_DETACHED']);

/** Something that is not as it should be. */
export interface Condition {
  readonly type: ConditionType;
  /** The amphora, port or VIP that it is about; empty: the distributor. */
  readonly subject: string;
  readonly message: string;
}

export type Status = 'ONLINE' | 'DEGRADED' | 'DOWN';

export interface Observers {
  readonly datapath: Datapath;
  readonly reconciler: Reconciler;
  readonly conflicts: ConflictWatch;
}

/** All that is not as it should be with a distributor now. */
export function conditionsOf(distributor: Distributor, observers: Observers): Condition[] {
  return [
    ...syncConditions(distributor, observers),
    ...portConditions(distributor, observers),
    ...distributor.vips.flatMap((vip) => vipConditions(distributor.id, vip, observers)),
    ...amphoraConditions(distributor, observers),
  ];
}

/** DOWN = new connections are dropped. */
export function statusOf({ vips }: Distributor, conditions: readonly Condition[]): Status {
  if (conditions.length === 0) return 'ONLINE';
  if (conditions.some(({ type }) => type === 'NO_AMPHORA')) return 'DOWN';
  const dead = new Set(
    conditions.filter(({ type }) => portsWithoutTraffic.has(type)).map(({ subject }) => subject),
  );
  const isDown = vips.length > 0 && vips.every((vip) => dead.has(vip.interface));
  return isDown ? 'DOWN' : 'DEGRADED';
}

/** The MAC in use for an amphora; for one without a position that which would be. */
export function macInUse(
  distributor: Distributor,
  amphora: Amphora,
  { reconciler, datapath }: Pick<Observers, 'reconciler' | 'datapath'>,
): string | null {
  if (amphora.position === null)
    return macOf(distributor, amphora, {
      resolved: (neighbour) => datapath.resolvedMac(neighbour),
      port: (name) => datapath.port(name),
    });
  const occupant = reconciler.occupants(distributor.id).get(amphora.position);
  return occupant?.amphoraId === amphora.id ? occupant.mac : null;
}

function syncConditions({ id }: Distributor, { reconciler }: Observers): Condition[] {
  const message = reconciler.outOfSync(id);
  return message === null ? [] : [{ type: 'OUT_OF_SYNC', subject: '', message }];
}

function portConditions({ vips }: Distributor, { datapath }: Observers): Condition[] {
  const conditions: Condition[] = [];
  for (const subject of new Set(vips.map((vip) => vip.interface))) {
    const port = datapath.portState(subject);
    const add = (type: ConditionType, message: string) =>
      conditions.push({ type, subject, message });
    if (port.link === 'gone') {
      add('PORT_GONE', `interface ${subject} is not on this host`);
      continue;
    }
    if (port.xdpMode === null)
      add('PORT_DETACHED', `interface ${subject}: the XDP program is not on it`);
    if (port.xdpMode === 'generic')
      add('XDP_GENERIC_MODE', `interface ${subject}: no native XDP, packets cost more`);
    if (port.link === 'down') add('PORT_DOWN', `interface ${subject} is down`);
    const isTagged = vips.some((vip) => vip.interface === subject && vip.vlanIds.length > 0);
    if (port.stripsVlanTags && isTagged) add('VLAN_OFFLOAD', vlanOffloadMessage(subject));
  }
  return conditions;
}

function vipConditions(
  distributorId: string,
  vip: Vip,
  { datapath, conflicts }: Observers,
): Condition[] {
  const conditions: Condition[] = [];
  const subject = `${vip.address} on ${[vip.interface, ...vip.vlanIds].join('.')}`;
  const add = (type: ConditionType, message: string) =>
    conditions.push({ type, subject, message: `${subject}: ${message}` });
  const claimant = conflicts.claimant(distributorId, vip);
  if (claimant !== null) add('VIP_CONFLICT', `${claimant} claims it`);
  const state = datapath.vipState(distributorId, vip);
  const isGone = datapath.portState(vip.interface).link === 'gone';
  if (state?.flowTableFull === true) add('FLOW_TABLE_FULL', 'it has its share of flow entries');
  if (state?.listens === 'for-now' && !isGone)
    add('MLD_NOT_KEPT', 'its group is reported only while the daemon runs');
  if (state?.listens === 'unreported' && !isGone)
    add('MLD_UNAVAILABLE', 'its group is not reported, switches may hold solicitations back');
  return conditions;
}

function amphoraConditions(distributor: Distributor, observers: Observers): Condition[] {
  const conditions: Condition[] = [];
  let serving = 0;
  for (const amphora of distributor.amphorae) {
    const { id, ip, state } = amphora;
    if (state === 'FAILED') {
      const message = `amphora ${id} has failed, and was not registered again`;
      conditions.push({ type: 'AMPHORA_FAILED', subject: id, message });
    } else if (macInUse(distributor, amphora, observers) === null) {
      const message = `amphora ${id}: the MAC of ${ip} is not known`;
      conditions.push({ type: 'AMPHORA_UNRESOLVED', subject: id, message });
    } else if (state === 'ACTIVE') serving++;
  }
  if (serving === 0) {
    const message = 'no active amphora with a known MAC: new connections are dropped';
    conditions.push({ type: 'NO_AMPHORA', subject: '', message });
  }
  return conditions;
}
