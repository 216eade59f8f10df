// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { spawnIn } from '../support/namespaces.ts';
import type { AddonMessage, NeighbourChange, Targets } from './addon-protocol.ts';

type Method<Target extends keyof Targets> = Extract<keyof Targets[Target], string>;
type Argument<F> = F extends (argument: infer A) => unknown ? A : never;
type Result<F> = F extends (...args: never) => infer R ? R : never;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The addon, running in a network namespace: calls go to it, neighbour changes come from it. */
export class AddonInNamespace {
  /** Every change reported so far, oldest first. */
  readonly changes: NeighbourChange[] = [];
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();

  constructor(namespace: string) {
    const program = fileURLToPath(new URL('./addon-process.ts', import.meta.url));
    this.child = spawnIn(namespace, [process.execPath, program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.child.on('message', (message) => this.take(message as AddonMessage));
  }

  async call<Target extends keyof Targets, M extends Method<Target>>(
    target: Target,
    method: M,
    argument: Argument<Targets[Target][M]>,
  ): Promise<Result<Targets[Target][M]>> {
    const id = this.waiting.size + 1;
    const result = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.child.send({ id, target, method, argument });
    return (await result) as Result<Targets[Target][M]>;
  }

  /** Ends the process as it stands. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  private take(message: AddonMessage): void {
    switch (message.kind) {
      case 'neighbour':
        this.changes.push(message.change);
        break;
      case 'result':
        this.waiting.get(message.id)?.resolve(message.result);
        break;
      case 'error':
        this.waiting
          .get(message.id)
          ?.reject(Object.assign(new Error(message.message), { code: message.code }));
        break;
    }
  }
}
