// SPDX-License-Identifier: Apache-2.0
// What the store does with the files that it may find.
import {
  chmod,
  copyFile,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore, removeStore } from '../../src/store/open-store.ts';
import { registerRowChecksum } from '../../src/store/row-checksum.ts';
import type { DistributorStore } from '../../src/store/distributor-store.ts';
import { distributor, distributorId, vip, whole } from '../support/documents.ts';
import { StateDirectory } from './state-directory.ts';

let directory: StateDirectory;
beforeEach(async () => {
  directory = await StateDirectory.make();
});
afterEach(() => directory.remove());

async function withStore<T>(work: (store: DistributorStore) => T | Promise<T>): Promise<T> {
  const store = await openStore(directory.path);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const put = (store: DistributorStore, after = whole) =>
  store.commit({ id: after.id, before: store.get(after.id)?.distributor ?? null, after });

const change = (sql: string) => {
  const database = new DatabaseSync(directory.file);
  registerRowChecksum(database);
  database.exec(sql);
  database.close();
};

/** As one who knows what belongs to a row. */
const changeRows = (sql: string) =>
  change(`${sql}; UPDATE distributors SET checksum = row_checksum(id, revision, document)`);

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

test('a new file is for its owner alone, and so is the directory that is made for it', async () => {
  const inner = join(directory.path, 'a', 'b');
  const store = await openStore(inner);
  await put(store);
  expect(await modeOf(inner)).toBe(0o700);
  for (const name of ['state.db', 'state.db-wal'])
    expect(await modeOf(join(inner, name)), name).toBe(0o600);
  expect(store.statistics()).toMatchObject({ commits: 1, changes: 1, distributors: 1 });
  await store.close();
  await removeStore(inner);
  await expect(stat(inner)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('what was stored is there again, with its revisions', async () => {
  const second = distributor(2, { vips: [vip('10.0.0.2')] });
  await withStore(async (store) => {
    expect(store.revision).toBe(0);
    await put(store);
    await put(store, second);
    await put(store, { ...whole, tableSize: 2048 });
    await put(store, distributor(3));
    await store.commit({ id: second.id, before: second, after: null });
  });
  await withStore((store) => {
    expect([...store.all()]).toEqual([
      { distributor: { ...whole, tableSize: 2048 }, revision: 3 },
      { distributor: distributor(3), revision: 4 },
    ]);
    expect(store.revision).toBe(5);
    expect(store.findByVip('eth0/10.0.0.100')).toBe(whole.id);
  });
});

test('an empty file, which is one of version 0, becomes one of this version', async () => {
  await writeFile(directory.file, '');
  await withStore((store) => put(store));
  change('PRAGMA journal_mode = DELETE');
  await withStore((store) => expect(store.get(whole.id)?.distributor).toEqual(whole));
});

test('a file of version 1, whose rows have no checksums, becomes one of this version', async () => {
  await withStore((store) => put(store));
  change('ALTER TABLE distributors DROP COLUMN checksum; PRAGMA user_version = 1');
  for (let opening = 0; opening < 2; opening++)
    await withStore((store) => expect(store.get(whole.id)?.distributor).toEqual(whole));
});

describe('refused, and left as it is', () => {
  const cases: [string, () => Promise<void> | void, RegExp][] = [
    [
      'of a newer version',
      () => change('PRAGMA user_version = 99'),
      /newer distributord \(schema version 99, this one knows 2\)/,
    ],
    [
      'of another program',
      () => change('PRAGMA application_id = 1'),
      /belongs to another program: set state\.directory/,
    ],
    [
      'no database',
      () => writeFile(directory.file, 'x'.repeat(5000)),
      /is not an SQLite database.*distributorctl state import/,
    ],
    ['cut short', () => truncate(directory.file, 6000), /is damaged.*distributorctl state import/],
    [
      'with a damaged page',
      async () => {
        const { size } = await stat(directory.file);
        const file = await open(directory.file, 'r+');
        for (let at = 4096; at < size; at += 4096)
          await file.write(Buffer.alloc(64, 0x5a), 0, 64, at);
        await file.close();
      },
      /is damaged.*distributorctl state import/,
    ],
    [
      'with a bit of a document turned, that is as good as before',
      async () => {
        const content = await readFile(directory.file);
        const at = content.indexOf('"10.0.0.12"');
        expect(at).toBeGreaterThan(0);
        content.write('"10.0.0.13"', at);
        await writeFile(directory.file, content);
      },
      new RegExp(`is damaged .distributor ${whole.id}.*distributorctl state import`),
    ],
    [
      'with a document that is not JSON',
      () => changeRows("UPDATE distributors SET document = '{'"),
      new RegExp(`distributor ${whole.id} cannot be read: .*good copy`),
    ],
    [
      'with a wrong document',
      () =>
        changeRows(
          "UPDATE distributors SET document = replace(document, '10.0.0.12', '10.0.0.300')",
        ),
      /amphorae\[1\]\.ip: .*10\.0\.0\.300/,
    ],
    [
      'with a document under another id',
      () =>
        changeRows(`UPDATE distributors SET id = '${distributorId(99)}' WHERE id = '${whole.id}'`),
      /cannot be read: id: is /,
    ],
    [
      'with two distributors of one load balancer',
      () =>
        changeRows(
          `INSERT INTO distributors SELECT '${distributorId(99)}', 1, replace(document, '${distributorId(2)}', ` +
            `'${distributorId(99)}'), 0 FROM distributors WHERE id = '${distributorId(2)}'`,
        ),
      /cannot be read: load balancer .* has distributor/,
    ],
  ];
  test.each(cases)('%s', async (_, damage, message) => {
    await withStore(async (store) => {
      await put(store);
      for (let n = 2; n < 60; n++) await put(store, distributor(n));
    });
    await damage();
    const before = await directory.content();
    await expect(openStore(directory.path)).rejects.toThrow(message);
    expect(await directory.content()).toEqual(before);
    // Not in use: a copy in its place opens.
    await rename(directory.file, `${directory.file}.bad`);
    await withStore((store) => expect([...store.all()]).toEqual([]));
  });

  test('a database of another program', async () => {
    change('CREATE TABLE theirs (x)');
    const before = await directory.content();
    await expect(openStore(directory.path)).rejects.toThrow(/belongs to another program/);
    expect(await directory.content()).toEqual(before);
  });
});

test('a file that another one has open is in use, and free when that one closes it', async () => {
  await withStore(async (store) => {
    await expect(openStore(directory.path)).rejects.toThrow(/is in use: another distributord/);
    await put(store);
  });
  await withStore((store) => expect(store.get(whole.id)).toBeDefined());
});

test('a directory that cannot be made', async () => {
  await writeFile(join(directory.path, 'file'), '');
  await expect(openStore(join(directory.path, 'file', 'state'))).rejects.toThrow(
    /state\.directory .*file\/state cannot be made: ENOTDIR/,
  );
});

const isRoot = process.getuid?.() === 0;
test(`a directory that cannot be written${isRoot ? ' (root writes everywhere)' : ''}`, async (context) => {
  context.skip(isRoot, 'root writes everywhere');
  const inner = join(directory.path, 'inner');
  await mkdir(inner);
  await chmod(inner, 0o500);
  await expect(openStore(inner)).rejects.toThrow(/state\.db cannot be used: EACCES/);
});

describe('while it is open', () => {
  test.each<[string, () => Promise<void>, RegExp]>([
    ['moved away', () => rename(directory.file, `${directory.file}.away`), /was moved away/],
    [
      'replaced',
      async () => {
        await rename(directory.file, `${directory.file}.away`);
        await writeFile(directory.file, '');
      },
      /was replaced/,
    ],
  ])('%s: changes are refused, until it is in its place', async (_, move, message) => {
    const store = await openStore(directory.path);
    await put(store);
    await move();
    await expect(put(store, distributor(2))).rejects.toMatchObject({
      reason: 'STORE_FAILED',
      message: expect.stringMatching(message) as string,
    });
    await rename(`${directory.file}.away`, directory.file);
    await put(store, distributor(3));
    expect([...store.all()].map(({ distributor: { id } }) => id)).toEqual(
      [1, 3].map(distributorId),
    );
    expect(store.statistics()).toMatchObject({ commits: 2, failures: 1 });
    await store.close();
  });

  test('its write-ahead log taken away: changes are refused, and what was stored is kept', async () => {
    const store = await openStore(directory.path);
    await put(store);
    await put(store, distributor(2));
    await rm(`${directory.file}-wal`);
    await expect(put(store, distributor(3))).rejects.toMatchObject({
      reason: 'STORE_FAILED',
      message: expect.stringMatching(/state\.db-wal was taken away/) as string,
    });
    // As it would be found after a kill.
    const left = await StateDirectory.make();
    await copyFile(directory.file, left.file);
    await store.close();
    const again = await openStore(left.path);
    expect([...again.all()].map(({ distributor: { id } }) => id)).toEqual(
      [1, 2].map(distributorId),
    );
    await again.close();
    await left.remove();
  });
});
