// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer } from '../../../src/api/server.ts';
import { createService } from '../../../src/api/service.ts';
import { Client } from '../../../src/cli/client.ts';
import { DistributorDriver } from '../../../src/driver/distributor-driver.ts';
import { runFlow } from '../../../src/driver/engine.ts';
import { reviewChanges } from '../../../src/reconcile/change-review.ts';
import { ConflictWatch } from '../../../src/reconcile/conflict-watch.ts';
import { DrainSupervisor } from '../../../src/reconcile/drain-supervisor.ts';
import { KeyedLock } from '../../../src/reconcile/keyed-lock.ts';
import { Reconciler } from '../../../src/reconcile/reconciler.ts';
import { StatusBoard } from '../../../src/reconcile/status-board.ts';
import { MemoryStore } from '../../../src/store/memory-store.ts';
import { MemoryDatapath } from '../driver/memory-datapath.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The real API over a real socket, on a data path that only remembers. */
export class ApiBed {
  readonly datapath = new MemoryDatapath();
  readonly conflicts = new ConflictWatch(this.datapath, silent);
  readonly store = new MemoryStore();
  readonly board: StatusBoard;
  readonly drains: DrainSupervisor;
  readonly socket: string;
  readonly client: Client;
  /** Seconds and milliseconds of the daemon's clocks; they stand still until moved. */
  clock = 1000;
  readonly epoch = Date.UTC(2026, 0, 1);
  readonly #directory: string;
  readonly #locks = new KeyedLock();
  readonly #review: (id: string) => void;
  readonly #server: ApiServer;

  private constructor(directory: string) {
    this.#directory = directory;
    this.socket = join(directory, 'api.sock');
    const { datapath, conflicts, store } = this;
    const timeouts = { tcpIdle: 900, otherIdle: 60 };
    const reconciler = new Reconciler(datapath, { log: silent, timeouts });
    const locks = this.#locks;
    const now = () => this.now;
    const observers = { store, datapath, reconciler, conflicts, log: silent, now };
    const limits = { initialSlots: 1024, maxSlots: 2048 };
    const driver = new DistributorDriver({ ...observers, limits });
    this.board = new StatusBoard(observers);
    this.drains = new DrainSupervisor({
      ...observers,
      clock: () => this.clock,
      finish: (id, end) =>
        locks.run(id, async () => {
          await runFlow(driver.getFinishDrainSubflow(end), { distributor_id: id });
          this.drains.review(id);
        }),
    });
    const followers = { board: this.board, drains: this.drains, locks };
    this.#review = reviewChanges({ ...observers, ...followers });
    const stopping = new AbortController();
    const parts = { ...observers, ...followers, driver, stopping: stopping.signal };
    this.#server = new ApiServer(createService(parts), stopping);
    this.client = new Client(this.socket);
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.epoch + this.clock * 1000;
  }

  /** Has ports and flow table looked at. */
  async look(): Promise<void> {
    for (const id of this.board.suspects()) this.#review(id);
    await this.#locks.idle();
  }

  /** Time passes for the daemon, second by second. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.clock++;
      await this.drains.keepUp();
      await this.look();
    }
  }

  static async start(): Promise<ApiBed> {
    const bed = new ApiBed(await mkdtemp(join(tmpdir(), 'distributord-api-')));
    await bed.#server.listen(bed.socket);
    return bed;
  }

  /** Desired state and data path as one value. */
  snapshot(): unknown {
    const distributors = [...this.store.all()];
    return structuredClone({ distributors, datapath: this.datapath.states });
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.#server.close(1000);
    await rm(this.#directory, { recursive: true, force: true });
  }
}
