// SPDX-License-Identifier: Apache-2.0
import type { Server } from 'node:net';
import { ApiServer } from './api/server.ts';
import { createService } from './api/service.ts';
import type { ConfigReload } from './config/reload.ts';
import type { Config } from './config.ts';
import type { Adoption, Datapath } from './datapath/datapath.ts';
import { KernelDatapath } from './datapath/kernel-datapath.ts';
import { native } from './datapath/native.ts';
import { DistributorDriver } from './driver/distributor-driver.ts';
import { runFlow } from './driver/engine.ts';
import { Heartbeat } from './heartbeat/heartbeat.ts';
import { takeInstanceLock } from './instance-lock.ts';
import type { Log, LogOutput } from './log.ts';
import { addAdoptionSeries } from './metrics/adoption-series.ts';
import { createDaemonMetrics } from './metrics/daemon-metrics.ts';
import { addHeartbeatSeries } from './metrics/heartbeat-series.ts';
import type { Metrics } from './metrics/metrics.ts';
import { MetricsServer } from './metrics/metrics-server.ts';
import { addTlsSeries } from './metrics/tls-series.ts';
import type { IdleTimeouts, WatchedNeighbour } from './plan/wanted.ts';
import { Announcer } from './reconcile/announcer.ts';
import { reviewChanges } from './reconcile/change-review.ts';
import { ConflictWatch } from './reconcile/conflict-watch.ts';
import { ConvergenceQueue } from './reconcile/convergence-queue.ts';
import { DrainSupervisor } from './reconcile/drain-supervisor.ts';
import { PinWatch } from './reconcile/pin-watch.ts';
import { KeyedLock } from './reconcile/keyed-lock.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { StatusBoard } from './reconcile/status-board.ts';
import { openStore } from './store/open-store.ts';
import type { Store } from './store/store.ts';
import { version } from './version.ts';

/** How often quiet slots are settled, drains counted and failed convergence tried again. */
const upkeepMs = 1000;
/** How often claims to VIPs are looked for, and VIPs that ran out of flow entries logged. */
const conflictsMs = 200;
const fullTableMs = 10_000;
/** Calls in flight have this long to end when the daemon stops. */
const shutdownMs = 5000;

/** What no other process has while the daemon runs. */
interface Held {
  readonly store: Store;
  readonly instanceLock: Server;
}

export interface DaemonParts {
  readonly log: Log;
  readonly logOutput: LogOutput;
  /** What the daemon registers its parts with that can change while it runs. */
  readonly reload: ConfigReload;
}

/** The running daemon: wires the parts together and ends them in order. */
export class Daemon {
  readonly #log: Log;
  readonly #instanceLock: Server;
  readonly #store: Store;
  readonly #datapath: Datapath;
  readonly #reconciler: Reconciler;
  readonly #announcer: Announcer;
  readonly #conflicts: ConflictWatch;
  readonly #board: StatusBoard;
  readonly #pins: PinWatch;
  readonly #drains: DrainSupervisor;
  readonly #locks = new KeyedLock();
  readonly #queue = new ConvergenceQueue((id) => this.#convergeAgain(id));
  readonly #server: ApiServer;
  readonly #metrics: Metrics;
  readonly #metricsServer: MetricsServer;
  readonly #heartbeat: Heartbeat;
  readonly #timers: readonly NodeJS.Timeout[];
  #adoption: Adoption | null = null;
  #lastUpkeep = performance.now();

  private constructor(
    config: Config,
    { log, logOutput, reload }: DaemonParts,
    { store, instanceLock }: Held,
  ) {
    const { capacity, timeouts } = config;
    // Read with each change: a reload writes into it.
    const tables = { ...config.tables };
    this.#instanceLock = instanceLock;
    this.#log = log;
    this.#store = store;
    this.#datapath = new KernelDatapath({
      capacity,
      learningWindow: timeouts.learningWindowSeconds,
      pins: config.state.pins,
    });
    this.#reconciler = new Reconciler(this.#datapath, { log, timeouts: idleTimeouts(config) });
    this.#announcer = new Announcer(this.#datapath, log);
    this.#reconciler.onPlugging((vip, isPlugged) => {
      if (isPlugged) this.#announcer.announce(vip);
      else this.#announcer.stop(vip);
    });
    this.#conflicts = new ConflictWatch(this.#datapath, log);
    this.#pins = new PinWatch(this.#datapath, log);
    const observers = {
      store: this.#store,
      datapath: this.#datapath,
      reconciler: this.#reconciler,
      conflicts: this.#conflicts,
      log,
    };
    const driver = new DistributorDriver({
      ...observers,
      limits: tables,
      now: Date.now,
    });
    this.#board = new StatusBoard(observers);
    this.#drains = new DrainSupervisor({
      ...observers,
      finish: async (id, end) => {
        await this.#locks.run(id, async () => {
          await runFlow(driver.getFinishDrainSubflow(end), { distributor_id: id });
          this.#drains.review(id);
        });
      },
    });
    const followers = { board: this.#board, drains: this.#drains, locks: this.#locks };
    reviewChanges({ ...observers, ...followers });
    const stopping = new AbortController();
    const service = createService({
      ...observers,
      ...followers,
      driver,
      stopping: stopping.signal,
    });
    this.#metrics = createDaemonMetrics({
      ...{ ...observers, ...followers, pins: this.#pins, logOutput, reload, version },
      abi: native.abiVersion,
      flowCapacity: capacity.flows,
    });
    const { limits } = config;
    const observer = this.#metrics.calls;
    this.#server = new ApiServer({ service, log, limits, observer, stopping });
    reload.register('server', (next) => this.#server.follow(next));
    this.#metrics.register('tls', (out) => addTlsSeries(out, this.#server.tlsState()));
    this.#metrics.register('adoption', (out) =>
      addAdoptionSeries(out, { adoption: this.#adoption, store }),
    );
    this.#metricsServer = new MetricsServer(this.#metrics, log);
    this.#heartbeat = new Heartbeat({ log, distributors: () => store.statistics().distributors });
    reload.register('heartbeat', (next) => this.#heartbeat.follow(next.heartbeat));
    this.#metrics.register('heartbeat', (out) => addHeartbeatSeries(out, this.#heartbeat.counts));
    reload.register('tables', (next) => void Object.assign(tables, next.tables));
    reload.register('timeouts', async (next) => {
      this.#datapath.setLearningWindow(next.timeouts.learningWindowSeconds);
      await this.#changeTimeouts(idleTimeouts(next));
    });
    this.#datapath.onNeighbourChange((neighbour) => this.#follow(neighbour));
    this.#timers = [
      setInterval(() => this.#keepUp(), upkeepMs),
      setInterval(() => this.#conflicts.keepUp(), conflictsMs),
      setInterval(() => this.#warnOfFullTables(), fullTableMs),
    ];
  }

  /** Answers calls when this resolves. */
  static async start(config: Config, parts: DaemonParts): Promise<Daemon> {
    // Before anything is changed.
    await ApiServer.check(config.listen);
    await Heartbeat.check(config.heartbeat);
    await using held = new AsyncDisposableStack();
    const instanceLock = await takeInstanceLock(parts.log);
    held.defer(() => void instanceLock.close());
    const store = await openStore(config.state.directory);
    held.defer(() => store.close());
    const daemon = new Daemon(config, parts, { store, instanceLock });
    held.defer(() => daemon.#release());
    await daemon.#takeOver();
    const listening = await daemon.#server.listen(config.listen);
    await daemon.#heartbeat.follow(config.heartbeat);
    if (config.metrics !== null) await daemon.#metricsServer.listen(config.metrics);
    parts.log.info(listening, 'ready');
    held.move();
    return daemon;
  }

  /** For how long no work has come forward, milliseconds: upkeep, or a change that is under way. */
  get stalledMs(): number {
    return Math.max(performance.now() - this.#lastUpkeep, this.#locks.longestRun);
  }

  /** Goes on from what is in the kernel: only what differs from the store changes. */
  async #takeOver(): Promise<void> {
    this.#adoption = await this.#datapath.adopt();
    const { abiVersion, carried, lostFlows, states } = this.#adoption;
    const ids = new Set(this.#reconciler.adopt(states));
    if (abiVersion !== null)
      this.#log.info({ abiVersion, carried, distributors: ids.size }, 'kernel state adopted');
    if (lostFlows > 0)
      this.#log.error({ lostFlows }, 'flow entries found no room: their connections may break');
    if (this.#store.revision === 0 && ids.size > 0) {
      // Not a deletion that was interrupted: the file is not the one that they were kept in.
      this.#log.error(
        { distributors: [...ids] },
        'the store is new, and the kernel still forwards for distributors: they are left as they ' +
          'are. Import their state; or stop, and run distributorctl teardown',
      );
      ids.clear();
    }
    for (const { distributor } of this.#store.all()) ids.add(distributor.id);
    await this.#convergeAll(ids);
    await this.#locks.idle(); // board and drains have taken note
  }

  /** Ends calls, then changes in flight. Packets are forwarded as before. */
  async stop(): Promise<void> {
    this.#log.info('stopping');
    await this.#server.close(shutdownMs);
    await this.#locks.idle();
    this.#release();
    await this.#store.close();
    this.#instanceLock.close();
    this.#log.info('stopped');
  }

  #release(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#metricsServer.close();
    this.#heartbeat.close();
    this.#announcer.close();
    this.#drains.close();
    this.#datapath.close();
  }

  /** An amphora's MAC is known now, or is another one. */
  #follow(neighbour: WatchedNeighbour): void {
    const mac = this.#datapath.resolvedMac(neighbour);
    this.#log.info({ ...neighbour, mac }, 'neighbour changed');
    this.#queue.add(this.#reconciler.watchersOf(neighbour));
  }

  /** VIPs without timeouts of their own get these. */
  async #changeTimeouts(timeouts: IdleTimeouts): Promise<void> {
    const { tcpIdle, otherIdle } = this.#reconciler.timeouts;
    if (timeouts.tcpIdle === tcpIdle && timeouts.otherIdle === otherIdle) return;
    this.#reconciler.timeouts = timeouts;
    await this.#convergeAll([...this.#store.all()].map(({ distributor }) => distributor.id));
  }

  #keepUp(): void {
    this.#reconciler.settle();
    this.#datapath.keepUp();
    this.#pins.keepUp();
    this.#queue.add(this.#board.suspects());
    void this.#drains.keepUp();
    this.#queue.add(this.#reconciler.pending);
    this.#lastUpkeep = performance.now();
  }

  #warnOfFullTables(): void {
    for (const { distributorId, vip } of this.#datapath.vipsOutOfFlows())
      this.#log.warn(
        { distributor: distributorId, vip: vip.address },
        'the VIP has its share of the flow table: new connections in changed slots may move',
      );
  }

  /** Resolves when each has been converged; what upkeep adds meanwhile does not count. */
  async #convergeAll(ids: Iterable<string>): Promise<void> {
    const queue = new ConvergenceQueue((id) => this.#convergeAgain(id));
    queue.add(ids);
    await queue.idle;
  }

  async #convergeAgain(id: string): Promise<void> {
    await this.#locks.run(id, () =>
      this.#reconciler.tryConverge(id, this.#store.get(id)?.distributor ?? null),
    );
  }
}

function idleTimeouts({ timeouts }: Config): IdleTimeouts {
  return { tcpIdle: timeouts.tcpIdleSeconds, otherIdle: timeouts.otherIdleSeconds };
}
