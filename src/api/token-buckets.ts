// SPDX-License-Identifier: Apache-2.0

export interface BucketOptions {
  readonly callsPerSecond: number;
  readonly burst: number;
  /** Milliseconds, monotonic. */
  readonly clock?: () => number;
}

interface Bucket {
  tokens: number;
  /** When there were so many. */
  at: number;
}

/** So many clients are remembered before those whose bucket is full again are forgotten. */
const sweepFrom = 1000;

/** How often each client may call: `burst` at once, refilled at `callsPerSecond`. */
export class TokenBuckets {
  readonly #options: BucketOptions;
  readonly #clock: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #sweepAt = sweepFrom;

  constructor(options: BucketOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  /** Takes a token; if there is none, says in how many ms there will be one. */
  take(client: string): number | null {
    const { callsPerSecond, burst } = this.#options;
    const now = this.#clock();
    const bucket = this.#buckets.get(client) ?? this.#add(client, { tokens: burst, at: now });
    bucket.tokens = this.#tokens(bucket, now);
    bucket.at = now;
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / callsPerSecond) * 1000);
    bucket.tokens--;
    return null;
  }

  #tokens({ tokens, at }: Bucket, now: number): number {
    const { callsPerSecond, burst } = this.#options;
    return Math.min(burst, tokens + ((now - at) / 1000) * callsPerSecond);
  }

  #add(client: string, bucket: Bucket): Bucket {
    if (this.#buckets.size >= this.#sweepAt) {
      for (const [name, other] of this.#buckets)
        if (this.#tokens(other, bucket.at) >= this.#options.burst) this.#buckets.delete(name);
      this.#sweepAt = Math.max(sweepFrom, 2 * this.#buckets.size);
    }
    this.#buckets.set(client, bucket);
    return bucket;
  }
}
