// SPDX-License-Identifier: Apache-2.0
import type { Amphora } from '../../../src/model/amphora.ts';
import type { Distributor } from '../../../src/model/distributor.ts';
import type { Vip } from '../../../src/model/vip.ts';
import { addAdoptionSeries } from '../../../src/metrics/adoption-series.ts';
import { createDaemonMetrics } from '../../../src/metrics/daemon-metrics.ts';
import { addHeartbeatSeries } from '../../../src/metrics/heartbeat-series.ts';
import type { Metrics } from '../../../src/metrics/metrics.ts';
import { addTlsSeries } from '../../../src/metrics/tls-series.ts';
import { ConflictWatch } from '../../../src/reconcile/conflict-watch.ts';
import { DrainSupervisor } from '../../../src/reconcile/drain-supervisor.ts';
import { Reconciler } from '../../../src/reconcile/reconciler.ts';
import { StatusBoard } from '../../../src/reconcile/status-board.ts';
import { DistributorStore } from '../../../src/store/distributor-store.ts';
import { parseExposition, type Series } from '../../support/exposition.ts';
import { MemoryDatapath } from '../driver/memory-datapath.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A data path whose counters the test sets. */
class CountingDatapath extends MemoryDatapath {
  readonly packets: Record<string, number> = {};
  forwardedBytes = 0;
  readonly position = { packets: 0, bytes: 0, newFlows: 0, openings: 0, tenure: 0 };

  override vipCounts = () => ({
    packets: { tx_unpinned: 0, ...this.packets },
    forwardedBytes: this.forwardedBytes,
  });
  override positionCounts() {
    return { ...this.position };
  }
}

/** The daemon's metrics over a data path of the test's own. */
export class MetricsBed {
  readonly store = new DistributorStore();
  readonly datapath = new CountingDatapath();
  readonly metrics: Metrics;
  readonly drains: DrainSupervisor;
  reload = { successful: true, lastSuccess: 0 };

  constructor() {
    const { store, datapath } = this;
    const timeouts = { tcpIdle: 900, otherIdle: 60 };
    const reconciler = new Reconciler(datapath, { log: silent, timeouts });
    const conflicts = new ConflictWatch(datapath, silent);
    const parts = { store, datapath, reconciler, conflicts, log: silent };
    this.drains = new DrainSupervisor({ ...parts, finish: () => Promise.resolve() });
    this.metrics = createDaemonMetrics({
      ...{ ...parts, board: new StatusBoard(parts), drains: this.drains },
      ...{ version: '1.2.3', abi: 7, flowCapacity: 1000 },
      reload: { state: this.reload },
      logOutput: { dropped: 0 },
      pins: { restored: 0, areInPlace: true },
    });
    const adoption = { abiVersion: 4, carried: ['flows'], lostFlows: 0, states: new Map() };
    this.metrics.register('adoption', (out) => addAdoptionSeries(out, { adoption, store }));
    this.metrics.register('heartbeat', (out) => addHeartbeatSeries(out, { sent: 5, failures: 6 }));
    const tls = { certificateNotAfter: 1, caNotAfter: 2, crlNextUpdate: 3, reloads: 4 };
    this.metrics.register('tls', (out) => addTlsSeries(out, { ...tls, lastReloadFailed: null }));
  }

  async put(distributor: Distributor): Promise<void> {
    const { id } = distributor;
    await this.store.commit({
      ...{ id, before: this.store.get(id)?.distributor ?? null, after: distributor },
    });
  }

  async text(): Promise<string> {
    return textOf(this.metrics);
  }

  async series(name: string): Promise<readonly Series[]> {
    return parseExposition(await this.text()).filter((series) => series.name === name);
  }
}

export async function textOf(metrics: Metrics): Promise<string> {
  let text = '';
  for await (const piece of metrics.scrape()) text += piece.toString();
  return text;
}

export function distributor(
  id: string,
  { vips = [], amphorae = [] }: { vips?: readonly Vip[]; amphorae?: readonly Amphora[] } = {},
): Distributor {
  const loadBalancer = { id: `lb-${id}`, name: '' };
  return { id, loadBalancer, vips, amphorae, tableSize: 1024, nextPosition: amphorae.length };
}

export function vip(address: string, vlanIds: readonly number[] = []): Vip {
  return {
    ...{ address, interface: 'eth0', vlanIds, subnet: null, gateway: null },
    ...{ affinity: 'SOURCE_IP', tracking: 'ADAPTIVE', tcpIdle: null, otherIdle: null },
  };
}
