// SPDX-License-Identifier: Apache-2.0

interface Known {
  /** Overwritten in place: new ones each time would be megabytes that live just long enough. */
  readonly last: number[];
  /** Of what was counted before the kernel began anew; null = nothing. */
  base: readonly number[] | null;
  round: number;
}

/**
 * Counters that do not fall when the kernel's begin anew, as where an amphora leaves and comes back
 * to its position. What one round does not ask for is forgotten.
 */
export class MonotonicCounts {
  readonly #known = new Map<string, Known>();
  #round = 0;

  /** Counters that belong together, under a name of their own; begun anew if any has fallen. */
  add(key: string, counts: readonly number[]): readonly number[] {
    const known = this.#known.get(key);
    if (known === undefined) {
      // They cannot fall below 0.
      if (counts.every((count) => count === 0)) return counts;
      this.#known.set(key, { last: [...counts], base: null, round: this.#round });
      return counts;
    }
    const { last, base } = known;
    if (counts.some((count, index) => count < (last[index] ?? 0)))
      known.base = last.map((count, index) => count + (base?.[index] ?? 0));
    for (const [index, count] of counts.entries()) last[index] = count;
    known.round = this.#round;
    return known.base === null ? counts : counts.map((count, i) => count + (known.base?.[i] ?? 0));
  }

  /** Ends a round. */
  forgetOthers(): void {
    for (const [key, { round }] of this.#known) if (round !== this.#round) this.#known.delete(key);
    this.#round++;
  }
}
