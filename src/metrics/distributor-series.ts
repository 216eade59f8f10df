// SPDX-License-Identifier: Apache-2.0
import type { Datapath } from '../datapath/datapath.ts';
import type { Amphora } from '../model/amphora.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey, type Vip } from '../model/vip.ts';
import type { DrainSupervisor } from '../reconcile/drain-supervisor.ts';
import type { StatusBoard } from '../reconcile/status-board.ts';
import type { Store } from '../store/store.ts';
import { joined, labels, type Exposition, type LabelText } from './exposition.ts';
import { MonotonicCounts } from './monotonic-counts.ts';
import type { Slices } from '../slices.ts';
import { classesOf, verdictClasses, type VerdictClass } from './verdict-classes.ts';

export interface DistributorParts {
  readonly store: Store;
  readonly datapath: Datapath;
  readonly board: StatusBoard;
  readonly drains: DrainSupervisor;
}

const statuses = ['ONLINE', 'DEGRADED', 'DOWN'] as const;

const classLabels = Object.fromEntries(
  verdictClasses.map((name) => [name, labels({ class: name })]),
) as Readonly<Record<VerdictClass, LabelText>>;

/** What is summed up over all distributors while they are gone through. */
interface Totals {
  readonly byStatus: Map<string, number>;
  readonly byCondition: Map<string, number>;
  readonly ports: Set<string>;
  flowEntries: number;
  drains: number;
}

/** Series of each distributor, its VIPs and its amphorae, as they are at a scrape. */
export class DistributorSeries {
  readonly #parts: DistributorParts;
  readonly #counts = new MonotonicCounts();

  constructor(parts: DistributorParts) {
    this.#parts = parts;
  }

  async collect(out: Exposition, slices: Slices): Promise<void> {
    const totals: Totals = {
      byStatus: new Map(statuses.map((status) => [status, 0])),
      byCondition: new Map(),
      ports: new Set(),
      flowEntries: 0,
      drains: 0,
    };
    for (const stored of this.#parts.store.all()) {
      const { id, loadBalancer, vips, amphorae } = stored.distributor;
      const own = labels({ distributor: id, load_balancer: loadBalancer.id });
      const report = this.#parts.board.report(stored);
      count(totals.byStatus, report.status);
      for (const { type } of report.conditions) count(totals.byCondition, type);
      out.add('distributord_distributor_status', 1, joined(own, labels({ status: report.status })));
      for (const vip of vips) {
        totals.ports.add(vip.interface);
        totals.flowEntries += this.#addVip(out, { id, own, vip });
        await slices.turn();
      }
      for (const amphora of amphorae) {
        totals.drains += this.#addAmphora(out, { distributor: stored.distributor, own, amphora });
        await slices.turn();
      }
      await slices.turn();
    }
    this.#counts.forgetOthers();
    this.#addTotals(out, totals);
  }

  /** Returns the flow entries of the VIP. */
  #addVip(
    out: Exposition,
    { id, own, vip }: { readonly id: string; readonly own: LabelText; readonly vip: Vip },
  ): number {
    const { datapath } = this.#parts;
    const counts = datapath.vipCounts(id, vip);
    if (counts === null) return 0; // not plugged yet, or gone meanwhile
    const { address, interface: port, vlanIds } = vip;
    const place = joined(own, labels({ vip: address, interface: port, vlan: vlanIds.join('.') }));
    const names = Object.keys(counts.packets);
    const raw = [counts.forwardedBytes, ...Object.values(counts.packets)];
    const [bytes = 0, ...packets] = this.#counts.add(`${id} vip ${vipKey(vip)}`, raw);
    const { classes, drops } = classesOf(names, packets);
    for (const name of verdictClasses)
      out.add('distributord_vip_packets_total', classes[name], joined(place, classLabels[name]));
    for (const [reason, dropped] of drops)
      out.add('distributord_vip_drops_total', dropped, joined(place, labels({ reason })));
    out.add('distributord_vip_forwarded_bytes_total', bytes, place);
    const entries = datapath.vipState(id, vip)?.flowEntries ?? 0;
    out.add('distributord_vip_flow_entries', entries, place);
    return entries;
  }

  /** Returns the drains of the amphora that go on: 0 or 1. */
  #addAmphora(
    out: Exposition,
    about: {
      readonly distributor: Distributor;
      readonly own: LabelText;
      readonly amphora: Amphora;
    },
  ): number {
    const { amphora, distributor } = about;
    const { position } = amphora;
    if (position === null) return 0; // packets to a standby would be another's
    const counts = this.#parts.datapath.positionCounts(distributor.id, position);
    const place = joined(about.own, labels({ amphora: amphora.id, position: position.toString() }));
    if (counts !== null) {
      const raw = [counts.packets, counts.bytes, counts.newFlows];
      const [packets = 0, bytes = 0, flows = 0] = this.#counts.add(
        `${distributor.id} ${position} ${amphora.id}`,
        raw,
      );
      out.add('distributord_amphora_packets_total', packets, place);
      out.add('distributord_amphora_bytes_total', bytes, place);
      out.add('distributord_amphora_new_flows_total', flows, place);
    }
    if (amphora.state !== 'DRAINING' || amphora.drain.finished !== null) return 0;
    const remaining = this.#parts.drains.report(distributor.id, amphora.id)?.remaining ?? null;
    if (remaining !== null) {
      const { tcp, udp, sctp, other, closing } = remaining;
      const left = tcp + udp + sctp + other + closing;
      out.add('distributord_drain_remaining_connections', left, place);
    }
    return 1;
  }

  #addTotals(out: Exposition, { byStatus, byCondition, ports, flowEntries, drains }: Totals): void {
    const { datapath } = this.#parts;
    for (const [status, number] of byStatus)
      out.add('distributord_distributors', number, labels({ status }));
    for (const [type, number] of byCondition)
      out.add('distributord_conditions', number, labels({ type }));
    out.add('distributord_vip_conflicts', byCondition.get('VIP_CONFLICT') ?? 0);
    out.add('distributord_drains_active', drains);
    out.add('distributord_flow_entries', flowEntries);
    for (const port of ports) {
      const state = datapath.portState(port);
      const isUp = state.link === 'up' ? 1 : 0;
      out.add('distributord_port_up', isUp, labels({ interface: port }));
      const mode = state.xdpMode ?? 'none';
      out.add('distributord_port_info', 1, labels({ interface: port, mode }));
    }
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
