// SPDX-License-Identifier: Apache-2.0
import type { Output, TextStream } from '../../../src/cli/output.ts';

/** Keeps what is written to it. */
export class FakeScreen implements TextStream {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;

  constructor(columns: number | null = null) {
    this.isTTY = columns !== null;
    this.columns = columns ?? 0;
  }

  write(text: string): void {
    this.text += text;
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

export interface FakeOutput extends Output {
  readonly out: FakeScreen;
  readonly err: FakeScreen;
}

/** `columns`: of a terminal; null = a pipe. */
export function fakeOutput({ columns = null as number | null, json = false } = {}): FakeOutput {
  return { out: new FakeScreen(columns), err: new FakeScreen(columns), json };
}
