// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorKinds } from '../../../src/errors.ts';
import { ApiServer } from '../../../src/api/server.ts';
import { native } from '../../../src/datapath/native.ts';
import { ApiBed } from './api-bed.ts';

let bed: ApiBed;
beforeEach(async () => {
  bed = await ApiBed.start();
});
afterEach(() => bed.stop());

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

test('a load balancer has one distributor, whoever asks for it and however often', async () => {
  const calls = Array.from({ length: 8 }, () =>
    bed.client.call('CreateDistributor', { load_balancer: { id: uuid(1).toUpperCase() } }),
  );
  const ids = (await Promise.all(calls)).map(({ distributor_id }) => distributor_id);
  expect(new Set(ids).size).toBe(1);
  expect([...bed.store.all()]).toHaveLength(1);
});

test('list pages through everything in order', async () => {
  for (let n = 0; n < 25; n++)
    await bed.client.call('CreateDistributor', { load_balancer: { id: uuid(n) } });
  const seen: string[] = [];
  let page_token = '';
  do {
    const page = await bed.client.call('ListDistributors', { page_size: 10, page_token });
    expect(page.distributors.length).toBeLessThanOrEqual(10);
    seen.push(...page.distributors.map(({ id }) => id));
    page_token = page.next_page_token;
  } while (page_token !== '');
  expect(seen).toHaveLength(25);
  expect(seen).toEqual([...seen].sort());
  await expect(bed.client.call('ListDistributors', { page_size: 1001 })).rejects.toThrow('1001');
});

test('a change that is expected at the right revision is made, and returns the next one', async () => {
  const { distributor_id, revision } = await bed.client.call('CreateDistributor', {
    load_balancer: { id: uuid(1) },
  });
  const answer = await bed.client.call('RegisterAmphorae', {
    distributor_id,
    expected_revision: revision,
    amphorae: [{ id: 'a1', ip: '10.0.0.11', mac: '02:00:00:00:01:01', position: 3, weight: 7 }],
  });
  expect(answer.revision).toBe(revision + 1);
  expect(answer.amphorae).toMatchObject([{ id: 'a1', position: 3, weight: 7, resolved: true }]);
});

test('concurrent changes of one distributor all take effect', async () => {
  const { distributor_id } = await bed.client.call('CreateDistributor', {
    load_balancer: { id: uuid(1) },
  });
  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      bed.client.call('RegisterAmphorae', {
        distributor_id,
        amphorae: [{ id: `a${n}`, ip: `10.0.0.1${n}`, mac: `02:00:00:00:01:0${n}` }],
      }),
    ),
  );
  const { amphorae } = await bed.client.call('GetDistributor', { distributor_id });
  expect(amphorae.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('creation, registration and deletion at once leave state and data path alike', async () => {
  const load_balancer = { id: uuid(1) };
  for (let round = 0; round < 40; round++) {
    const { distributor_id } = await bed.client.call('CreateDistributor', { load_balancer });
    const results = await Promise.allSettled([
      bed.client.call('RegisterAmphorae', {
        distributor_id,
        amphorae: [{ id: 'a1', ip: '10.0.0.11', mac: '02:00:00:00:01:01' }],
      }),
      bed.client.call('CreateDistributor', { load_balancer }),
      bed.client.call('DeleteDistributor', { distributor_id, cascade: true }),
    ]);
    for (const result of results)
      if (result.status === 'rejected')
        expect((result.reason as { reason: string }).reason).toBe('DISTRIBUTOR_NOT_FOUND');
    const stored = [...bed.store.all()].map(({ distributor }) => distributor.id);
    expect([...bed.datapath.states.keys()]).toEqual(stored);
  }
});

test('each of two concurrent changes is answered with its own revision', async () => {
  const { distributor_id } = await bed.client.call('CreateDistributor', {
    load_balancer: { id: uuid(1) },
  });
  const register = (n: number) =>
    bed.client.call('RegisterAmphorae', {
      distributor_id,
      amphorae: [{ id: `a${n}`, ip: `10.0.0.1${n}`, mac: `02:00:00:00:01:0${n}` }],
    });
  const answers = await Promise.all([register(1), register(2), register(3)]);
  expect(new Set(answers.map(({ revision }) => revision)).size).toBe(3);
  expect(answers.map(({ amphorae }) => amphorae.length).sort()).toEqual([1, 2, 3]);
});

test('a huge value is refused in few words', async () => {
  const distributor_id = 'x'.repeat(200_000);
  const error = await bed.client
    .call('GetDistributor', { distributor_id })
    .catch((thrown: unknown) => thrown as { reason: string; value: string });
  expect(error).toMatchObject({ reason: 'INVALID_ID' });
  expect((error as { value: string }).value.length).toBeLessThan(300);
});

test('what is unresolved or missing shows as a condition', async () => {
  const { distributor_id } = await bed.client.call('CreateDistributor', {
    load_balancer: { id: uuid(1) },
  });
  await bed.client.call('RegisterAmphorae', {
    distributor_id,
    amphorae: [{ id: 'a1', ip: '10.0.0.11' }],
  });
  const { conditions } = await bed.client.call('GetDistributor', { distributor_id });
  expect(conditions.map(({ type }) => type)).toEqual(['AMPHORA_UNRESOLVED', 'NO_AMPHORA']);
});

test('deletion with cascade removes everything, and again succeeds', async () => {
  const { distributor_id } = await bed.client.call('CreateDistributor', {
    load_balancer: { id: uuid(1) },
  });
  const attachment = { interface: 'eth1', port: 'interface' } as const;
  await bed.client.call('AddVip', { distributor_id, vip: { address: '10.0.0.9', attachment } });
  await bed.client.call('DeleteDistributor', { distributor_id, cascade: true });
  await bed.client.call('DeleteDistributor', { distributor_id });
  expect(bed.snapshot()).toEqual({ distributors: [], datapath: new Map() });
});

test('a second server on a socket in use is refused; a stale socket is taken over', async () => {
  const second = new ApiServer({} as never);
  await expect(second.listen(bed.socket)).rejects.toThrow('in use by another process');
});

/** A document without the padding of its tables. */
async function readDocument(name: string): Promise<string> {
  const text = await readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
  return text.replaceAll(/ +/g, ' ');
}

test('conditions tell of a VIP that is claimed, short of flow entries, or not listened for', async () => {
  const { distributor_id } = await bed.client.call('CreateDistributor', {
    load_balancer: { id: uuid(1) },
  });
  const attachment = { interface: 'eth1', port: 'interface' as const, vlan_ids: [7] };
  const vip = { address: '10.0.0.9', attachment };
  await bed.client.call('AddVip', { distributor_id, vip });
  const conditionsOfVip = async () =>
    (await bed.client.call('GetDistributor', { distributor_id })).conditions
      .filter(({ message }) => message.startsWith('10.0.0.9 on eth1.7: '))
      .map(({ type }) => type);
  expect(await conditionsOfVip()).toEqual([]);

  bed.datapath.vipStateNow = { flowEntries: 5, flowTableFull: true, listens: 'unreported', age: 1 };
  const [claimed] = bed.datapath.states.get(distributor_id)?.vips.values() ?? [];
  if (claimed === undefined) throw new Error('the data path has no VIP');
  const mac = '02:00:00:00:00:66';
  const at = process.hrtime.bigint();
  bed.datapath.claims.push({ distributorId: distributor_id, vip: claimed, mac, at });
  bed.conflicts.keepUp();
  expect(await conditionsOfVip()).toEqual(['VIP_CONFLICT', 'FLOW_TABLE_FULL', 'MLD_UNAVAILABLE']);
  const { vips } = await bed.client.call('GetStats', { distributor_id });
  expect(vips[0]?.flow_entries).toBe(5);
});

test('docs/errors.md lists every reason with status and action', async () => {
  const docs = await readDocument('errors.md');
  for (const [reason, { status, retryable, action }] of Object.entries(errorKinds))
    expect(docs).toContain(`| ${reason} | ${status} | ${retryable ? 'yes' : 'no'} | ${action} |`);
});

test('docs/verdicts.md explains every verdict', async () => {
  const docs = await readDocument('verdicts.md');
  for (const verdict of native.verdicts)
    if (verdict !== null) expect(docs).toContain(`| \`${verdict}\` |`);
});
