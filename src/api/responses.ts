// SPDX-License-Identifier: Apache-2.0
// From the state and the data path to the wire.
import type { AmphoraStats } from '../../build/proto/distributor/v1/AmphoraStats.ts';
import type { AmphoraStatus } from '../../build/proto/distributor/v1/AmphoraStatus.ts';
import type { Condition } from '../../build/proto/distributor/v1/Condition.ts';
import type { Distributor as DistributorMessage } from '../../build/proto/distributor/v1/Distributor.ts';
import type { DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { VipStats } from '../../build/proto/distributor/v1/VipStats.ts';
import type { VipStatus } from '../../build/proto/distributor/v1/VipStatus.ts';
import type { Datapath } from '../datapath/datapath.ts';
import type { Distributor } from '../model/distributor.ts';
import { vlanOffloadMessage, type Vip } from '../model/vip.ts';
import type { ConflictWatch } from '../reconcile/conflict-watch.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Stored } from '../store/store.ts';

export interface View {
  readonly datapath: Datapath;
  readonly reconciler: Reconciler;
  readonly conflicts: ConflictWatch;
}

export function vipStatus(vip: Vip, { datapath }: View): VipStatus {
  const port = datapath.portState(vip.interface);
  return {
    address: vip.address,
    interface: vip.interface,
    vlan_ids: [...vip.vlanIds],
    subnet: vip.subnet ?? '',
    gateway: vip.gateway ?? '',
    affinity: `AFFINITY_${vip.affinity}`,
    tracking: `TRACKING_${vip.tracking}`,
    mac: port?.mac ?? '',
    xdp_mode: port?.xdpMode ?? '',
  };
}

export function amphoraStatuses(
  distributor: Distributor,
  { reconciler, datapath }: View,
  slots = datapath.slotCounts(distributor.id),
): AmphoraStatus[] {
  const occupants = reconciler.occupants(distributor.id);
  return distributor.amphorae.map((amphora) => {
    const occupant = occupants.get(amphora.position);
    const mac = occupant?.amphoraId === amphora.id ? occupant.mac : null;
    return {
      id: amphora.id,
      ip: amphora.ip,
      mac: mac ?? '',
      weight: amphora.weight,
      position: amphora.position,
      state: `AMPHORA_STATE_${amphora.state}`,
      resolved: mac !== null,
      unsettled_slots: slots?.previous.get(amphora.position) ?? 0,
    };
  });
}

export function distributorMessage(
  { distributor, revision }: Stored,
  view: View,
): DistributorMessage {
  const slots = view.datapath.slotCounts(distributor.id); // reads the whole table: once
  const amphorae = amphoraStatuses(distributor, view, slots);
  return {
    id: distributor.id,
    load_balancer: distributor.loadBalancer,
    vips: distributor.vips.map((vip) => vipStatus(vip, view)),
    amphorae,
    table_size: distributor.tableSize,
    unsettled_slots: slots?.unsettled ?? 0,
    revision,
    conditions: conditionsOf(distributor, amphorae, view),
  };
}

function conditionsOf(
  distributor: Distributor,
  amphorae: readonly AmphoraStatus[],
  view: View,
): Condition[] {
  const conditions: Condition[] = [];
  const add = (type: string, message: string) => conditions.push({ type, message });
  const outOfSync = view.reconciler.outOfSync(distributor.id);
  if (outOfSync !== null) add('OUT_OF_SYNC', outOfSync);
  for (const name of new Set(distributor.vips.map((vip) => vip.interface))) {
    const port = view.datapath.portState(name);
    if (port === null) continue;
    if (port.xdpMode === 'generic')
      add('XDP_GENERIC_MODE', `interface ${name}: its driver has no native XDP, packets cost more`);
    if (port.condition === 'down') add('PORT_DOWN', `interface ${name} is down`);
    if (port.condition === 'replaced')
      add('PORT_REPLACED', `interface ${name} is gone, or has another index or MAC`);
    if (port.stripsVlanTags && distributor.vips.some((vip) => isTaggedOn(vip, name)))
      add('VLAN_OFFLOAD', vlanOffloadMessage(name));
  }
  for (const vip of distributor.vips) addVipConditions(distributor.id, vip, { view, add });
  for (const { id, ip, resolved } of amphorae)
    if (resolved !== true)
      add('AMPHORA_UNRESOLVED', `amphora ${String(id)}: the MAC of ${String(ip)} is not known`);
  if (!amphorae.some(({ state, resolved }) => state === 'AMPHORA_STATE_ACTIVE' && resolved))
    add('NO_AMPHORA', 'no active amphora with a known MAC: new connections are dropped');
  return conditions;
}

function isTaggedOn(vip: Vip, interfaceName: string): boolean {
  return vip.interface === interfaceName && vip.vlanIds.length > 0;
}

function addVipConditions(
  distributorId: string,
  vip: Vip,
  { view, add }: { readonly view: View; readonly add: (type: string, message: string) => void },
): void {
  const name = `${vip.address} on ${[vip.interface, ...vip.vlanIds].join('.')}`;
  const claimant = view.conflicts.claimant(distributorId, vip);
  if (claimant !== null)
    add('VIP_CONFLICT', `${name}: ${claimant.mac} claimed it ${claimant.secondsAgo} s ago`);
  const state = view.datapath.vipState(distributorId, vip);
  if (state?.flowTableFull === true)
    add('FLOW_TABLE_FULL', `${name}: ${state.flowEntries} flow entries are its share`);
  if (state?.listens === false)
    add(
      'MLD_UNAVAILABLE',
      `${name}: its group is not reported, switches may hold solicitations back`,
    );
}

export function drainStatuses(
  distributor: Distributor,
  ids: ReadonlySet<string>,
  { datapath }: View,
): DrainStatus[] {
  const slots = datapath.slotCounts(distributor.id);
  return distributor.amphorae
    .filter(({ id }) => ids.has(id))
    .map(({ id, state, position }) => ({
      amphora_id: id,
      state: `AMPHORA_STATE_${state}` as const,
      unsettled_slots: slots?.previous.get(position) ?? 0,
    }));
}

export function vipStats({ id, vips }: Distributor, { datapath }: View): VipStats[] {
  return vips.map((vip) => {
    const counts = datapath.vipCounts(id, vip);
    return {
      address: vip.address,
      interface: vip.interface,
      vlan_ids: [...vip.vlanIds],
      packets: counts?.packets ?? {},
      forwarded_bytes: counts?.forwardedBytes ?? 0,
      flow_entries: datapath.vipState(id, vip)?.flowEntries ?? 0,
    };
  });
}

export function amphoraStats({ id, amphorae }: Distributor, { datapath }: View): AmphoraStats[] {
  return amphorae.map((amphora) => {
    const counts = datapath.positionCounts(id, amphora.position);
    return {
      amphora_id: amphora.id,
      packets: counts?.packets ?? 0,
      bytes: counts?.bytes ?? 0,
      new_flows: counts?.newFlows ?? 0,
    };
  });
}
