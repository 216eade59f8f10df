// SPDX-License-Identifier: Apache-2.0

export interface ShareLimits {
  readonly overall: number;
  /** Of one holder. */
  readonly each: number;
}

/** What several holders may have a limited number of at a time. */
export class Shares {
  readonly #limits: ShareLimits;
  readonly #held = new Map<string | symbol, number>();
  #total = 0;

  constructor(limits: ShareLimits) {
    this.#limits = limits;
  }

  /** Takes one; if that is one too many, says which limit it would exceed. */
  take(holder: string | symbol): keyof ShareLimits | null {
    const held = this.#held.get(holder) ?? 0;
    if (held >= this.#limits.each) return 'each';
    if (this.#total >= this.#limits.overall) return 'overall';
    this.#held.set(holder, held + 1);
    this.#total++;
    return null;
  }

  giveBack(holder: string | symbol): void {
    const held = this.#held.get(holder) ?? 0;
    if (held > 1) this.#held.set(holder, held - 1);
    else this.#held.delete(holder);
    this.#total--;
  }
}
