// SPDX-License-Identifier: Apache-2.0

/**
 * Gives out ranges of indexes [0, capacity), each of a power-of-two length and aligned to
 * it (a buddy allocator): freed neighbours join again, so nothing is lost to fragments
 * smaller than the largest request. Allocation and release take O(log capacity) steps.
 */
export class RangeAllocator {
  readonly #free = new Map<number, Set<number>>();
  readonly #largest: number;

  constructor(capacity: number) {
    let start = 0;
    let largest = 1;
    for (let size = 2 ** Math.floor(Math.log2(capacity)); size >= 1; size /= 2) {
      if (start + size > capacity) continue;
      this.#ofSize(size).add(start);
      largest = Math.max(largest, size);
      start += size;
    }
    this.#largest = largest;
  }

  hasRoomFor(size: number): boolean {
    return this.#smallest(size) <= this.#largest;
  }

  /** The smallest free range of `size` or more has this length; more than the largest if there is none. */
  #smallest(size: number): number {
    let found = size;
    while (found <= this.#largest && this.#ofSize(found).size === 0) found *= 2;
    return found;
  }

  /** The start of a free range of `size`, a power of two; null if there is none. */
  allocate(size: number): number | null {
    const found = this.#smallest(size);
    const [start] = this.#ofSize(found);
    if (start === undefined) return null;
    this.#ofSize(found).delete(start);
    for (let half = found / 2; half >= size; half /= 2) this.#ofSize(half).add(start + half);
    return start;
  }

  /** Takes the range that begins at `start`, as allocate(size) would have; false if it is not free. */
  reserve(start: number, size: number): boolean {
    for (let length = size; length <= this.#largest; length *= 2) {
      if (!this.#ofSize(length).delete(start - (start % length))) continue;
      for (let half = length / 2; half >= size; half /= 2) {
        const base = start - (start % (half * 2));
        this.#ofSize(half).add(start - base < half ? base + half : base);
      }
      return start % size === 0;
    }
    return false;
  }

  /** Gives back what allocate(size) returned. */
  release(start: number, size: number): void {
    let [joined, length] = [start, size];
    for (;;) {
      const buddy = joined % (length * 2) === 0 ? joined + length : joined - length;
      if (length * 2 > this.#largest || !this.#ofSize(length).delete(buddy)) break;
      joined = Math.min(joined, buddy);
      length *= 2;
    }
    this.#ofSize(length).add(joined);
  }

  #ofSize(size: number): Set<number> {
    let starts = this.#free.get(size);
    if (starts === undefined) this.#free.set(size, (starts = new Set()));
    return starts;
  }
}
