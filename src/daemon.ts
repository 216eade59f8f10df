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
import { KeyedLock } from './reconcile/keyed-lock.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { MemoryStore } from './store/memory-store.ts';
import type { Store } from './store/store.ts';

/** How often quiet slots are settled and failed convergence is tried again. */
const upkeepMs = 1000;
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
  readonly #locks = new KeyedLock();
  readonly #server: ApiServer;
  readonly #upkeep: NodeJS.Timeout;

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
    const parts = {
      store: this.#store,
      datapath: this.#datapath,
      reconciler: this.#reconciler,
      locks: this.#locks,
      log,
    };
    const driver = new DistributorDriver({ ...parts, announcer: this.#announcer, limits: tables });
    this.#server = new ApiServer(createService({ ...parts, driver }));
    this.#datapath.onNeighbourChange((neighbour) => this.#follow(neighbour));
    this.#upkeep = setInterval(() => this.#keepUp(), upkeepMs);
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
    clearInterval(this.#upkeep);
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

  #convergeAgain(id: string): void {
    void this.#locks.run(id, () =>
      this.#reconciler.tryConverge(id, this.#store.get(id)?.distributor ?? null),
    );
  }
}
