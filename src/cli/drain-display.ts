// SPDX-License-Identifier: Apache-2.0
// What `drain --wait` shows meanwhile: on a terminal, in a file or pipe, and as JSON.
import type { DrainStatus__Output as DrainStatus } from '../../build/proto/distributor/v1/DrainStatus.ts';
import type { WatchDrainResponse__Output as WatchDrainResponse } from '../../build/proto/distributor/v1/WatchDrainResponse.ts';
import { describeDrain } from './describe-drain.ts';
import { describeDrains } from './describe-drains.ts';
import { showTime } from './moments.ts';
import { tell, type Output } from './output.ts';
import { showDrains } from './show-drains.ts';
import { toJson } from './json.ts';

export interface DrainDisplay {
  /** All drains as they are now; `response` told of it, null: the drain's beginning did. */
  update(drains: readonly DrainStatus[], response: WatchDrainResponse | null): void;
  tell(message: string): void;
  /** Until the next update, if there is one. */
  close(): void;
  /** The drains as they are when the watching ends. */
  finish(drains: readonly DrainStatus[]): void;
}

export function drainDisplay(output: Output): DrainDisplay {
  if (output.json) return new JsonLines(output);
  return output.out.isTTY === true ? new LiveLine(output) : new PlainLines(output);
}

class JsonLines implements DrainDisplay {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  update(_: readonly DrainStatus[], response: WatchDrainResponse | null): void {
    if (response !== null) this.#output.out.write(`${toJson(response)}\n`);
  }

  tell(message: string): void {
    tell(this.#output, message);
  }

  close(): void {}

  finish(): void {}
}

/** A line for each change, but not for what changes with every packet or second. */
class PlainLines implements DrainDisplay {
  readonly #output: Output;
  readonly #shown = new Map<string, string>();

  constructor(output: Output) {
    this.#output = output;
  }

  update(drains: readonly DrainStatus[]): void {
    const now = Date.now();
    for (const drain of drains) {
      const { amphora_id: id, state, remaining, inexact } = drain;
      const telling = JSON.stringify([state, remaining, inexact]);
      if (this.#shown.get(id) === telling) continue;
      this.#shown.set(id, telling);
      this.#output.out.write(`${showTime(now, now)}  ${id}: ${describeDrain(drain, now)}\n`);
    }
  }

  tell(message: string): void {
    tell(this.#output, message);
  }

  close(): void {}

  finish(drains: readonly DrainStatus[]): void {
    this.#output.out.write(`${showDrains(drains, Date.now())}\n`);
  }
}

/** To the line's beginning, and nothing on it. */
const clearLine = '\r\u001b[K';
const usualWidth = 80;

/** One line about all, which is drawn over: with every report, and as times pass without one. */
class LiveLine implements DrainDisplay {
  readonly #output: Output;
  #drains: readonly DrainStatus[] = [];
  #clock: NodeJS.Timeout | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  update(drains: readonly DrainStatus[]): void {
    this.#drains = drains;
    this.#draw();
    this.#clock ??= setInterval(() => this.#draw(), 1000);
  }

  #draw(): void {
    const { out } = this.#output;
    // 0 where the terminal does not know its size.
    const width = out.columns || usualWidth;
    out.write(`${clearLine}${cut(describeDrains(this.#drains, Date.now()), width)}`);
  }

  tell(message: string): void {
    this.close();
    tell(this.#output, message);
  }

  close(): void {
    if (this.#clock !== null) clearInterval(this.#clock);
    this.#clock = null;
    this.#output.out.write(clearLine);
  }

  finish(drains: readonly DrainStatus[]): void {
    this.#output.out.write(`${showDrains(drains, Date.now())}\n`);
  }
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
