// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';
import { run } from '../../support/namespaces.ts';
import type { Message } from '../outcome.ts';

const STDOUT = 1;
const JOURNAL_LINES = '8';

/** Says of one thing after the other whether it holds, to whoever reads the serial port. */
export class Checks {
  #count: number;

  /** `count`: how many there were before the last boot. */
  constructor(count: number) {
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  /** `action` gives figures, or throws. What comes after one that does not hold is tried all the same. */
  async check(what: string, action: () => Promise<string>): Promise<void> {
    const started = performance.now();
    let holds = true;
    let detail: string;
    try {
      detail = await action();
    } catch (error) {
      holds = false;
      detail = `${String(error)}\n${await journal()}`;
    }
    this.#count++;
    this.#say({ what, holds, detail, seconds: (performance.now() - started) / 1000 });
  }

  end(): void {
    this.#say({ checks: this.#count });
  }

  #say(message: Message): void {
    writeSync(STDOUT, `${JSON.stringify(message)}\n`);
  }
}

function journal(): Promise<string> {
  return run(null, ['journalctl', '--no-pager', '-b', '-n', JOURNAL_LINES, '-u', 'distributord']);
}
