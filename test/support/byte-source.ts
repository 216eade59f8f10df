// SPDX-License-Identifier: Apache-2.0

const SHORTEST = 16;
const LONGEST = 200;

/** Messages of pseudo-random bytes; the same seed gives the same messages (xorshift32). */
export class ByteSource {
  #state: number;

  constructor(seed: number) {
    // Spreads seeds that differ in few bits, and keeps clear of zero, which xorshift never leaves.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
  }

  /** Of 16 to 200 bytes, if no length is given. */
  message(given?: number): Buffer {
    const length = given ?? SHORTEST + ((this.#next() >>> 0) % (LONGEST - SHORTEST + 1));
    const message = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at += 4) {
      const word = this.#next();
      for (let byte = 0; byte < 4 && at + byte < length; byte++) {
        message[at + byte] = word >>> (8 * byte);
      }
    }
    return message;
  }

  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state;
  }
}
