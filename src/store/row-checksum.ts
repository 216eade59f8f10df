// SPDX-License-Identifier: Apache-2.0
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { StoredRow } from './sqlite-protocol.ts';

/**
 * SQLite does not see a bit that the disk has turned in a document, and what it makes of it may be
 * another address or weight. This does.
 */
export function rowChecksum({ id, revision, document }: StoredRow): number {
  return crc32(`${id} ${revision} ${document}`);
}

/** So that SQL has it, too. */
export function registerRowChecksum(database: DatabaseSync): void {
  database.function('row_checksum', { deterministic: true }, (id, revision, document) =>
    rowChecksum({ id: String(id), revision: Number(revision), document: String(document) }),
  );
}
