// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { withFileLimit } from './file-limit.ts';
import { spawnIn, type Namespace } from './namespaces.ts';

const STDERR_KEPT = 4096;

export interface ServiceOptions {
  /** What it is, in messages. */
  readonly name: string;
  readonly namespace: Namespace;
  readonly argv: readonly string[];
  /** Whether it is a Node program that talks to this process over an IPC channel. */
  readonly ipc?: boolean;
}

/** A process of the test bed that runs until `end`. Keeps the last of what it writes to stderr. */
export class Service {
  readonly name: string;
  readonly child: ChildProcess;
  /** Resolves when the process has ended, asked to or not. */
  readonly ended: Promise<void>;
  #complaint = '';
  #outcome: string | null = null;

  constructor(options: ServiceOptions) {
    this.name = options.name;
    this.child = spawnIn(options.namespace, withFileLimit(options.argv), {
      stdio: ['ignore', 'ignore', 'pipe', ...(options.ipc === true ? (['ipc'] as const) : [])],
      serialization: 'advanced',
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-STDERR_KEPT);
    });
    this.ended = new Promise((resolve) => {
      const settle = (outcome: string): void => {
        this.#outcome ??= outcome;
        resolve();
      };
      this.child.on('error', (error) => {
        settle(error.message);
      });
      this.child.on('close', (code, signal) => {
        settle(signal ?? `status ${String(code)}`);
      });
    });
  }

  get running(): boolean {
    return this.#outcome === null;
  }

  /** Why it is not running, in the words for a message. */
  get outcome(): string {
    return `${this.name} ended: ${this.#outcome ?? 'not yet'}: ${this.#complaint.trim()}`;
  }

  /** Throws, with what it wrote to stderr, when the process has ended. */
  assertRunning(): void {
    if (!this.running) throw new Error(this.outcome);
  }

  /** Resolves at the first IPC message: a Node program of the test bed sends one when it is ready. */
  async ready(): Promise<void> {
    await Promise.race([
      new Promise((resolve) => this.child.once('message', resolve)),
      this.ended.then(() => {
        this.assertRunning();
      }),
    ]);
  }

  /** Ends the process at once and resolves when it is gone. A second call does nothing. */
  async end(): Promise<void> {
    if (this.running) this.child.kill('SIGKILL');
    await this.ended;
  }
}
