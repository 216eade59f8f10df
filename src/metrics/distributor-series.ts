// SPDX-License-Identifier: Apache-2.0
import type { Datapath } from '../datapath/datapath.ts';
import type { Amphora } from '../model/amphora.ts';
import type { Distributor } from '../model/distributor.ts';
import type { Vip } from '../model/vip.ts';
import type { Slices } from '../slices.ts';
import type { MetricName } from './definitions.ts';
import { joined, labels, line, noLabels, type Exposition, type LabelText } from './exposition.ts';
import { MonotonicCounts } from './monotonic-counts.ts';
import { Readings, type ReadingParts, type Tables } from './readings.ts';
import { verdictClasses } from './verdict-classes.ts';

/** Series of each distributor, its VIPs and its amphorae, as they are at a scrape. */
export class DistributorSeries {
  readonly #parts: ReadingParts;
  readonly #counts = new MonotonicCounts();
  #spare: Tables | null = null;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
  }

  async collect(out: Exposition, slices: Slices): Promise<void> {
    const means = { parts: this.#parts, counts: this.#counts, slices, spare: this.#spare };
    this.#spare = null;
    const readings = await Readings.read(means);
    const { vips, amphorae } = readings;
    out.onEnd(() => (this.#spare = { vips, amphorae }));
    addTotals(out, readings, this.#parts.datapath);
    out.addMany('distributord_distributor_status', () => statusLines(readings));
    addVips(out, readings);
    addAmphorae(out, readings);
  }
}

function addTotals(out: Exposition, readings: Readings, datapath: Datapath): void {
  const { byStatus, byCondition, ports, flowEntries, activeDrains } = readings;
  for (const [status, number] of byStatus)
    out.add('distributord_distributors', number, labels({ status }));
  for (const [type, number] of byCondition)
    out.add('distributord_conditions', number, labels({ type }));
  out.add('distributord_vip_conflicts', byCondition.get('VIP_CONFLICT') ?? 0);
  out.add('distributord_drains_active', activeDrains);
  out.add('distributord_flow_entries', flowEntries);
  for (const port of ports) {
    const state = datapath.portState(port);
    const isUp = state.link === 'up' ? 1 : 0;
    out.add('distributord_port_up', isUp, labels({ interface: port }));
    const mode = state.xdpMode ?? 'none';
    out.add('distributord_port_info', 1, labels({ interface: port, mode }));
  }
}

function addVips(out: Exposition, readings: Readings): void {
  const { vips, drops } = readings;
  const classes = verdictClasses.map((name) => [vips[name], labels({ class: name })] as const);
  const add = (name: MetricName, samples: (row: number) => Iterable<Sample>) =>
    out.addMany(name, () => vipLines(readings, { name, samples }));
  add('distributord_vip_packets_total', (row) =>
    classes.map(([column, label]) => [column[row] ?? NaN, label]),
  );
  add('distributord_vip_drops_total', (row) =>
    (drops.get(row) ?? []).map(([reason, dropped]) => [dropped, labels({ reason })]),
  );
  add('distributord_vip_forwarded_bytes_total', (row) => [[vips.bytes[row] ?? NaN, noLabels]]);
  add('distributord_vip_flow_entries', (row) => [[vips.flowEntries[row] ?? NaN, noLabels]]);
}

function addAmphorae(out: Exposition, readings: Readings): void {
  const { packets, bytes, newFlows, remaining } = readings.amphorae;
  const add = (name: MetricName, values: Float64Array) =>
    out.addMany(name, () => amphoraLines(readings, { name, values }));
  add('distributord_drain_remaining_connections', remaining);
  add('distributord_amphora_packets_total', packets);
  add('distributord_amphora_bytes_total', bytes);
  add('distributord_amphora_new_flows_total', newFlows);
}

function* statusLines({ distributors, status }: Readings): Generator<string> {
  for (const [row, distributor] of distributors.entries()) {
    const own = labels({ status: status[row] ?? '' });
    yield line('distributord_distributor_status', 1, joined(labelsOf(distributor), own));
  }
}

/** A value, and the labels that it has besides the VIP's. */
type Sample = readonly [number, LabelText];

interface VipFamily {
  readonly name: MetricName;
  /** By row of the readings. */
  readonly samples: (row: number) => Iterable<Sample>;
}

function* vipLines({ distributors }: Readings, family: VipFamily): Generator<string> {
  const { name, samples } = family;
  let row = 0;
  for (const distributor of distributors)
    for (const vip of distributor.vips) {
      let place: LabelText | null = null;
      for (const [value, more] of samples(row++)) {
        if (Number.isNaN(value)) continue;
        place ??= joined(labelsOf(distributor), labelsOfVip(vip));
        yield line(name, value, joined(place, more));
      }
    }
}

interface AmphoraFamily {
  readonly name: MetricName;
  readonly values: Float64Array;
}

function* amphoraLines({ distributors }: Readings, family: AmphoraFamily): Generator<string> {
  const { name, values } = family;
  let row = 0;
  for (const distributor of distributors) {
    let own: LabelText | null = null;
    for (const amphora of distributor.amphorae) {
      const value = values[row++] ?? NaN;
      if (Number.isNaN(value)) continue;
      own ??= labelsOf(distributor);
      yield line(name, value, joined(own, labelsOfAmphora(amphora)));
    }
  }
}

function labelsOf({ id, loadBalancer }: Distributor): LabelText {
  return labels({ distributor: id, load_balancer: loadBalancer.id });
}

function labelsOfVip({ address, interface: port, vlanIds }: Vip): LabelText {
  return labels({ vip: address, interface: port, vlan: vlanIds.join('.') });
}

function labelsOfAmphora({ id, position }: Amphora): LabelText {
  return labels({ amphora: id, position: String(position) });
}
