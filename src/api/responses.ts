// SPDX-License-Identifier: Apache-2.0
// From the state and the data path to the wire.
import type { AmphoraStats } from '../../build/proto/distributor/v1/AmphoraStats.ts';
import type { AmphoraStatus } from '../../build/proto/distributor/v1/AmphoraStatus.ts';
import type { Distributor as DistributorMessage } from '../../build/proto/distributor/v1/Distributor.ts';
import type { DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { VipStats } from '../../build/proto/distributor/v1/VipStats.ts';
import type { VipStatus } from '../../build/proto/distributor/v1/VipStatus.ts';
import type { Distributor } from '../model/distributor.ts';
import type { Vip } from '../model/vip.ts';
import { idleTimeouts } from '../plan/wanted.ts';
import { macInUse, type Observers } from '../reconcile/conditions.ts';
import type { DrainSupervisor } from '../reconcile/drain-supervisor.ts';
import type { StatusBoard } from '../reconcile/status-board.ts';
import type { Stored } from '../store/store.ts';
import { drainStatus } from './drain-responses.ts';
import { toTimestamp } from './timestamps.ts';

export interface View extends Observers {
  readonly board: StatusBoard;
  readonly drains: DrainSupervisor;
}

export function vipStatus(vip: Vip, { datapath, reconciler }: View): VipStatus {
  const port = datapath.portState(vip.interface);
  const { tcpIdle, otherIdle } = idleTimeouts(vip, reconciler.timeouts);
  return {
    address: vip.address,
    interface: vip.interface,
    vlan_ids: [...vip.vlanIds],
    subnet: vip.subnet ?? '',
    gateway: vip.gateway ?? '',
    affinity: `AFFINITY_${vip.affinity}`,
    tracking: `TRACKING_${vip.tracking}`,
    mac: port.mac ?? '',
    xdp_mode: port.xdpMode ?? '',
    tcp_idle_seconds: tcpIdle,
    other_idle_seconds: otherIdle,
  };
}

export function amphoraStatuses(
  distributor: Distributor,
  view: View,
  slots = view.datapath.slotCounts(distributor.id),
): AmphoraStatus[] {
  return distributor.amphorae.map((amphora) => {
    const mac = macInUse(distributor, amphora, view);
    const { id, ip, weight, position, state } = amphora;
    const drain = state === 'DRAINING' ? view.drains.report(distributor.id, id) : null;
    return {
      id,
      ip,
      mac: mac ?? '',
      weight,
      ...(position === null ? {} : { position }),
      state: `AMPHORA_STATE_${state}`,
      resolved: mac !== null,
      unsettled_slots: position === null ? 0 : (slots?.previous.get(position) ?? 0),
      drain: drain === null ? null : drainStatus(drain),
    };
  });
}

export function distributorMessage(stored: Stored, view: View): DistributorMessage {
  const { distributor, revision } = stored;
  const slots = view.datapath.slotCounts(distributor.id); // reads the whole table: once
  const { status, conditions } = view.board.report(stored);
  return {
    id: distributor.id,
    load_balancer: distributor.loadBalancer,
    vips: distributor.vips.map((vip) => vipStatus(vip, view)),
    amphorae: amphoraStatuses(distributor, view, slots),
    table_size: distributor.tableSize,
    unsettled_slots: slots?.unsettled ?? 0,
    revision,
    conditions: conditions.map(({ type, subject, message, since }) => ({
      type,
      subject,
      message,
      since: toTimestamp(since),
    })),
    status: `STATUS_${status}`,
  };
}

export function drainStatuses(
  id: string,
  amphoraIds: readonly string[],
  view: View,
): DrainStatus[] {
  return amphoraIds.flatMap((amphoraId) => {
    const report = view.drains.report(id, amphoraId);
    return report === null ? [] : [drainStatus(report)];
  });
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

/** Of those that have a position: packets to a standby would be another's. */
export function amphoraStats({ id, amphorae }: Distributor, { datapath }: View): AmphoraStats[] {
  return amphorae.flatMap((amphora) => {
    if (amphora.position === null) return [];
    const counts = datapath.positionCounts(id, amphora.position);
    return [
      {
        amphora_id: amphora.id,
        packets: counts?.packets ?? 0,
        bytes: counts?.bytes ?? 0,
        new_flows: counts?.newFlows ?? 0,
      },
    ];
  });
}
