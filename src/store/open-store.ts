// SPDX-License-Identifier: Apache-2.0
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DistributordError } from '../errors.ts';
import type { Distributor } from '../model/distributor.ts';
import { readDocument } from './distributor-document.ts';
import { DistributorStore } from './distributor-store.ts';
import { SqliteJournal } from './sqlite-journal.ts';
import type { StoredRow } from './sqlite-protocol.ts';
import type { Stored } from './store.ts';

/** In the state directory. */
const fileName = 'state.db';

/**
 * The store in this directory, which no other process uses until it is closed. The directory
 * is made, readable for its owner alone, if it is not there.
 * @throws Error saying what is wrong with the file, and what is to be done; it is not changed
 */
export async function openStore(directory: string): Promise<DistributorStore> {
  const file = join(directory, fileName);
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new Error(`state.directory ${directory} cannot be made: ${(error as Error).message}`);
  });
  const stored: Stored[] = [];
  const problems: Error[] = [];
  const { journal, revision } = await SqliteJournal.open(file, (rows) => {
    try {
      for (const row of rows)
        stored.push({ distributor: distributorOf(row, file), revision: row.revision });
    } catch (error) {
      problems.push(error as Error);
    }
  });
  try {
    for (const problem of problems) throw problem;
    return new DistributorStore(journal, { stored, revision });
  } catch (error) {
    await journal.close();
    if (!(error instanceof DistributordError)) throw error;
    throw unreadable(file, error);
  }
}

/** Removes the store's file, and the directory if nothing else is in it. */
export async function removeStore(directory: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal'])
    await rm(join(directory, fileName + suffix), { force: true });
  await rmdir(directory).catch(() => undefined);
}

function distributorOf({ id, document }: StoredRow, file: string): Distributor {
  try {
    const distributor = readDocument(document);
    if (distributor.id === id) return distributor;
    throw new Error(`id: is ${distributor.id}`);
  } catch (error) {
    throw unreadable(`${file}: distributor ${id}`, error as Error);
  }
}

function unreadable(what: string, cause: Error): Error {
  return new Error(
    `${what} cannot be read: ${cause.message}. The file is left as it is: run the distributord ` +
      'that wrote it, or put a good copy in its place',
    { cause },
  );
}
