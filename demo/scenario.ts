// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { DaemonProcess } from '../test/support/daemon-process.ts';
import type { TestBed } from '../test/support/test-bed.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { idealMovedShare, shareOf, type StepResult, type Weights } from './ledger.ts';

const families = [4, 6] as const;
const port = { interface: 'fe0', port: 'interface' } as const;

export interface ScenarioOptions {
  /** Client addresses of each family that open new connections in every step. */
  readonly clients: number;
  /** Long-lived connections of each family. */
  readonly connections: number;
}

export interface Share {
  readonly amphora: string;
  readonly weight: number;
  readonly clients: number;
  readonly share: number;
  readonly ideal: number;
}

/** Which amphora each client's new connection reached, by `<family>/<client>`. */
type Placement = ReadonlyMap<string, string>;

/**
 * The main job on real traffic, step by step: long-lived connections exchange bytes all
 * the time, and in every step each client address opens a new one before and after.
 */
export class Scenario {
  readonly #bed: TestBed;
  readonly #daemon: DaemonProcess;
  readonly #options: ScenarioOptions;
  readonly #draining = new Set<string>();
  #weights: Weights = new Map();
  #distributorId = '';
  #placed: Placement = new Map();

  constructor(bed: TestBed, daemon: DaemonProcess, options: ScenarioOptions) {
    this.#bed = bed;
    this.#daemon = daemon;
    this.#options = options;
  }

  get distributorId(): string {
    return this.#distributorId;
  }

  /** Distributor, both VIPs, and the first amphorae; then the long-lived connections. */
  async setUp(weights: readonly number[]): Promise<void> {
    const { client } = this.#daemon;
    const created = await client.call('CreateDistributor', {
      load_balancer: { id: randomUUID(), name: 'demo' },
    });
    this.#distributorId = created.distributor_id;
    for (const address of [this.#bed.vip.ipv4, this.#bed.vip.ipv6])
      await client.call('AddVip', {
        distributor_id: this.#distributorId,
        vip: { address, attachment: port },
      });
    this.#weights = new Map(weights.map((weight, index) => [`amphora-${index + 1}`, weight]));
    await this.#register(this.#weights);
    this.#placed = await this.#probe();
    for (const family of families)
      await this.#bed.clients.openConnections({ family, count: this.#options.connections });
  }

  /** How the clients spread over the amphorae. */
  shares(): readonly Share[] {
    const total = this.#placed.size;
    return [...this.#weights].map(([amphora, weight]) => {
      const clients = [...this.#placed.values()].filter((name) => name === amphora).length;
      const ideal = shareOf(this.#weights, amphora);
      return { amphora, weight, clients, share: clients / total, ideal };
    });
  }

  /** Clients whose second connection, or long-lived one, is at another amphora than the first. */
  async strayClients(): Promise<number> {
    const again = await this.#probe();
    let strays = countMoved(this.#placed, again);
    for (const { family, client, amphora } of await this.#bed.clients.report())
      if (this.#placed.get(`${family}/${client}`) !== amphora) strays++;
    return strays;
  }

  register(name: string, amphora: string): Promise<StepResult> {
    const after = new Map(this.#weights).set(amphora, 1);
    return this.#step({ name, after, change: () => this.#register(new Map([[amphora, 1]])) });
  }

  drain(name: string, amphora: string): Promise<StepResult> {
    const after = new Map(this.#weights).set(amphora, 0);
    return this.#step({
      name,
      after,
      change: async () => {
        await this.#daemon.client.call('DrainAmphorae', {
          distributor_id: this.#distributorId,
          amphora_ids: [amphora],
        });
        this.#draining.add(amphora);
      },
    });
  }

  async unregister(name: string, amphora: string): Promise<StepResult> {
    const after = new Map(this.#weights);
    after.delete(amphora);
    const doomed = (await this.#bed.clients.report({ amphora })).filter(({ alive }) => alive);
    return this.#step({
      name,
      after,
      expectedBroken: doomed.length,
      change: async () => {
        await this.#daemon.client.call('UnregisterAmphorae', {
          distributor_id: this.#distributorId,
          amphora_ids: [amphora],
        });
        this.#draining.delete(amphora);
      },
    });
  }

  /** Removes VIPs and distributor through the API. */
  async tearDown(): Promise<void> {
    const { client } = this.#daemon;
    const distributor_id = this.#distributorId;
    for (const address of [this.#bed.vip.ipv4, this.#bed.vip.ipv6])
      await client.call('RemoveVip', { distributor_id, vip: { address } });
    await client.call('DeleteDistributor', { distributor_id });
  }

  async #register(weights: Weights): Promise<void> {
    await this.#daemon.client.call('RegisterAmphorae', {
      distributor_id: this.#distributorId,
      amphorae: [...weights].map(([name, weight]) => ({
        id: name,
        ip: this.#bed.amphora(name).ipv4,
        weight,
      })),
    });
    for (const name of weights.keys()) this.#draining.delete(name);
    await this.#untilResolved();
  }

  /** MACs come from the neighbour table: a moment after the call, and without another. */
  async #untilResolved(): Promise<void> {
    await waitUntil('the amphorae to be resolved', async () => {
      const { amphorae } = await this.#daemon.client.call('GetDistributor', {
        distributor_id: this.#distributorId,
      });
      return amphorae.every(({ resolved }) => resolved);
    });
  }

  async #step(step: {
    readonly name: string;
    readonly after: Weights;
    readonly expectedBroken?: number;
    readonly change: () => Promise<void>;
  }): Promise<StepResult> {
    const { clients } = this.#bed;
    const brokenBefore = countBroken(await clients.report());
    // Under load: new connections are opened while the change is made, not only after it.
    const [, during] = await Promise.all([step.change(), this.#probe()]);
    const newFlowsBefore = await this.#newFlowsToDraining();
    const placed = await this.#probe();
    const reports = await clients.waitForExchange();
    const reached = [...placed.values()].filter((amphora) => this.#draining.has(amphora)).length;
    const counted = (await this.#newFlowsToDraining()) - newFlowsBefore;
    const result: StepResult = {
      name: step.name,
      alive: reports.filter(({ alive }) => alive).length,
      broken: countBroken(reports) - brokenBefore,
      expectedBroken: step.expectedBroken ?? 0,
      newToDraining: Math.max(reached, counted),
      movedShare: countMoved(this.#placed, placed) / placed.size,
      idealShare: idealMovedShare(this.#weights, step.after),
    };
    if (during.size !== placed.size) throw new Error('not every client was answered');
    this.#weights = step.after;
    this.#placed = placed;
    return result;
  }

  /** As the data path counted them: connection starts sent to draining amphorae. */
  async #newFlowsToDraining(): Promise<number> {
    const { amphorae } = await this.#daemon.client.call('GetStats', {
      distributor_id: this.#distributorId,
    });
    return amphorae
      .filter(({ amphora_id }) => this.#draining.has(amphora_id))
      .reduce((sum, { new_flows }) => sum + new_flows, 0);
  }

  /** One new connection from every client address. */
  async #probe(): Promise<Placement> {
    const placed = new Map<string, string>();
    const clients = Array.from({ length: this.#options.clients }, (_, client) => client);
    for (const family of families)
      for (const { client, amphora, error } of await this.#bed.clients.probe({ family, clients })) {
        if (amphora === null)
          throw new Error(`IPv${family} client ${client} got no answer: ${String(error)}`);
        placed.set(`${family}/${client}`, amphora);
      }
    return placed;
  }
}

function countBroken(reports: readonly { readonly broken: string | null }[]): number {
  return reports.filter(({ broken }) => broken !== null).length;
}

function countMoved(before: Placement, after: Placement): number {
  return [...after].filter(([client, amphora]) => before.get(client) !== amphora).length;
}
