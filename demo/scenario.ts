// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Role } from '../build/proto/distributor/v1/Role.ts';
import type { DaemonProcess } from '../test/support/daemon-process.ts';
import { DrainWatch } from '../test/support/drain-watch.ts';
import type { TestBed } from '../test/support/test-bed.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { leaveAll, type DrainProgress } from './drain-progress.ts';
import { countMoved, openFromAll, placementOf, type Answer, type Placement } from './placement.ts';
import { idealMovedShare, sharesOf, type Share, type StepResult, type Weights } from './ledger.ts';

const families = [4, 6] as const;
/** Within which drains end by themselves, and connections send something; YAML. */
export const scenarioConfig = `
capacity: {vips: 64, slots: 262144, flows: 65536}
timeouts: {tcpIdleSeconds: 5, otherIdleSeconds: 5, learningWindowSeconds: 2}
`;

const port = { interface: 'fe0', port: 'interface' } as const;

export interface ScenarioOptions {
  /** Client addresses of each family that open new connections in every step. */
  readonly clients: number;
  /** Long-lived connections of each family. */
  readonly connections: number;
}

/**
 * The main job on real traffic, step by step: long-lived connections exchange bytes all
 * the time, and in every step each client address opens a new one before and after.
 */
export class Scenario {
  readonly #bed: TestBed;
  readonly #daemon: DaemonProcess;
  readonly #options: ScenarioOptions;
  /** Amphorae that get no new connections: they drain, stand by or have failed. */
  readonly #resting = new Set<string>();
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
    return sharesOf(this.#weights, [...this.#placed.values()]);
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

  standBy(name: string, amphora: string): Promise<StepResult> {
    const change = async () => {
      await this.#register(new Map([[amphora, 1]]), 'ROLE_STANDBY');
      this.#resting.add(amphora);
    };
    return this.#step({ name, after: this.#weights, change });
  }

  /** `standby` is the one that has stood by for longest. */
  async failover(name: string, amphora: string, standby: string): Promise<StepResult> {
    const after = new Map(this.#weights).set(standby, this.#weights.get(amphora) ?? 0);
    after.delete(amphora);
    return this.#step({
      name,
      after,
      failed: amphora,
      change: async () => {
        await this.#daemon.client.call('FailoverAmphora', {
          distributor_id: this.#distributorId,
          amphora_id: amphora,
        });
        this.#resting.delete(standby);
        this.#resting.add(amphora);
      },
    });
  }

  /** 0 drains. */
  weigh(name: string, weights: Weights): Promise<StepResult> {
    const after = new Map([...this.#weights, ...weights]);
    return this.#step({
      name,
      after,
      change: async () => {
        await this.#daemon.client.call('SetWeights', {
          distributor_id: this.#distributorId,
          weights: [...weights].map(([amphora_id, weight]) => ({ amphora_id, weight })),
        });
        for (const [amphora, weight] of weights)
          if (weight === 0) this.#resting.add(amphora);
          else this.#resting.delete(amphora);
      },
    });
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
        this.#resting.add(amphora);
      },
    });
  }

  /** The clients of one that drains leave it, and its drain ends. */
  async leave(name: string, amphora: string): Promise<StepResult & { drain: DrainProgress[] }> {
    let drain: DrainProgress[] = [];
    const change = async () => {
      const request = { distributor_id: this.#distributorId, amphora_ids: [amphora] };
      const watch = new DrainWatch(amphora, this.#daemon.client.stream('WatchDrain', request));
      drain = await leaveAll(this.#bed.clients, amphora, watch);
    };
    const result = await this.#step({ name, after: this.#weights, change });
    return { ...result, drain };
  }

  async unregister(name: string, amphora: string): Promise<StepResult> {
    const after = new Map(this.#weights);
    after.delete(amphora);
    return this.#step({
      name,
      after,
      failed: amphora,
      change: async () => {
        await this.#daemon.client.call('UnregisterAmphorae', {
          distributor_id: this.#distributorId,
          amphora_ids: [amphora],
        });
        this.#resting.delete(amphora);
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

  async #register(weights: Weights, role: Role = 'ROLE_UNSPECIFIED'): Promise<void> {
    await this.#daemon.client.call('RegisterAmphorae', {
      distributor_id: this.#distributorId,
      amphorae: [...weights].map(([name, weight]) => ({
        id: name,
        ip: this.#bed.amphora(name).ipv4,
        weight,
        role,
      })),
    });
    for (const name of weights.keys()) this.#resting.delete(name);
    await this.#untilResolved();
  }

  /** MACs come from the neighbour table: a moment after the call, and without another. */
  async #untilResolved(): Promise<void> {
    await waitUntil('the amphorae to be resolved', async () => {
      const { amphorae } = await this.#daemon.client.call('GetDistributor', {
        distributor_id: this.#distributorId,
      });
      return amphorae.every(({ resolved, state }) => resolved || state === 'AMPHORA_STATE_FAILED');
    });
  }

  async #step(step: {
    readonly name: string;
    readonly after: Weights;
    /** Whose connections the step ends. */
    readonly failed?: string;
    readonly change: () => Promise<void>;
  }): Promise<StepResult> {
    const { clients } = this.#bed;
    const before = await clients.report();
    // Under load: new connections are opened while the change is made, not only after it.
    const [, during] = await Promise.all([step.change(), this.#open()]);
    const newFlowsBefore = await this.#newFlowsToResting();
    const placed = await this.#probe();
    const reports = await clients.waitForExchange();
    const reached = [...placed.values()].filter((amphora) => this.#resting.has(amphora)).length;
    const counted = (await this.#newFlowsToResting()) - newFlowsBefore;
    const result: StepResult = {
      name: step.name,
      alive: reports.filter(({ alive }) => alive).length,
      broken: countBroken(reports) - countBroken(before),
      expectedBroken: before.filter(({ alive, amphora }) => alive && amphora === step.failed)
        .length,
      newToResting: Math.max(reached, counted),
      movedShare: countMoved(this.#placed, placed) / placed.size,
      idealShare: idealMovedShare(this.#weights, step.after),
    };
    // One that is being made to an amphora that goes is lost with it.
    if (step.failed === undefined) placementOf(during);
    this.#weights = step.after;
    this.#placed = placed;
    return result;
  }

  /** As the data path counted them: connection starts sent to amphorae that get none. */
  async #newFlowsToResting(): Promise<number> {
    const { amphorae } = await this.#daemon.client.call('GetStats', {
      distributor_id: this.#distributorId,
    });
    return amphorae
      .filter(({ amphora_id }) => this.#resting.has(amphora_id))
      .reduce((sum, { new_flows }) => sum + new_flows, 0);
  }

  /** One new connection from every client address. */
  #open(): Promise<readonly Answer[]> {
    const clients = Array.from({ length: this.#options.clients }, (_, client) => client);
    return openFromAll(this.#bed.clients, clients);
  }

  /** The same, and everybody must be answered. */
  async #probe(): Promise<Placement> {
    return placementOf(await this.#open());
  }
}

function countBroken(reports: readonly { readonly broken: string | null }[]): number {
  return reports.filter(({ broken }) => broken !== null).length;
}
