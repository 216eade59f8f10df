// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../log.ts';
import type { CallObserver, Refusal } from './call-observer.ts';

/** A line for each kind of refusal this often, however many there are. */
const everyMs = 10_000;

/** Tells the observer of every refusal, and the log of some: attackers do not fill it. */
export class RefusalLog {
  readonly #log: Log;
  readonly #observer: CallObserver;
  readonly #told = new Map<Refusal, { at: number; since: number }>();

  constructor(log: Log, observer: CallObserver) {
    this.#log = log;
    this.#observer = observer;
  }

  refuse(refusal: Refusal, facts: { readonly client: string; readonly message?: string }): void {
    this.#observer.refused(refusal);
    const now = performance.now();
    const told = this.#told.get(refusal);
    if (told !== undefined && now - told.at < everyMs) {
      told.since++;
      return;
    }
    this.#log.warn({ refusal, ...facts, unlogged: told?.since ?? 0 }, 'refused');
    this.#told.set(refusal, { at: now, since: 0 });
  }
}
