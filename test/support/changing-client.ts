// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { CallError, type Client } from '../../src/cli/client.ts';
import type { AmphoraVerbs, Member, MemberState } from './amphora-set.ts';
import { planChanges } from './change-plan.ts';

/** What a distributor holds, as far as changes make it. */
export interface Content {
  readonly members: readonly Member[];
  readonly vips: readonly string[];
}

/** One call, and what there must be before and after it. */
export interface Step {
  readonly title: string;
  readonly make: (client: Client) => Promise<unknown>;
  readonly before: Content;
  readonly after: Content;
}

/**
 * Makes one change of a distributor after the other until the daemon is gone, and looks with the
 * next one how far it came.
 */
export class ChangingClient {
  readonly #id: string;
  readonly #steps: readonly Step[];
  #next = 0;
  #acknowledged = 0;

  constructor(id: string, steps: readonly Step[]) {
    this.#id = id;
    this.#steps = steps;
  }

  /** Changes that were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Until the daemon is gone. Rejects if it refuses a change. */
  async change(client: Client): Promise<void> {
    for (;;) {
      const step = this.#steps[this.#next];
      if (step === undefined) throw new RangeError('all changes are made');
      try {
        await step.make(client);
      } catch (error) {
        if (error instanceof CallError && error.reason === null) return;
        throw new Error(step.title, { cause: error });
      }
      this.#next++;
      this.#acknowledged++;
    }
  }

  /** What was acknowledged is there; the call that was not is there as a whole, or not at all. */
  async look(client: Client): Promise<void> {
    const found = await this.#content(client);
    const step = this.#steps[this.#next];
    if (step !== undefined && same(found, step.after) && !same(found, step.before)) this.#next++;
    else expect(found, step?.title).toEqual(step?.before);
  }

  async #content(client: Client): Promise<Content> {
    const { amphorae, vips } = await client.call('GetDistributor', { distributor_id: this.#id });
    return {
      members: amphorae.map(({ id, state, weight, position, _position }) => ({
        id,
        state: state.replace('AMPHORA_STATE_', '') as MemberState,
        weight,
        position: _position === undefined ? null : (position ?? null),
      })),
      vips: vips.map(({ address }) => address).sort(),
    };
  }
}

function same(a: Content, b: Content): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export interface PlanOfClient {
  readonly id: string;
  readonly seed: number;
  readonly changes: number;
  readonly initialSlots: number;
  /** VIPs that come and go, and where. */
  readonly vips: readonly string[];
  readonly port: string;
}

/** Every kind of change of the amphora set, with VIPs that come and go in between. */
export function planSteps(plan: PlanOfClient): Step[] {
  const { id: distributor_id, seed, changes, initialSlots, vips, port } = plan;
  const amphorae = Array.from({ length: 12 }, (_, index) => `${seed}-${index}`);
  const registered = 4;
  const steps: Step[] = [];
  const planned = planChanges({ seed, changes, amphorae, registered, initialSlots });
  let present: readonly string[] = [];
  let members: readonly Member[] = [];
  const add = (step: Omit<Step, 'before' | 'after'>, after: Content) => {
    steps.push({ ...step, before: { members, vips: present }, after });
    members = after.members;
    present = after.vips;
  };
  const verbs = (client: Client) => verbsOf(client, distributor_id);
  const first = amphorae.slice(0, registered);
  add(
    { title: 'the first', make: (client) => verbs(client).register(first) },
    { members: planned[0]?.before ?? [], vips: present },
  );
  for (const { number, title, make, after } of planned) {
    add({ title, make: (client) => make(verbs(client)) }, { members: after, vips: present });
    const address = vips[number % vips.length];
    if (number % 3 !== 0 || address === undefined) continue;
    const vip = { address, attachment: { interface: port, port: 'interface' as const } };
    const request = { distributor_id, vip };
    if (present.includes(address))
      add(
        { title: `remove ${address}`, make: (client) => client.call('RemoveVip', request) },
        { members, vips: present.filter((other) => other !== address) },
      );
    else
      add(
        { title: `add ${address}`, make: (client) => client.call('AddVip', request) },
        { members, vips: [...present, address].sort() },
      );
  }
  return steps;
}

/** Of amphorae that are nowhere: each has a MAC. */
export function verbsOf(client: Client, distributor_id: string): AmphoraVerbs<Promise<unknown>> {
  return {
    register: (ids, { role, weight, position } = {}) =>
      client.call('RegisterAmphorae', {
        distributor_id,
        amphorae: ids.map((id) => ({
          ...{ id, ip: addressOf(id), mac: `02:ee:00:00:00:0${id.at(-1)}` },
          ...(role === undefined ? {} : { role: `ROLE_${role}` as const }),
          ...(weight === undefined ? {} : { weight }),
          ...(position === undefined ? {} : { position }),
        })),
      }),
    drain: (id) => client.call('DrainAmphorae', { distributor_id, amphora_ids: [id] }),
    setWeights: (weights) =>
      client.call('SetWeights', {
        distributor_id,
        weights: [...weights].map(([amphora_id, weight]) => ({ amphora_id, weight })),
      }),
    failover: (amphora_id) => client.call('FailoverAmphora', { distributor_id, amphora_id }),
    unregister: (id, { failed = false } = {}) =>
      client.call('UnregisterAmphorae', { distributor_id, amphora_ids: [id], failed }),
  };
}

function addressOf(id: string): string {
  return `10.99.0.${(Number(id.split('-').at(-1)) + 1).toString()}`;
}
