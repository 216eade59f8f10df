// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, test } from 'vitest';
import type { NativeVip, NativeVipKey } from '../../src/datapath/native.ts';
import { VipElements } from '../../src/datapath/vip-elements.ts';

/** What was called, in order. */
let calls: string[];
/** Addresses that are in the map. */
let present: Set<string>;
/** Each ends a wait for readers, in vain with an error. */
let waits: ((error?: Error) => void)[];
let elements: VipElements;

const vip = (address: string) => ({ address }) as NativeVip;

beforeEach(() => {
  [calls, present, waits] = [[], new Set(), []];
  const writer = {
    putVip: ({ address }: NativeVipKey) => {
      calls.push(`put ${address}`);
      const isReplaced = present.has(address);
      present.add(address);
      return isReplaced;
    },
    moveVip: ({ address }: NativeVipKey) => void calls.push(`move ${address}`),
    deleteVip: ({ address }: NativeVipKey) => {
      if (address === 'bad') throw new Error('bpf(delete vip): no');
      calls.push(`delete ${address}`);
      present.delete(address);
    },
  };
  elements = new VipElements(writer, () => {
    calls.push('wait');
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    waits.push((error) => {
      if (error === undefined) resolve(undefined);
      else reject(error);
    });
    return promise;
  });
});

/** Ends every wait for readers until `done` has settled. */
async function letReadersGo<T>(done: Promise<T>): Promise<T> {
  const ended = done.then(
    () => true,
    () => true,
  );
  const turns = 1000;
  for (let turn = 0; turn < turns; turn++) {
    waits.shift()?.();
    if (await Promise.race([ended, Promise.resolve(false)])) break;
  }
  return done;
}

test('new elements wait for nobody', async () => {
  await Promise.all([elements.put(vip('a')), elements.put(vip('b')), elements.settled()]);
  expect(calls).toEqual(['put a', 'put b']);
});

describe('what frees an element', () => {
  const frees = {
    'a deletion': () => elements.delete(vip('a')),
    'a replacement': () => elements.put(vip('a')),
    'a move': () => elements.move({ ...vip('a'), from: 2 }),
  };
  for (const [name, free] of Object.entries(frees))
    test(`${name} holds back the next write, once`, async () => {
      await elements.put(vip('a'));
      await free();
      calls = [];
      const written = Promise.all([elements.put(vip('b')), elements.put(vip('c'))]);
      await Promise.resolve();
      expect(calls).toEqual(['wait']);
      await letReadersGo(written);
      expect(calls).toEqual(['wait', 'put b', 'put c']);
    });
});

test('deletions wait for nobody, but let writes that wait go first', async () => {
  await Promise.all(['a', 'b', 'c'].map((address) => elements.put(vip(address))));
  await Promise.all([elements.delete(vip('a')), elements.delete(vip('b'))]);
  calls = [];
  const written = elements.put(vip('d'));
  await letReadersGo(Promise.all([written, elements.delete(vip('c')), elements.put(vip('e'))]));
  expect(calls).toEqual(['wait', 'put d', 'delete c', 'wait', 'put e']);
});

test('settled waits for what was freed, and is no write', async () => {
  await elements.put(vip('a'));
  await elements.delete(vip('a'));
  calls = [];
  await letReadersGo(elements.settled());
  await elements.settled();
  expect(calls).toEqual(['wait']);
});

test('a failure is that of one call', async () => {
  await elements.put(vip('a'));
  await expect(elements.delete(vip('bad'))).rejects.toThrow('delete VIP: bpf(delete vip): no');
  const refused = elements.put(vip('b'));
  waits.shift()?.(new Error('membarrier: no'));
  await expect(refused).rejects.toThrow('wait for readers: membarrier: no');
  expect(present).toEqual(new Set(['a']));
  await letReadersGo(elements.put(vip('b')));
  expect(present).toEqual(new Set(['a', 'b']));
});
