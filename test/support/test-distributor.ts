// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { DrainEnd } from '../../build/proto/distributor/v1/DrainEnd.ts';
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { Tracking } from '../../build/proto/distributor/v1/Tracking.ts';
import type { Client } from '../../src/cli/client.ts';
import type { AmphoraVerbs, Member, MemberState, Registration } from './amphora-set.ts';
import { DrainWatch } from './drain-watch.ts';
import type { TestBed } from './test-bed.ts';
import type { AmphoraPort, Family } from './topology.ts';
import { addressOf } from './topology.ts';
import { waitUntil } from './wait-until.ts';

export type Persistence = 'SOURCE_IP' | 'SOURCE_IP_AND_PORT';

export interface TestDistributorOptions {
  readonly persistence?: Persistence;
  /** Those to begin with; all of the bed by default. */
  readonly amphorae?: readonly AmphoraPort[];
  readonly tracking?: Tracking;
  /** Made by the daemon if not given. */
  readonly id?: string;
}

export interface DrainJob {
  readonly deadline: Date;
  readonly then: DrainEnd;
}

/** Whoever has a client of its API: in most tests a DaemonProcess. */
interface Daemon {
  readonly client: Client;
}

/** A distributor with both VIPs of a bed, and its amphorae. */
export class TestDistributor {
  readonly id: string;
  readonly #bed: TestBed;
  readonly #daemon: Daemon;

  private constructor(id: string, bed: TestBed, daemon: Daemon) {
    this.id = id;
    this.#bed = bed;
    this.#daemon = daemon;
  }

  /** `daemon` may be that of another bed, which this one shares the distributor's box with. */
  static async create(
    bed: TestBed,
    daemon: Daemon,
    options: TestDistributorOptions = {},
  ): Promise<TestDistributor> {
    const { persistence = 'SOURCE_IP', amphorae = bed.amphorae } = options;
    const { tracking = 'TRACKING_UNSPECIFIED', id: distributor_id = '' } = options;
    const load_balancer = { id: randomUUID() };
    const request = { load_balancer, distributor_id };
    const created = await daemon.client.call('CreateDistributor', request);
    const distributor = new TestDistributor(created.distributor_id, bed, daemon);
    // Amphorae first, so that no packet ever finds the VIP without one.
    if (amphorae.length > 0) await distributor.register(amphorae);
    for (const address of [bed.vip.ipv4, bed.vip.ipv6])
      await daemon.client.call('AddVip', {
        distributor_id: distributor.id,
        vip: {
          address,
          attachment: { interface: bed.distributorPort, port: 'interface' },
          tracking,
        },
        vip_persistence: persistence,
      });
    return distributor;
  }

  /** One that is there already. */
  static of(id: string, bed: TestBed, daemon: Daemon): TestDistributor {
    return new TestDistributor(id, bed, daemon);
  }

  /** The same distributor, by another daemon. */
  at(daemon: Daemon): TestDistributor {
    return new TestDistributor(this.id, this.#bed, daemon);
  }

  /** Resolves when the daemon knows where the amphorae's frames go. */
  async register(amphorae: readonly AmphoraPort[], how: Registration = {}): Promise<void> {
    const { role, byAddress = false, ...given } = how;
    await this.#daemon.client.call('RegisterAmphorae', {
      distributor_id: this.id,
      amphorae: amphorae.map(({ name, ipv4, mac }) => ({
        ...given,
        ...(role === undefined ? {} : { role: `ROLE_${role}` as const }),
        ...{ id: name, ip: ipv4, mac: byAddress ? '' : mac },
      })),
    });
    if (byAddress) await this.#untilResolved(amphorae);
  }

  async drain(...amphorae: readonly AmphoraPort[]): Promise<void> {
    await this.#daemon.client.call('DrainAmphorae', {
      distributor_id: this.id,
      amphora_ids: amphorae.map(({ name }) => name),
    });
  }

  /** With a deadline, and what is to happen then. */
  async drainUntil({ name }: AmphoraPort, { deadline, then }: DrainJob): Promise<void> {
    const milliseconds = deadline.getTime();
    await this.#daemon.client.call('DrainAmphorae', {
      distributor_id: this.id,
      amphora_ids: [name],
      deadline: {
        seconds: Math.floor(milliseconds / 1000),
        nanos: (milliseconds % 1000) * 1_000_000,
      },
      then,
    });
  }

  /** By amphora name. */
  async setWeights(weights: ReadonlyMap<string, number>): Promise<void> {
    await this.#daemon.client.call('SetWeights', {
      distributor_id: this.id,
      weights: [...weights].map(([amphora_id, weight]) => ({ amphora_id, weight })),
    });
  }

  async failover({ name }: AmphoraPort): Promise<void> {
    await this.#daemon.client.call('FailoverAmphora', {
      distributor_id: this.id,
      amphora_id: name,
    });
  }

  async unregister({ name }: AmphoraPort, { failed = false } = {}): Promise<void> {
    await this.#daemon.client.call('UnregisterAmphorae', {
      distributor_id: this.id,
      amphora_ids: [name],
      failed,
    });
  }

  /** The same verbs by the amphorae's names. */
  get byName(): AmphoraVerbs<Promise<void>> {
    const port = (name: string) => this.#bed.amphora(name);
    return {
      register: (names, how) => this.register(names.map(port), how),
      drain: (name) => this.drain(port(name)),
      setWeights: (weights) => this.setWeights(weights),
      failover: (name) => this.failover(port(name)),
      unregister: (name, options) => this.unregister(port(name), options),
    };
  }

  /** The list of amphorae as the API returns it. */
  async members(): Promise<Member[]> {
    const { amphorae } = await this.status();
    return amphorae.map(({ id, state, weight, position, _position }) => ({
      id,
      state: state.replace('AMPHORA_STATE_', '') as MemberState,
      weight,
      position: _position === undefined ? null : (position ?? null),
    }));
  }

  /** How a drain is, or how it ended; throws for an amphora that has none. */
  async drainOf({ name }: AmphoraPort): Promise<DrainStatus> {
    const { amphorae } = await this.status();
    const drain = amphorae.find(({ id }) => id === name)?.drain ?? null;
    if (drain === null) throw new RangeError(`${name} does not drain`);
    return drain;
  }

  watchDrain({ name }: AmphoraPort): DrainWatch {
    const request = { distributor_id: this.id, amphora_ids: [name] };
    return new DrainWatch(name, this.#daemon.client.stream('WatchDrain', request));
  }

  async delete(): Promise<void> {
    await this.#daemon.client.call('DeleteDistributor', {
      distributor_id: this.id,
      cascade: true,
    });
  }

  status() {
    return this.#daemon.client.call('GetDistributor', { distributor_id: this.id });
  }

  stats() {
    return this.#daemon.client.call('GetStats', { distributor_id: this.id });
  }

  /** What has come to one of its VIPs so far, by verdict. */
  async verdicts(family: Family): Promise<Readonly<Record<string, number>>> {
    const { vips } = await this.stats();
    const address = addressOf(family, this.#bed.vip);
    const vip = vips.find((candidate) => candidate.address === address);
    if (vip === undefined) throw new RangeError(`no VIP ${address}`);
    return vip.packets;
  }

  /** MACs come from the neighbour table: a moment after the call, and without another. */
  async #untilResolved(amphorae: readonly AmphoraPort[]): Promise<void> {
    const names = new Set(amphorae.map(({ name }) => name));
    await waitUntil('the amphorae to be resolved', async () => {
      const { amphorae: statuses } = await this.status();
      return statuses.every(({ id, resolved }) => resolved || !names.has(id));
    });
  }

  /** A verdict that the daemon does not know is an error, not zero. */
  async count(family: Family, verdict: string): Promise<number> {
    const count = (await this.verdicts(family))[verdict];
    if (count === undefined) throw new RangeError(`no verdict ${verdict}`);
    return count;
  }
}
