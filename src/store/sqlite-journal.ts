// SPDX-License-Identifier: Apache-2.0
import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Slices } from '../slices.ts';
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

  /**
   * `take` gets all that is stored, some of it at a time, and does not throw.
   * @throws Error saying what is wrong with the file, and what is to be done
   */
  static async open(
    file: string,
    take: (rows: readonly StoredRow[]) => void,
  ): Promise<OpenedJournal> {
    const workerData: WriterOptions = { file };
    const worker = new Worker(new URL('./sqlite-writer.ts', import.meta.url), { workerData });
    for await (const [answer] of on(worker, 'message') as AsyncIterable<[WriterAnswer]>) {
      if (answer.kind === 'rows') {
        take(answer.rows);
        continue;
      }
      if (answer.kind === 'opened') {
        const { revision, sizeBytes } = answer;
        return { journal: new SqliteJournal(worker, sizeBytes), revision };
      }
      await worker.terminate();
      throw new Error(answer.kind === 'refused' ? answer.problem : 'the store does not open');
    }
    throw new Error('the store does not open');
  }

  async append(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const slices = new Slices();
    // What the next start could not read is not written.
    for (const { document } of entries) {
      if (document !== null) readDocument(document);
      if (slices.isOver) await slices.turn();
    }
    if (this.#failure !== null) {
      this.#failures++;
      throw this.#failure;
    }
    await new Promise<void>((resolve, reject) => {
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
    this.#write();
    if (this.#writing.length === 0) this.#rest();
    void this.#settle(written, problem);
  }

  /** Those who have waited together go on one after the other. */
  async #settle(written: readonly Waiting[], problem: string | null): Promise<void> {
    const slices = new Slices();
    for (const { resolve, reject } of written) {
      if (problem === null) resolve();
      else reject(new Error(problem));
      await slices.turn();
    }
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
