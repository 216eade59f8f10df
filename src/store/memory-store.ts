// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey } from '../model/vip.ts';
import type { Store, StoreChange, Stored } from './store.ts';

/** A store that lives as long as the process. */
export class MemoryStore implements Store {
  #revision = 0;
  readonly #stored = new Map<string, Stored>();
  readonly #byLoadBalancer = new Map<string, string>();
  readonly #byVip = new Map<string, string>();
  readonly #byAmphora = new Map<string, string>();
  readonly #listeners: ((id: string) => void)[] = [];

  get revision(): number {
    return this.#revision;
  }

  get(id: string): Stored | undefined {
    return this.#stored.get(id);
  }

  list({ after, limit }: { after: string; limit: number }): readonly Stored[] {
    return [...this.#stored.entries()]
      .filter(([id]) => id > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([, stored]) => stored);
  }

  all(): Iterable<Stored> {
    return this.#stored.values();
  }

  findByLoadBalancer(loadBalancerId: string): Stored | undefined {
    const id = this.#byLoadBalancer.get(loadBalancerId);
    return id === undefined ? undefined : this.#stored.get(id);
  }

  findByVip(key: string): string | undefined {
    return this.#byVip.get(key);
  }

  findByAmphora(amphoraId: string): string | undefined {
    return this.#byAmphora.get(amphoraId);
  }

  commit({ id, before, after, revision }: StoreChange): Promise<number> {
    try {
      if ((this.#stored.get(id)?.distributor ?? null) !== before)
        throw new DistributordError('REVISION_MISMATCH', `distributor ${id} changed meanwhile`);
      if (after !== null) this.#refuseTaken(after);
    } catch (error) {
      return Promise.reject(error);
    }
    if (before !== null) this.#unindex(before);
    this.#revision++;
    if (after === null) {
      this.#stored.delete(id);
    } else {
      this.#stored.set(id, { distributor: after, revision: revision ?? this.#revision });
      this.#index(after);
    }
    for (const listener of this.#listeners) listener(id);
    return Promise.resolve(this.#revision);
  }

  onChange(listener: (id: string) => void): void {
    this.#listeners.push(listener);
  }

  #refuseTaken({ id, vips, amphorae }: Distributor): void {
    for (const vip of vips) {
      const holder = this.#byVip.get(vipKey(vip));
      if (holder === undefined || holder === id) continue;
      throw new DistributordError(
        'VIP_IN_USE',
        `vip.address ${vip.address} on ${vip.interface} belongs to distributor ${holder}`,
        { field: 'vip.address', value: vip.address },
      );
    }
    for (const amphora of amphorae) {
      const holder = this.#byAmphora.get(amphora.id);
      if (holder === undefined || holder === id) continue;
      throw new DistributordError(
        'AMPHORA_IN_USE',
        `amphora ${amphora.id} belongs to distributor ${holder}`,
        { field: 'amphorae.id', value: amphora.id },
      );
    }
  }

  #index({ id, loadBalancer, vips, amphorae }: Distributor): void {
    this.#byLoadBalancer.set(loadBalancer.id, id);
    for (const vip of vips) this.#byVip.set(vipKey(vip), id);
    for (const amphora of amphorae) this.#byAmphora.set(amphora.id, id);
  }

  #unindex({ loadBalancer, vips, amphorae }: Distributor): void {
    this.#byLoadBalancer.delete(loadBalancer.id);
    for (const vip of vips) this.#byVip.delete(vipKey(vip));
    for (const amphora of amphorae) this.#byAmphora.delete(amphora.id);
  }
}
