// SPDX-License-Identifier: Apache-2.0
import type { Server } from 'node:net';
import { ApiServer } from './api/server.ts';
import { createService } from './api/service.ts';
import type { Config } from './config.ts';
import type { Datapath } from './datapath/datapath.ts';
import { KernelDatapath } from './datapath/kernel-datapath.ts';
import { DistributorDriver } from './driver/distributor-driver.ts';
import { takeInstanceLock } from './instance-lock.ts';
import type { Log } from './log.ts';
import type { WatchedNeighbour } from './plan/wanted.ts';
import { Announcer } from './reconcile/announcer.ts';
import { ConflictWatch } from './reconcile/conflict-watch.ts';
import { KeyedLock } from './reconcile/keyed-lock.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { MemoryStore } from './store/memory-store.ts';
import type { Store } from './store/store.ts';

/** How often quiet slots are settled and failed convergence is tried again. */
const upkeepMs = 1000;
/** How often claims to VIPs are looked for, and flow entries that no longer count. */
const conflictsMs = 200;
const expiryMs = 10_000;
/** Calls in flight have this long to end when the daemon stops. */
const shutdownMs = 5000;

/** The running daemon: wires the parts together and ends them in order. */
export class Daemon {
  readonly #log: Log;
  readonly #instanceLock: Server;
  readonly #store: Store;
  readonly #datapath: Datapath;
  readonly #reconciler: Reconciler;
  readonly #announcer: Announcer;
  readonly #conflicts: ConflictWatch;
  readonly #locks = new KeyedLock();
  readonly #server: ApiServer;
  readonly #timers: readonly NodeJS.Timeout[];

  private constructor(config: Config, log: Log, instanceLock: Server) {
    const { capacity, timeouts, tables } = config;
    this.#instanceLock = instanceLock;
    this.#log = log;
    this.#store = new MemoryStore();
    this.#datapath = new KernelDatapath({
      capacity,
      timeouts: {
        tcpIdle: timeouts.tcpIdleSeconds,
        otherIdle: timeouts.otherIdleSeconds,
        learningWindow: timeouts.learningWindowSeconds,
      },
    });
    this.#reconciler = new Reconciler(this.#datapath, log);
    this.#announcer = new Announcer(this.#datapath, log);
    this.#conflicts = new ConflictWatch(this.#datapath, log);
    const parts = {
      store: this.#store,
      datapath: this.#datapath,
      reconciler: this.#reconciler,
      conflicts: this.#conflicts,
      locks: this.#locks,
      log,
    };
    const driver = new DistributorDriver({ ...parts, announcer: this.#announcer, limits: tables });
    this.#server = new ApiServer(createService({ ...parts, driver }));
    this.#datapath.onNeighbourChange((neighbour) => this.#follow(neighbour));
    this.#timers = [
      setInterval(() => this.#keepUp(), upkeepMs),
      setInterval(() => this.#conflicts.keepUp(), conflictsMs),
      setInterval(() => void this.#expireFlows(), expiryMs),
    ];
  }

  /** Answers calls when this resolves. If it rejects, nothing is left in the kernel. */
  static async start(config: Config, log: Log): Promise<Daemon> {
    const daemon = new Daemon(config, log, await takeInstanceLock());
    try {
      await daemon.#server.listen(config.listen.socket);
    } catch (error) {
      daemon.#release();
      throw error;
    }
    log.info({ socket: config.listen.socket }, 'ready');
    return daemon;
  }

  /** Ends calls, then changes in flight, then forwarding. */
  async stop(): Promise<void> {
    this.#log.info('stopping');
    await this.#server.close(shutdownMs);
    await this.#locks.idle();
    this.#release();
    this.#log.info('stopped');
  }

  #release(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#announcer.close();
    this.#datapath.close();
    this.#instanceLock.close();
  }

  /** An amphora's MAC is known now, or is another one. */
  #follow(neighbour: WatchedNeighbour): void {
    const mac = this.#datapath.resolvedMac(neighbour);
    this.#log.info({ ...neighbour, mac }, 'neighbour changed');
    for (const id of this.#reconciler.watchersOf(neighbour)) this.#convergeAgain(id);
  }

  #keepUp(): void {
    this.#reconciler.settle();
    this.#datapath.keepUp();
    for (const id of this.#reconciler.pending) this.#convergeAgain(id);
  }

  async #expireFlows(): Promise<void> {
    try {
      const removed = await this.#datapath.expireFlows();
      if (removed > 0) this.#log.debug({ removed }, 'flow entries expired');
      for (const { distributorId, vip } of this.#datapath.vipsOutOfFlows())
        this.#log.warn(
          { distributor: distributorId, vip: vip.address },
          'the VIP has its share of the flow table: new connections in changed slots may move',
        );
    } catch (error) {
      this.#log.error({ err: error }, 'flow entries do not expire');
    }
  }

  #convergeAgain(id: string): void {
    void this.#locks.run(id, () =>
      this.#reconciler.tryConverge(id, this.#store.get(id)?.distributor ?? null),
    );
  }
}
