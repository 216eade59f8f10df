// SPDX-License-Identifier: Apache-2.0
// The image and its journal against a plain model, under commits that overlap, wait and fail.
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import type { Distributor } from '../../../src/model/distributor.ts';
import { vipKey } from '../../../src/model/vip.ts';
import { Slices } from '../../../src/slices.ts';
import { readDocument } from '../../../src/store/distributor-document.ts';
import { DistributorStore } from '../../../src/store/distributor-store.ts';
import { noJournal, type Journal, type JournalEntry } from '../../../src/store/journal.ts';
import type { StoreChange } from '../../../src/store/store.ts';
import { active, distributor, distributorId, vip } from '../../support/documents.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Answers when it is told to, in order, as it is told to. */
class HeldJournal implements Journal {
  readonly durable = new Map<string, string>();
  readonly #waiting: { entries: readonly JournalEntry[]; end: (failure: Error | null) => void }[] =
    [];
  #onAppend = (): void => undefined;

  append(entries: readonly JournalEntry[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (failure: Error | null) => (failure === null ? resolve() : reject(failure));
      this.#waiting.push({ entries, end });
      this.#onAppend();
    });
  }

  /** Resolves at the next append. */
  nextAppend(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAppend = resolve;
    });
  }

  /** Makes the first that waits, or the next to come, durable, or refuses it. */
  async answer(succeeds: boolean): Promise<void> {
    if (this.#waiting.length === 0) await this.nextAppend();
    const first = this.#waiting.shift();
    if (first === undefined) return;
    if (succeeds)
      for (const { id, document } of first.entries)
        if (document === null) this.durable.delete(id);
        else this.durable.set(id, document);
    first.end(succeeds ? null : new Error('injected'));
    await new Promise(setImmediate);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  statistics = () => noJournal.statistics();
  close = () => Promise.resolve();
}

const ids = [1, 2, 3];
/** Few enough that distributors want the same. */
const content = fc.record({
  id: fc.constantFrom(...ids),
  remove: fc.boolean(),
  balancer: fc.constantFrom(1, 2, 3, 4),
  vips: fc.uniqueArray(fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'), { maxLength: 2 }),
  amphorae: fc.uniqueArray(fc.constantFrom('a', 'bb', 'ccc'), { maxLength: 2 }),
});
type Content = typeof content extends fc.Arbitrary<infer T> ? T : never;
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('commit'),
      all: fc.array(content, { minLength: 1, maxLength: 3 }),
      stale: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('answer'), succeeds: fc.boolean() }) },
);

function made({ id, remove, balancer, vips, amphorae }: Content): Distributor | null {
  if (remove) return null;
  return distributor(id, {
    loadBalancer: { id: distributorId(1000 + balancer), name: '' },
    vips: vips.map((address) => vip(address)),
    amphorae: amphorae.map((name, position) => active(name, position)),
    nextPosition: amphorae.length,
  });
}

function claimsOf({ loadBalancer, vips, amphorae }: Distributor): string[] {
  return [loadBalancer.id, ...vips.map(vipKey), ...amphorae.map(({ id }) => id)];
}

test('a change is there as a whole or not at all, and only when it is durable', async () => {
  /** Whether others want a turn between any two steps. */
  const slices = vi.spyOn(Slices.prototype, 'isOver', 'get');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, isBusy) => {
      slices.mockReturnValue(isBusy);
      const journal = new HeldJournal();
      const store = new DistributorStore(journal);
      const told: string[] = [];
      store.onChange((id) => told.push(id));
      /** The model: what is visible, and the changes on their way in order. */
      const shown = new Map<string, Distributor>();
      const onTheWay: { changes: readonly StoreChange[]; outcome: Promise<number | Error> }[] = [];
      let lastRevision = 0;

      const check = () => {
        expect(new Map([...store.all()].map(({ distributor: each }) => [each.id, each]))).toEqual(
          shown,
        );
        const durable = [...journal.durable.values()].map((text) => readDocument(text));
        expect(new Set(durable)).toEqual(new Set(shown.values()));
        for (const each of shown.values()) {
          expect(store.findByLoadBalancer(each.loadBalancer.id)?.distributor).toBe(each);
          for (const one of each.vips) expect(store.findByVip(vipKey(one))).toBe(each.id);
          for (const one of each.amphorae) expect(store.findByAmphora(one.id)).toBe(each.id);
        }
      };

      const mayBegin = (changes: readonly StoreChange[]) => {
        const busy = new Set(onTheWay.flatMap((one) => one.changes.map(({ id }) => id)));
        const named = new Set(changes.map(({ id }) => id));
        if (named.size < changes.length || [...named].some((id) => busy.has(id))) return false;
        if (changes.some(({ id, before }) => (shown.get(id) ?? null) !== before)) return false;
        const taken = new Set<string>();
        for (const [id, each] of shown)
          if (!named.has(id)) for (const claim of claimsOf(each)) taken.add(claim);
        for (const one of onTheWay)
          for (const { after } of one.changes)
            if (after !== null) for (const claim of claimsOf(after)) taken.add(claim);
        for (const { after } of changes)
          for (const claim of after === null ? [] : claimsOf(after)) {
            if (taken.has(claim)) return false;
            taken.add(claim);
          }
        return true;
      };

      const end = async (succeeds: boolean) => {
        const first = onTheWay.shift();
        if (first === undefined) return;
        told.length = 0;
        await journal.answer(succeeds);
        const outcome = await first.outcome;
        if (!succeeds) {
          expect(outcome).toMatchObject({ reason: 'STORE_FAILED' });
          expect(told).toEqual([]);
          return;
        }
        for (const { id, after } of first.changes)
          if (after === null) shown.delete(id);
          else shown.set(id, after);
        expect(told).toEqual(first.changes.map(({ id }) => id));
        expect(outcome).toBe(store.revision);
        expect(store.revision).toBeGreaterThan(lastRevision);
        lastRevision = store.revision;
      };

      for (const one of steps) {
        if (one.kind === 'answer') await end(one.succeeds);
        else {
          const changes = one.all.map((each): StoreChange => {
            const after = made(each);
            const id = distributorId(each.id);
            const before = one.stale ? distributor(each.id) : (shown.get(id) ?? null);
            return { id, before, after };
          });
          const begins = mayBegin(changes);
          const waiting = journal.waiting;
          const append = journal.nextAppend();
          const outcome = store.commitAll(changes).catch((error: unknown) => error as Error);
          await Promise.race([append, outcome]);
          expect(journal.waiting - waiting).toBe(begins ? 1 : 0);
          if (begins) onTheWay.push({ changes, outcome });
          else
            expect((await outcome) as Error).toMatchObject({
              reason: expect.stringMatching(
                /^(REVISION_MISMATCH|VIP_IN_USE|AMPHORA_IN_USE|DISTRIBUTOR_EXISTS)$/,
              ) as string,
            });
        }
        check();
      }
      while (onTheWay.length > 0) await end(true);
      check();
    }),
    { numRuns: 300 },
  );
});

test('what a failed change claimed another can have, and what it gave up is its own again', async () => {
  const journal = new HeldJournal();
  const store = new DistributorStore(journal);
  const first = distributor(1, { vips: [vip('10.0.0.1')] });
  const made = store.commit({ id: first.id, before: null, after: first });
  await journal.answer(true);
  await made;
  const moved = { ...first, vips: [vip('10.0.0.2')] };
  const failing = store.commit({ id: first.id, before: first, after: moved });
  await Promise.all([expect(failing).rejects.toThrow('injected'), journal.answer(false)]);
  const second = (address: string) => {
    const after = distributor(2, { vips: [vip(address)] });
    return store.commit({ id: after.id, before: null, after });
  };
  await expect(second('10.0.0.1')).rejects.toMatchObject({ reason: 'VIP_IN_USE' });
  const taking = second('10.0.0.2');
  await journal.answer(true);
  await taking;
});

test('changes are numbered in the order of the journal, also where one waited for its turn', async () => {
  const isOver = vi.spyOn(Slices.prototype, 'isOver', 'get').mockReturnValue(true);
  const numbers: number[] = [];
  const journal: Journal = {
    append: (entries) => {
      numbers.push(...entries.map(({ sequence }) => sequence));
      return Promise.resolve();
    },
    statistics: () => noJournal.statistics(),
    close: () => Promise.resolve(),
  };
  const store = new DistributorStore(journal);
  const create = (id: number): StoreChange => {
    const after = distributor(id);
    return { id: after.id, before: null, after };
  };
  const long = store.commitAll([create(1), create(2), create(3)]);
  isOver.mockReturnValue(false);
  await Promise.all([store.commit(create(4)), long]);
  expect(numbers).toEqual([1, 2, 3, 4]);
});
