// SPDX-License-Identifier: Apache-2.0
// Writes into the store of a directory without end, and tells of each change that was
// acknowledged: a line with writer and number.
import { openStore } from '../../src/store/open-store.ts';
import { pairOf, writers } from './write-load.ts';

const store = await openStore(process.argv[2] ?? '');

async function write(writer: number): Promise<void> {
  const ids = pairOf(writer, 1).map((each) => each?.id ?? '');
  const last = store.get(ids[0] ?? '')?.distributor.loadBalancer.name;
  for (let change = Number(last ?? 0) + 1; ; change++) {
    const changes = pairOf(writer, change).map((after, index) => {
      const id = ids[index] ?? '';
      return { id, before: store.get(id)?.distributor ?? null, after };
    });
    await store.commitAll(changes.filter(({ before, after }) => before !== after));
    process.stdout.write(`${writer} ${change}\n`);
  }
}

await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
