// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { DaemonProcess } from './daemon-process.ts';
import type { TestBed } from './test-bed.ts';
import type { AmphoraPort, Family } from './topology.ts';
import { addressOf } from './topology.ts';

export type Persistence = 'SOURCE_IP' | 'SOURCE_IP_AND_PORT';

export interface TestDistributorOptions {
  readonly persistence?: Persistence;
  /** Those to begin with; all of the bed by default. */
  readonly amphorae?: readonly AmphoraPort[];
}

/** A distributor with both VIPs of a bed, and its amphorae. */
export class TestDistributor {
  readonly id: string;
  readonly #bed: TestBed;
  readonly #daemon: DaemonProcess;

  private constructor(id: string, bed: TestBed, daemon: DaemonProcess) {
    this.id = id;
    this.#bed = bed;
    this.#daemon = daemon;
  }

  /** `daemon` may be that of another bed, which this one shares the distributor's box with. */
  static async create(
    bed: TestBed,
    daemon: DaemonProcess,
    { persistence = 'SOURCE_IP', amphorae = bed.amphorae }: TestDistributorOptions = {},
  ): Promise<TestDistributor> {
    const load_balancer = { id: randomUUID() };
    const created = await daemon.client.call('CreateDistributor', { load_balancer });
    const distributor = new TestDistributor(created.distributor_id, bed, daemon);
    // Amphorae first, so that no packet ever finds the VIP without one.
    await distributor.register(amphorae);
    for (const address of [bed.vip.ipv4, bed.vip.ipv6])
      await daemon.client.call('AddVip', {
        distributor_id: distributor.id,
        vip: { address, attachment: { interface: bed.distributorPort, port: 'interface' } },
        vip_persistence: persistence,
      });
    return distributor;
  }

  async register(amphorae: readonly AmphoraPort[]): Promise<void> {
    await this.#daemon.client.call('RegisterAmphorae', {
      distributor_id: this.id,
      amphorae: amphorae.map(({ name, ipv4, mac }) => ({ id: name, ip: ipv4, mac })),
    });
  }

  async drain(...amphorae: readonly AmphoraPort[]): Promise<void> {
    await this.#daemon.client.call('DrainAmphorae', {
      distributor_id: this.id,
      amphora_ids: amphorae.map(({ name }) => name),
    });
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

  /** A verdict that the daemon does not know is an error, not zero. */
  async count(family: Family, verdict: string): Promise<number> {
    const count = (await this.verdicts(family))[verdict];
    if (count === undefined) throw new RangeError(`no verdict ${verdict}`);
    return count;
  }
}
