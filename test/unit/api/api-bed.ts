// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer } from '../../../src/api/server.ts';
import { createService } from '../../../src/api/service.ts';
import { Client } from '../../../src/cli/client.ts';
import { DistributorDriver } from '../../../src/driver/distributor-driver.ts';
import { Announcer } from '../../../src/reconcile/announcer.ts';
import { ConflictWatch } from '../../../src/reconcile/conflict-watch.ts';
import { KeyedLock } from '../../../src/reconcile/keyed-lock.ts';
import { Reconciler } from '../../../src/reconcile/reconciler.ts';
import { MemoryStore } from '../../../src/store/memory-store.ts';
import { MemoryDatapath } from '../driver/memory-datapath.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The real API over a real socket, on a data path that only remembers. */
export class ApiBed {
  readonly datapath = new MemoryDatapath();
  readonly conflicts = new ConflictWatch(this.datapath, silent);
  readonly store = new MemoryStore();
  readonly socket: string;
  readonly client: Client;
  readonly #directory: string;
  readonly #announcer = new Announcer(this.datapath, silent);
  readonly #server: ApiServer;

  private constructor(directory: string) {
    this.#directory = directory;
    this.socket = join(directory, 'api.sock');
    const reconciler = new Reconciler(this.datapath, silent);
    const conflicts = this.conflicts;
    const parts = {
      store: this.store,
      datapath: this.datapath,
      reconciler,
      conflicts,
      log: silent,
    };
    const limits = { initialSlots: 1024, maxSlots: 2048 };
    const driver = new DistributorDriver({ ...parts, announcer: this.#announcer, limits });
    this.#server = new ApiServer(createService({ ...parts, driver, locks: new KeyedLock() }));
    this.client = new Client(this.socket);
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
    this.#announcer.close();
    await this.#server.close(1000);
    await rm(this.#directory, { recursive: true, force: true });
  }
}
