// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ImportStateRequest } from '../../../build/proto/distributor/v1/ImportStateRequest.ts';
import type { Distributor } from '../../../src/model/distributor.ts';
import type { Operation } from '../../../src/plan/operation.ts';
import { writeDocument } from '../../../src/store/distributor-document.ts';
import { active, distributor, distributorId, vip, whole } from '../../support/documents.ts';
import { ApiBed } from './api-bed.ts';
import { outcomeOf } from './outcome.ts';

let bed: ApiBed;
beforeEach(async () => {
  bed = await ApiBed.start();
});
afterEach(() => bed.stop());

const simple = (n: number, address: string, parts: Partial<Distributor> = {}) =>
  distributor(n, {
    vips: [vip(address)],
    amphorae: [active(`amphora-${n}`, 0)],
    nextPosition: 1,
    ...parts,
  });

function requestsOf(distributors: readonly Distributor[], options = {}): ImportStateRequest[] {
  const documents = distributors.map((each) => ({ document: writeDocument(each) }));
  return [{ options: { replace: false, dry_run: false, ...options } }, ...documents];
}

const load = (distributors: readonly Distributor[], options = {}) =>
  bed.client.upload('ImportState', requestsOf(distributors, options));

async function exported(): Promise<string[]> {
  const documents: string[] = [];
  for await (const { document } of bed.client.stream('ExportState', {})) documents.push(document);
  return documents;
}

test('what is exported is what was imported, by id', async () => {
  const state = [simple(3, '10.0.0.3'), whole, simple(2, '10.0.0.2')];
  expect(await load(state)).toEqual({
    ...{ added: 3, changed: 0, removed: 0, unchanged: 0 },
    revision: 3,
  });
  const documents = await exported();
  expect(documents.map((document) => JSON.parse(document) as unknown)).toEqual([
    whole,
    state[2],
    state[0],
  ]);
  expect([...bed.datapath.states.keys()].sort()).toEqual([1, 2, 3].map(distributorId));
});

test('the state of no distributors', async () => {
  expect(await exported()).toEqual([]);
  expect(await load([])).toMatchObject({ added: 0, revision: 0 });
});

describe('with replace', () => {
  test('only what differs changes', async () => {
    await load([simple(1, '10.0.0.1'), simple(2, '10.0.0.2'), simple(3, '10.0.0.3')]);
    const revision = bed.store.get(distributorId(1))?.revision;
    const operations = bed.datapath.executed.length;
    const changed = simple(2, '10.0.0.2', {
      loadBalancer: { ...simple(2, '').loadBalancer, name: 'x' },
    });
    expect(
      await load([simple(1, '10.0.0.1'), changed, simple(4, '10.0.0.4')], { replace: true }),
    ).toMatchObject({ added: 1, changed: 1, removed: 1, unchanged: 1 });
    expect(bed.store.get(distributorId(1))?.revision).toBe(revision);
    expect([...bed.datapath.states.keys()].sort()).toEqual([1, 2, 4].map(distributorId));
    const since = bed.datapath.executed.slice(operations);
    expect(since.filter(({ kind }) => kind === 'put-vip')).toEqual([
      expect.objectContaining({ vip: expect.objectContaining({ address: '10.0.0.4' }) as unknown }),
    ]);
  });

  test('the same again changes nothing', async () => {
    await load([whole, simple(2, '10.0.0.2')]);
    const before = bed.snapshot();
    const operations = bed.datapath.executed.length;
    const documents = (await exported()).map((document) => ({ document }));
    const answer = await bed.client.upload('ImportState', [
      { options: { replace: true } },
      ...documents,
    ]);
    expect(answer).toMatchObject({ added: 0, changed: 0, removed: 0, unchanged: 2 });
    expect(bed.snapshot()).toEqual(before);
    expect(bed.datapath.executed.length).toBe(operations);
  });

  test('VIPs and amphorae that change places leave one distributor before they come to another', async () => {
    await load([simple(1, '10.0.0.1'), simple(2, '10.0.0.2')]);
    const operations = bed.datapath.executed.length;
    const amphorae = [active('amphora-2', 0)];
    const swapped = [
      simple(1, '10.0.0.2', { amphorae }),
      simple(2, '10.0.0.1', { amphorae: [active('amphora-1', 0)] }),
    ];
    expect(await load(swapped, { replace: true })).toMatchObject({ changed: 2 });
    const vips = bed.datapath.executed
      .slice(operations)
      .flatMap((operation: Operation) =>
        operation.kind === 'put-vip' || operation.kind === 'delete-vip'
          ? [`${operation.kind} ${operation.vip.address}`]
          : [],
      );
    expect(vips.slice(0, 2)).toEqual(['delete-vip 10.0.0.1', 'delete-vip 10.0.0.2']);
    expect(vips.slice(2)).toEqual(['put-vip 10.0.0.2', 'put-vip 10.0.0.1']);
  });
});

test('a dry run says what would be, and changes nothing', async () => {
  await load([simple(1, '10.0.0.1')]);
  const before = bed.snapshot();
  expect(await load([simple(2, '10.0.0.1')], { replace: true, dry_run: true })).toEqual({
    ...{ added: 1, changed: 0, removed: 1, unchanged: 0 },
    revision: 1,
  });
  expect(bed.snapshot()).toEqual(before);
});

describe('refused, with nothing changed', () => {
  test.each<[string, ImportStateRequest[], object]>([
    [
      'others are there',
      requestsOf([simple(2, '10.0.0.2')]),
      { reason: 'STATE_NOT_EMPTY', field: 'options.replace' },
    ],
    [
      'the last document is wrong',
      requestsOf([simple(2, '10.0.0.2'), simple(3, '10.0.0.3', { nextPosition: 0 })], {
        replace: true,
      }),
      { reason: 'INVALID_STATE', field: 'distributors[1].amphorae[0].position', value: '0' },
    ],
    [
      'two have the same VIP',
      requestsOf([simple(2, '10.0.0.2'), simple(3, '10.0.0.2')], { replace: true }),
      { reason: 'INVALID_STATE', field: 'distributors[1].vips[0].address', value: '10.0.0.2' },
    ],
    [
      'a document that is not JSON',
      [{ options: { replace: true } }, { document: '{' }],
      { reason: 'INVALID_STATE', field: 'distributors[0]' },
    ],
    ['no request', [], { reason: 'INVALID_ARGUMENT', field: 'options' }],
    ['no options', requestsOf([whole]).slice(1), { reason: 'INVALID_ARGUMENT', field: 'options' }],
    [
      'options again',
      [{ options: { replace: true } }, { options: { replace: true } }],
      { reason: 'INVALID_ARGUMENT', field: 'document' },
    ],
  ])('%s', async (_, requests, refusal) => {
    await load([simple(1, '10.0.0.1')]);
    const before = bed.snapshot();
    await expect(bed.client.upload('ImportState', requests)).rejects.toMatchObject(refusal);
    expect(bed.snapshot()).toEqual(before);
    // The locks are free.
    await load([simple(2, '10.0.0.2')], { replace: true });
  });

  test('a client that gives up half way', async () => {
    await load([simple(1, '10.0.0.1')]);
    const before = bed.snapshot();
    const failing = function* () {
      yield* requestsOf([simple(2, '10.0.0.2')], { replace: true });
      throw new Error('injected');
    };
    await expect(bed.client.upload('ImportState', failing())).rejects.toThrow('injected');
    await load([simple(1, '10.0.0.1')], { replace: true });
    expect(bed.snapshot()).toEqual(before);
  });
});

test('what the data path refuses is stored all the same, and shows as OUT_OF_SYNC', async () => {
  bed.datapath.refuses = ({ kind }) => kind === 'put-vip';
  await load([simple(1, '10.0.0.1'), distributor(2)]);
  await bed.locks.idle();
  const shown = await bed.client.call('GetDistributor', { distributor_id: distributorId(1) });
  expect(shown.conditions.map(({ type }) => type)).toContain('OUT_OF_SYNC');
  expect(bed.datapath.states.has(distributorId(2))).toBe(true);
});

test('no change comes between: those before are part of it, those after find it done', async () => {
  await load([simple(1, '10.0.0.1')]);
  const loadBalancer = (n: number) => ({ load_balancer: simple(n, '').loadBalancer });
  const held = Promise.withResolvers<undefined>();
  const changing = bed.locks.run(distributorId(1), () => held.promise);
  const importing = load([simple(1, '10.0.0.1'), simple(2, '10.0.0.2')], { replace: true });
  // Held by the first distributor, which is changing.
  const created = outcomeOf(bed.client.call('CreateDistributor', loadBalancer(2)));
  held.resolve(undefined);
  await changing;
  await Promise.all([importing, created]);
  const ids = [...bed.store.all()].map(({ distributor: each }) => each.id);
  expect(ids).toEqual([1, 2].map(distributorId));
  expect(await created).toBe('OK');
});
