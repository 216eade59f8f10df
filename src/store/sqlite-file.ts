// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { JournalEntry } from './journal.ts';
import { rowChecksum } from './row-checksum.ts';
import type { StoredRow } from './sqlite-protocol.ts';
import { applicationId, migrate, pragma, schemaVersion } from './sqlite-schema.ts';
import { damageOf } from './write-ahead-log.ts';

/** A file that is not to be used as it is; the message says what is to be done. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

/** Result codes of SQLite. */
const busy = 5;
const codes: Readonly<Record<number, string>> = {
  8: 'cannot be written',
  11: 'is damaged',
  14: 'cannot be opened',
  26: 'is not an SQLite database',
};

const rowsAtATime = 200;

/** The store's file, which this process alone uses until it is closed. */
export class SqliteFile {
  readonly #path: string;
  readonly #database: DatabaseSync;
  /** The file that was opened, whatever has its name later. */
  readonly #inode: number;
  /** Of the write-ahead log; null until there is one. */
  #logInode: number | null = null;
  /** When it was last looked at. */
  #sizeBytes = 0;

  /** Makes it if it is not there. @throws UnusableFile; the file is left as it is */
  constructor(path: string) {
    this.#path = path;
    try {
      closeSync(openSync(path, 'a', 0o600));
      this.#requireWholeLog();
      this.#inode = statSync(path).ino;
      this.#database = new DatabaseSync(path, { timeout: 0 });
    } catch (error) {
      throw this.#unusable(error);
    }
    try {
      this.#open();
    } catch (error) {
      this.#database.close();
      throw this.#unusable(error);
    }
  }

  /** Before SQLite sees it, which would cut it off where it is damaged. */
  #requireWholeLog(): void {
    const log = `${this.#path}-wal`;
    const damage = existsSync(log) ? damageOf(readFileSync(log)) : null;
    if (damage === null) return;
    throw new UnusableFile(
      this.#toRestore(
        `has a damaged write-ahead log (${log}: ${damage}): changes are lost with it`,
      ),
    );
  }

  #open(): void {
    const database = this.#database;
    // Locked from the first access to the last: another daemon finds it busy.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
    const version = pragma(database, 'user_version');
    const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {};
    const owner = pragma(database, 'application_id');
    database.exec('COMMIT');
    const isNew = tables === 0 && version === 0 && owner === 0;
    if (!isNew && owner !== applicationId)
      throw new UnusableFile(
        `${this.#path} belongs to another program: set state.directory to another directory`,
      );
    if (version > schemaVersion)
      throw new UnusableFile(
        `${this.#path} was written by a newer distributord (schema version ${version}, this one knows ` +
          `${schemaVersion}): run that one, or export there and import here`,
      );
    const check = database.prepare('PRAGMA quick_check(1)').get();
    const result = String(Object.values(check ?? {})[0]).replaceAll('\n', ' ');
    if (result !== 'ok') throw new UnusableFile(this.#toRestore(`is damaged (${result})`));
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    migrate(database);
    this.#requireInPlace();
  }

  /** All that is stored, some of it at a time. @throws UnusableFile */
  *rows(): Generator<readonly StoredRow[]> {
    const all = this.#database
      .prepare('SELECT id, revision, document, checksum FROM distributors')
      .iterate() as unknown as Iterable<StoredRow & { readonly checksum: number }>;
    let rows: StoredRow[] = [];
    for (const { checksum, ...row } of all) {
      if (checksum !== rowChecksum(row))
        throw new UnusableFile(this.#toRestore(`is damaged (distributor ${row.id})`));
      rows.push(row);
      if (rows.length < rowsAtATime) continue;
      yield rows;
      rows = [];
    }
    yield rows;
  }

  /** The number of the last change. */
  get revision(): number {
    const last = this.#database.prepare('SELECT sequence FROM last_change').get();
    return Number(last?.['sequence'] ?? 0);
  }

  /** One transaction; durable when this returns. If it throws, nothing of it is there. */
  write(entries: readonly JournalEntry[]): void {
    this.#requireInPlace();
    const database = this.#database;
    const put = database.prepare(
      'INSERT OR REPLACE INTO distributors (id, revision, document, checksum) VALUES (?, ?, ?, ?)',
    );
    const remove = database.prepare('DELETE FROM distributors WHERE id = ?');
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const { id, document, revision } of entries)
        if (document === null) remove.run(id);
        else put.run(id, revision, document, rowChecksum({ id, revision, document }));
      const last = Math.max(...entries.map(({ sequence }) => sequence));
      // Long changes may come to be written after others that began later.
      database.prepare('UPDATE last_change SET sequence = max(sequence, ?)').run(last);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
    this.#logInode ??= inodeOf(`${this.#path}-wal`);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What is written to a file that was moved away is lost with the next start. */
  #requireInPlace(): void {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (found?.ino !== this.#inode)
      throw new Error(`${this.#path} was ${found === undefined ? 'moved away' : 'replaced'}`);
    this.#sizeBytes = found.size;
    if (this.#logInode === null || this.#logInode === inodeOf(`${this.#path}-wal`)) return;
    // What it holds is still to be had: nothing that was acknowledged is lost with it.
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    throw new Error(
      `${this.#path}-wal was taken away: all that was stored is in ${this.#path}; restart`,
    );
  }

  close(): void {
    this.#database.close();
  }

  #unusable(error: unknown): UnusableFile {
    if (error instanceof UnusableFile) return error;
    const { errcode, message } = error as { errcode?: number; message: string };
    const code = (errcode ?? 0) & 0xff;
    if (code === busy)
      return new UnusableFile(
        `${this.#path} is in use: another distributord runs on its directory`,
      );
    const problem = codes[code];
    if (code === 11 || code === 26)
      return new UnusableFile(this.#toRestore(`${problem} (${message})`));
    return new UnusableFile(`${this.#path} ${problem ?? 'cannot be used'}: ${message}`);
  }

  #toRestore(problem: string): string {
    return (
      `${this.#path} ${problem}. It is left as it is. To go on, put a good copy of it in its place; ` +
      'or move it away, start without any distributor, and import the last export: ' +
      'distributorctl state import FILE'
    );
  }
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}
