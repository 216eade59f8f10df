// SPDX-License-Identifier: Apache-2.0
// What the thread that writes the store's file is told, and what it answers.
import type { JournalEntry } from './journal.ts';

export interface WriterOptions {
  readonly file: string;
}

export interface StoredRow {
  readonly id: string;
  readonly revision: number;
  readonly document: string;
}

export type WriterRequest =
  | { readonly kind: 'write'; readonly entries: readonly JournalEntry[] }
  | { readonly kind: 'close' };

export type WriterAnswer =
  | { readonly kind: 'rows'; readonly rows: readonly StoredRow[] }
  /** After all rows. */
  | {
      readonly kind: 'opened';
      readonly revision: number;
      readonly sizeBytes: number;
    }
  /** `problem` says what the file is, and what is to be done. */
  | { readonly kind: 'refused'; readonly problem: string }
  /** The transaction is durable; or `problem`, and nothing of it is there. */
  | {
      readonly kind: 'written';
      readonly problem: string | null;
      readonly seconds: number;
      readonly sizeBytes: number;
    };
