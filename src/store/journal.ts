// SPDX-License-Identifier: Apache-2.0

/** What becomes of one distributor. */
export interface JournalEntry {
  readonly id: string;
  /** The distributor as text (see distributor-document.ts); null = it is gone. */
  readonly document: string | null;
  /** Of the distributor. */
  readonly revision: number;
  /** Of the change: how many there have been. */
  readonly sequence: number;
}

export interface JournalStatistics {
  /** Transactions; each may hold the changes of several calls. */
  readonly commits: number;
  readonly failures: number;
  /** In transactions. */
  readonly commitSeconds: number;
  readonly sizeBytes: number;
  /** Changes that wait for the transaction under way. */
  readonly queueLength: number;
}

/** What makes changes durable. */
export interface Journal {
  /**
   * Resolves when all of the entries are durable, or rejects and none of them is. Entries
   * become durable in the order in which they are given.
   */
  append(entries: readonly JournalEntry[]): Promise<void>;
  statistics(): JournalStatistics;
  /** Resolves when everything that was given is done. */
  close(): Promise<void>;
}

/** Remembers nothing: for what lives as long as the process. */
export const noJournal: Journal = {
  append: () => Promise.resolve(),
  statistics: () => ({ commits: 0, failures: 0, commitSeconds: 0, sizeBytes: 0, queueLength: 0 }),
  close: () => Promise.resolve(),
};
