// SPDX-License-Identifier: Apache-2.0
import { Random } from '../fuzz/random.ts';
import { AmphoraSet, type AmphoraVerbs, type Member } from './amphora-set.ts';

/** A change of the set, and what must be afterwards. */
export interface PlannedChange {
  /** From 1. */
  readonly number: number;
  readonly kind: ChangeKind;
  readonly title: string;
  /** One call, on any set that is as planned so far. */
  readonly make: Make;
  readonly before: readonly Member[];
  readonly after: readonly Member[];
  /** Slots afterwards. */
  readonly tableSize: number;
  /** Those whose connections this ends. */
  readonly gone: readonly string[];
}

export interface PlanOptions {
  readonly seed: number;
  readonly changes: number;
  /** All that may ever be in the set. */
  readonly amphorae: readonly string[];
  /** How many of them are in it from the start. */
  readonly registered: number;
  readonly initialSlots: number;
}

type Make = <Result>(set: AmphoraVerbs<Result>) => Result;

interface Change {
  readonly title: string;
  readonly make: Make;
}

/** What a change may be drawn from. */
interface Situation {
  readonly set: AmphoraSet;
  /** Those that are not registered. */
  readonly spare: readonly string[];
  readonly random: Random;
}

const MAX_WEIGHT = 256;
const MAX_SLOTS = 8192;

/** A change of every kind, or null where the set does not allow it. */
const kinds = {
  'register by address': ({ spare, random }: Situation) =>
    spare.length === 0 ? null : register(random.pick(spare), { byAddress: true }),

  'register with MAC': ({ spare, random }: Situation) => {
    if (spare.length === 0) return null;
    return register(random.pick(spare), { weight: random.between(1, MAX_WEIGHT) });
  },

  'register at a position': ({ set, spare, random }: Situation) => {
    if (spare.length === 0 || set.freePositions.length === 0) return null;
    return register(random.pick(spare), { position: random.pick(set.freePositions) });
  },

  'register so many that the table grows': ({ set, spare, random }: Situation) => {
    if (spare.length === 0 || set.tableSize >= MAX_SLOTS) return null;
    const ids = spare.slice(0, set.untilGrowth);
    if (ids.length === set.untilGrowth)
      return {
        title: `grow the table: register ${ids.join(', ')}`,
        make: (verbs) => verbs.register(ids),
      };
    return register(random.pick(spare), { position: set.room });
  },

  'register a standby': ({ spare, random }: Situation) => {
    if (spare.length === 0) return null;
    return register(random.pick(spare), { role: 'STANDBY', byAddress: random.oneIn(2) });
  },

  'register a failed one': ({ set, random }: Situation) => {
    const failed = set.inState('FAILED');
    return failed.length === 0 ? null : register(random.pick(failed), {});
  },

  drain: ({ set, random }: Situation) => {
    const id = dispensable(set, random);
    return id === null ? null : { title: `drain ${id}`, make: (verbs) => verbs.drain(id) };
  },

  'drain by weight 0': ({ set, random }: Situation) => {
    const id = dispensable(set, random);
    return id === null ? null : weights(new Map([[id, 0]]));
  },

  'cancel a drain': ({ set, random }: Situation) => {
    const draining = set.inState('DRAINING');
    return draining.length === 0 ? null : register(random.pick(draining), {});
  },

  'cancel a drain by weight': ({ set, random }: Situation) => {
    const draining = set.inState('DRAINING');
    if (draining.length === 0) return null;
    return weights(new Map([[random.pick(draining), random.between(1, MAX_WEIGHT)]]));
  },

  'change weights': ({ set, random }: Situation) => {
    const active = set.inState('ACTIVE');
    const ids = active.filter(() => random.oneIn(2));
    const chosen = ids.length === 0 ? active : ids;
    return weights(new Map(chosen.map((id) => [id, random.between(1, MAX_WEIGHT)])));
  },

  failover: ({ set, random }: Situation) => {
    if (set.inState('STANDBY').length === 0) return null;
    const id = random.pick(set.inState('ACTIVE'));
    return { title: `failover ${id}`, make: (verbs) => verbs.failover(id) };
  },

  unregister: ({ set, random }: Situation) => {
    const idle = set.inState('DRAINING', 'STANDBY', 'FAILED');
    const id = random.oneIn(2) && idle.length > 0 ? random.pick(idle) : dispensable(set, random);
    return id === null
      ? null
      : { title: `unregister ${id}`, make: (verbs) => verbs.unregister(id) };
  },

  'unregister a failed one': ({ set, random }: Situation) => {
    const id =
      set.inState('STANDBY').length > 0
        ? random.pick(set.inState('ACTIVE'))
        : dispensable(set, random);
    if (id === null) return null;
    return {
      title: `unregister ${id}, which has failed`,
      make: (verbs) => verbs.unregister(id, { failed: true }),
    };
  },
} satisfies Record<string, (situation: Situation) => Change | null>;

export type ChangeKind = keyof typeof kinds;
export const changeKinds = Object.keys(kinds) as ChangeKind[];

/** What makes a change of a kind possible where it is not. */
const prerequisites: Readonly<Record<ChangeKind, ChangeKind>> = {
  'register by address': 'unregister',
  'register with MAC': 'unregister',
  'register at a position': 'unregister',
  'register so many that the table grows': 'unregister',
  'register a standby': 'unregister',
  'register a failed one': 'failover',
  drain: 'register with MAC',
  'drain by weight 0': 'register with MAC',
  'cancel a drain': 'drain',
  'cancel a drain by weight': 'drain',
  'change weights': 'register with MAC',
  failover: 'register a standby',
  unregister: 'register by address',
  'unregister a failed one': 'register a standby',
};

/**
 * A sequence of changes that follows from the seed: every kind at least once, and at least one active
 * amphora at any time.
 */
export function planChanges(options: PlanOptions): PlannedChange[] {
  const { seed, changes, amphorae, registered, initialSlots } = options;
  const random = new Random(seed);
  const set = new AmphoraSet(initialSlots);
  set.register(amphorae.slice(0, registered));
  const due = new Set(shuffled(changeKinds, random));
  const plan: PlannedChange[] = [];
  for (let number = 1; number <= changes; number++) {
    const spare = amphorae.filter((id) => !set.list.some((member) => member.id === id));
    const situation: Situation = { set, spare: shuffled(spare, random), random };
    const free = changes - number >= 2 * due.size + 6 && random.oneIn(2);
    const drawn = draw(
      free ? random.pick(changeKinds) : ([...due][0] ?? random.pick(changeKinds)),
      situation,
    );
    due.delete(drawn.kind);
    const before = set.list;
    drawn.make(set);
    const after = set.list;
    plan.push({
      number,
      ...drawn,
      before,
      after,
      tableSize: set.tableSize,
      gone: gone(before, after),
    });
  }
  if (due.size > 0) throw new Error(`seed ${seed.toString()} leaves out ${[...due].join(', ')}`);
  return plan;
}

/** A change of that kind, or one that makes it possible. */
function draw(kind: ChangeKind, situation: Situation): Change & { readonly kind: ChangeKind } {
  const change = kinds[kind](situation);
  return change === null ? draw(prerequisites[kind], situation) : { kind, ...change };
}

/** Those that held a position and hold none any more. */
function gone(before: readonly Member[], after: readonly Member[]): string[] {
  const placed = new Set(after.filter(({ position }) => position !== null).map(({ id }) => id));
  return before
    .filter(({ id, position }) => position !== null && !placed.has(id))
    .map(({ id }) => id);
}

/** An active one that is not the last. */
function dispensable(set: AmphoraSet, random: Random): string | null {
  const active = set.inState('ACTIVE');
  return active.length < 2 ? null : random.pick(active);
}

function register(
  id: string,
  registration: NonNullable<Parameters<AmphoraSet['register']>[1]>,
): Change {
  const { role, weight, position, byAddress } = registration;
  const words = [
    ...(role === undefined ? [] : ['as standby']),
    ...(weight === undefined ? [] : [`with weight ${weight.toString()}`]),
    ...(position === undefined ? [] : [`at ${position.toString()}`]),
    ...(byAddress === true ? ['by address'] : []),
  ];
  return {
    title: ['register', id, ...words].join(' '),
    make: (verbs) => verbs.register([id], registration),
  };
}

function weights(byId: ReadonlyMap<string, number>): Change {
  const words = [...byId].map(([id, weight]) => `${id}=${weight.toString()}`);
  return { title: `weights ${words.join(' ')}`, make: (verbs) => verbs.setWeights(byId) };
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  return items.map(() => {
    const [item] = left.splice(random.below(left.length), 1);
    if (item === undefined) throw new RangeError('unreachable');
    return item;
  });
}
