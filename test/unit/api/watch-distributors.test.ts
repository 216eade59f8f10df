// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WatchDistributorsResponse__Output as Change } from '../../../build/proto/distributor/v1/WatchDistributorsResponse.ts';
import { ApiBed } from './api-bed.ts';

let bed: ApiBed;
beforeEach(async () => {
  bed = await ApiBed.start();
});
afterEach(() => bed.stop());

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

async function create(n: number): Promise<string> {
  const load_balancer = { id: uuid(n) };
  return (await bed.client.call('CreateDistributor', { load_balancer })).distributor_id;
}

async function register(distributor_id: string, amphora: string): Promise<void> {
  const amphorae = [{ id: amphora, ip: '10.0.0.11', mac: '02:00:00:00:00:11' }];
  await bed.client.call('RegisterAmphorae', { distributor_id, amphorae });
}

/** Follows from a revision on until `enough` says so of what came, and returns that. */
async function watch(
  after: number,
  enough: (changes: readonly Change[]) => boolean | Promise<boolean>,
): Promise<Change[]> {
  const changes: Change[] = [];
  for await (const change of bed.client.stream('WatchDistributors', { after })) {
    changes.push(change);
    if (await enough(changes)) break;
  }
  return changes;
}

const isSynchronized = (changes: readonly Change[]) => changes.at(-1)?.change === 'synchronized';

/** What a change says, in a word. */
function inShort({ change, distributor, deleted_id }: Change): string {
  if (change === 'deleted_id') return `-${deleted_id ?? ''}`;
  return change === 'distributor' ? (distributor?.id ?? '') : 'synchronized';
}

describe('WatchDistributors', () => {
  test('sends what there is, then every change, with growing revisions', async () => {
    const [one, two] = [await create(1), await create(2)];
    const changes = await watch(0, async (sofar) => {
      if (isSynchronized(sofar)) await register(one, 'a1');
      if (sofar.length === 4) await bed.client.call('DeleteDistributor', { distributor_id: two });
      return sofar.length === 5;
    });
    expect(changes.map(inShort)).toEqual([one, two, 'synchronized', one, `-${two}`]);
    const revisions = changes.map(({ watch_revision }) => watch_revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(changes[3]?.distributor).toMatchObject({
      status: 'STATUS_ONLINE',
      amphorae: [{ id: 'a1' }],
    });
  });

  test('resumed misses nothing: changes, deletions, and what came and went', async () => {
    const [one, two, three] = [await create(1), await create(2), await create(3)];
    const first = await watch(0, isSynchronized);
    const after = first.at(-1)?.watch_revision ?? 0;
    await register(two, 'a1');
    await bed.client.call('DeleteDistributor', { distributor_id: one });
    const four = await create(4);
    await bed.client.call('DeleteDistributor', { distributor_id: four });
    const resumed = await watch(after, isSynchronized);
    expect(resumed.map(inShort)).toEqual([two, `-${one}`, `-${four}`, 'synchronized']);
    expect(resumed.map(inShort)).not.toContain(three);
    const last = resumed.at(-1)?.watch_revision ?? 0;
    expect((await watch(last, isSynchronized)).map(inShort)).toEqual(['synchronized']);
  });

  test.each([
    ['of a daemon before this one', () => 5],
    ['that was never reached', () => bed.board.revision + 1],
  ])('from a revision %s is told to start over', async (_, revision) => {
    await create(1);
    const after = revision();
    await expect(watch(after, isSynchronized)).rejects.toMatchObject({
      ...{ code: 'OUT_OF_RANGE', reason: 'WATCH_EXPIRED', field: 'after', value: String(after) },
    });
  });

  test('tells of conditions that come and go, since when', async () => {
    const one = await create(1);
    await register(one, 'a1');
    const attachment = { interface: 'eth0', port: 'interface' } as const;
    const vip = { address: '10.0.0.100', attachment };
    await bed.client.call('AddVip', { distributor_id: one, vip });
    const up = bed.datapath.portStateNow;
    await bed.look();
    const changes = await watch(bed.board.revision, async (sofar) => {
      if (sofar.length === 1) {
        bed.datapath.portStateNow = { ...up, link: 'down' };
        await bed.pass(1);
        await bed.pass(5); // nothing new: nothing is sent
      }
      if (sofar.length === 2) {
        bed.datapath.portStateNow = up;
        await bed.pass(1);
      }
      return sofar.length === 3;
    });
    const since = { seconds: bed.epoch / 1000 + 1001, nanos: 0 };
    expect(changes.map(({ distributor }) => distributor?.status)).toEqual([
      undefined,
      'STATUS_DOWN',
      'STATUS_ONLINE',
    ]);
    expect(changes[1]?.distributor?.conditions).toMatchObject([
      { type: 'PORT_DOWN', subject: 'eth0', since },
    ]);
  });

  test('does not tell of what was undone', async () => {
    const one = await create(1);
    const after = bed.board.revision;
    bed.datapath.refuses = ({ kind }) => kind === 'assign-slots';
    await expect(register(one, 'a1')).rejects.toThrow('refused');
    bed.datapath.refuses = () => false;
    const changes = await watch(after, isSynchronized);
    for (const { distributor } of changes) expect(distributor?.amphorae ?? []).toEqual([]);
  });

  test('ends when the daemon stops', async () => {
    const changes = bed.client.stream('WatchDistributors', { after: 0 });
    const stopping = (async () => {
      for await (const change of changes) if (change.change === 'synchronized') void bed.stop();
    })();
    await expect(stopping).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('status', () => {
  test('is that of the worst condition', async () => {
    const one = await create(1);
    const status = async () =>
      (await bed.client.call('GetDistributor', { distributor_id: one })).status;
    expect(await status()).toBe('STATUS_DOWN');
    await register(one, 'a1');
    expect(await status()).toBe('STATUS_ONLINE');
    const amphorae = [
      { id: 's1', ip: '10.0.0.21', mac: '02:00:00:00:00:21', role: 'ROLE_STANDBY' as const },
    ];
    await bed.client.call('RegisterAmphorae', { distributor_id: one, amphorae });
    expect(await status()).toBe('STATUS_ONLINE');
    await bed.client.call('FailoverAmphora', { distributor_id: one, amphora_id: 'a1' });
    expect(await status()).toBe('STATUS_DEGRADED');
    await register(one, 'a1');
    expect(await status()).toBe('STATUS_ONLINE');
  });

  test('a condition keeps its time while it lasts, and gets another when it comes back', async () => {
    const one = await create(1);
    const since = async () => {
      const { conditions } = await bed.client.call('GetDistributor', { distributor_id: one });
      return conditions.map((condition) => condition.since?.seconds);
    };
    const began = bed.now / 1000;
    expect(await since()).toEqual([began]);
    await bed.pass(10);
    expect(await since()).toEqual([began]);
    await register(one, 'a1');
    await bed.client.call('UnregisterAmphorae', { distributor_id: one, amphora_ids: ['a1'] });
    expect(await since()).toEqual([began + 10]);
  });
});
