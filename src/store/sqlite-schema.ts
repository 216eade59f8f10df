// SPDX-License-Identifier: Apache-2.0
import type { DatabaseSync } from 'node:sqlite';
import { registerRowChecksum } from './row-checksum.ts';

/** In the file's header: "ddst". */
export const applicationId = 0x64647374;

/**
 * What makes a file of version n one of version n + 1, in order; an entry that was released
 * never changes. Version 0 is an empty file.
 */
const migrations: readonly string[] = [
  `CREATE TABLE distributors (
     id TEXT PRIMARY KEY NOT NULL,
     revision INTEGER NOT NULL,
     document TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE last_change (
     only INTEGER PRIMARY KEY CHECK (only = 1),
     sequence INTEGER NOT NULL
   ) STRICT;
   INSERT INTO last_change VALUES (1, 0);`,
  `ALTER TABLE distributors ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
   UPDATE distributors SET checksum = row_checksum(id, revision, document);`,
];

export const schemaVersion = migrations.length;

/** The number of a PRAGMA. */
export function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** Brings the file to this version, each step in a transaction of its own. */
export function migrate(database: DatabaseSync): void {
  registerRowChecksum(database);
  for (let version = pragma(database, 'user_version'); version < schemaVersion; version++) {
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(migrations[version] ?? '');
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${version + 1}`);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  }
}
