// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { readDocument } from './distributor-document.ts';
import type { Journal, JournalEntry, JournalStatistics } from './journal.ts';
import type { StoredRow, WriterAnswer, WriterOptions, WriterRequest } from './sqlite-protocol.ts';

interface Waiting {
  readonly entries: readonly JournalEntry[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export interface OpenedJournal {
  readonly journal: SqliteJournal;
  readonly rows: readonly StoredRow[];
  readonly revision: number;
}

/**
 * An SQLite file, written by a thread of its own. While one transaction is on its way to the
 * disk, the changes that come meanwhile wait, and go into the next one together.
 */
export class SqliteJournal implements Journal {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #queue: Waiting[] = [];
  #writing: readonly Waiting[] = [];
  #failure: Error | null = null;
  /** Those who wait until nothing is left to be written. */
  #closing: (() => void)[] = [];
  #commits = 0;
  #failures = 0;
  #seconds = 0;
  #sizeBytes: number;

  private constructor(worker: Worker, sizeBytes: number) {
    this.#worker = worker;
    this.#sizeBytes = sizeBytes;
    worker.on('message', (answer: WriterAnswer) => this.#hear(answer));
    worker.on('error', (error: Error) => this.#fail(error));
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#fail(new Error('the writer of the store has ended'));
        resolve();
      });
    });
  }

  /** @throws Error saying what is wrong with the file, and what is to be done */
  static async open(file: string): Promise<OpenedJournal> {
    const workerData: WriterOptions = { file };
    const worker = new Worker(new URL('./sqlite-writer.ts', import.meta.url), { workerData });
    const [answer] = (await once(worker, 'message')) as [WriterAnswer];
    if (answer.kind !== 'opened') {
      await worker.terminate();
      throw new Error(answer.kind === 'refused' ? answer.problem : 'the store does not open');
    }
    const { rows, revision, sizeBytes } = answer;
    return { journal: new SqliteJournal(worker, sizeBytes), rows, revision };
  }

  append(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        this.#failures++;
        throw this.#failure;
      }
      // What the next start could not read is not written.
      for (const { document } of entries) if (document !== null) readDocument(document);
      this.#queue.push({ entries, resolve, reject });
      this.#write();
    });
  }

  statistics(): JournalStatistics {
    return {
      commits: this.#commits,
      failures: this.#failures,
      commitSeconds: this.#seconds,
      sizeBytes: this.#sizeBytes,
      queueLength: this.#queue.reduce((sum, { entries }) => sum + entries.length, 0),
    };
  }

  async close(): Promise<void> {
    if (this.#writing.length > 0) await new Promise<void>((done) => this.#closing.push(done));
    this.#tell({ kind: 'close' });
    await this.#ended;
  }

  #write(): void {
    if (this.#writing.length > 0 || this.#queue.length === 0) return;
    this.#writing = this.#queue;
    this.#queue = [];
    this.#tell({ kind: 'write', entries: this.#writing.flatMap(({ entries }) => entries) });
  }

  #hear(answer: WriterAnswer): void {
    if (answer.kind !== 'written') return;
    const { problem, seconds, sizeBytes } = answer;
    const written = this.#writing;
    this.#writing = [];
    this.#seconds += seconds;
    this.#sizeBytes = sizeBytes;
    if (problem === null) this.#commits++;
    else this.#failures++;
    for (const { resolve, reject } of written)
      if (problem === null) resolve();
      else reject(new Error(problem));
    this.#write();
    if (this.#writing.length === 0) this.#rest();
  }

  /** The thread is gone: nothing can be stored any more. */
  #fail(error: Error): void {
    this.#failure ??= error;
    const lost = [...this.#writing, ...this.#queue];
    this.#writing = this.#queue = [];
    if (lost.length > 0) this.#failures++;
    for (const { reject } of lost) reject(error);
    this.#rest();
  }

  #rest(): void {
    for (const done of this.#closing.splice(0)) done();
  }

  #tell(request: WriterRequest): void {
    this.#worker.postMessage(request);
  }
}
