// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { waitUntil } from '../support/wait-until.ts';
import { writers } from './write-load.ts';

const program = new URL('./writing-process.ts', import.meta.url).pathname;

/** A process that writes, and what it has told of. */
export class WritingProcess {
  /** By writer: the last change that was acknowledged. */
  readonly acknowledged: number[] = Array.from({ length: writers }, () => 0);
  /** Of all writers. */
  count = 0;
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #closed: Promise<unknown>;

  constructor(directory: string) {
    this.#child = spawn(process.execPath, [program, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#closed = once(this.#child, 'close');
    createInterface(this.#child.stdout).on('line', (line) => {
      const [writer = 0, change = 0] = line.split(' ').map(Number);
      this.acknowledged[writer] = change;
      this.count++;
    });
  }

  /** Resolves when so many more changes were acknowledged. */
  async progress(more: number): Promise<void> {
    const goal = this.count + more;
    await waitUntil(`${goal} changes`, () => this.#alive() && this.count >= goal, {
      deadlineMs: 60_000,
      everyMs: 1,
    });
  }

  /** Not one of its threads runs while `work` does. */
  async whileStopped<T>(work: () => Promise<T>): Promise<T> {
    this.#child.kill('SIGSTOP');
    try {
      await waitUntil(
        'all threads to stop',
        () => this.#threads().every((state) => state === 'T'),
        {
          everyMs: 1,
        },
      );
      return await work();
    } finally {
      this.#child.kill('SIGCONT');
    }
  }

  /** Resolves when it is gone and everything that it told was heard. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #alive(): boolean {
    if (this.#child.exitCode === null) return true;
    throw new Error(`the process that writes ended with ${this.#child.exitCode}`);
  }

  /** States as in proc(5). */
  #threads(): string[] {
    const tasks = `/proc/${this.#child.pid}/task`;
    return readdirSync(tasks).map((id) =>
      readFileSync(`${tasks}/${id}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .charAt(0),
    );
  }
}
