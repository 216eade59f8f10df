// SPDX-License-Identifier: Apache-2.0
import { Registry } from 'prom-client';
import type { Log } from '../log.ts';
import { CallMetrics } from './call-metrics.ts';
import { Exposition } from './exposition.ts';
import { collectProcessMetrics } from './process-metrics.ts';
import { Slices } from '../slices.ts';

/** Adds series as they are at the moment; long work gives others turns by `slices`. */
export type MetricSource = (out: Exposition, slices: Slices) => void | Promise<void>;

interface Reading {
  readonly exposition: Promise<Exposition>;
  readers: number;
}

/** All metrics of the daemon: its sources add what they know at each scrape. */
export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  /** To be told of every call of the API. */
  readonly calls: CallMetrics;
  readonly #registry = new Registry();
  readonly #sources = new Map<string, MetricSource>();
  readonly #log: Log;
  #failures = 0;
  /** Of all scrapes together. */
  readonly #slices = new Slices();
  /** The one that is not complete yet. */
  #reading: Reading | null = null;

  constructor(log: Log) {
    this.#log = log;
    this.calls = new CallMetrics(this.#registry);
    collectProcessMetrics(this.#registry);
  }

  /** `name`: of the source, for the log. */
  register(name: string, source: MetricSource): void {
    this.#sources.set(name, source);
  }

  /**
   * Prometheus's text format, in pieces that are made when they are asked for. Who begins while
   * another's are being read gets the same values; however many there are, they take turns.
   */
  async *scrape(): AsyncGenerator<Buffer> {
    const reading = this.#join();
    try {
      const exposition = await reading.exposition;
      const pieces = exposition.pieces();
      for (;;) {
        while (this.#slices.isOver) await this.#slices.turn();
        const piece = pieces.next();
        if (piece.done === true) return;
        yield piece.value;
      }
    } finally {
      if (--reading.readers === 0) (await reading.exposition).end();
    }
  }

  #join(): Reading {
    if (this.#reading === null) {
      const exposition = this.#collect().finally(() => (this.#reading = null));
      this.#reading = { exposition, readers: 0 };
    }
    this.#reading.readers++;
    return this.#reading;
  }

  async #collect(): Promise<Exposition> {
    const out = new Exposition(await this.#registry.metrics());
    for (const [source, collect] of this.#sources) {
      try {
        await collect(out, this.#slices);
      } catch (error) {
        this.#failures++;
        this.#log.error({ source, err: error }, 'metrics cannot be read');
      }
    }
    out.add('distributord_scrape_failures_total', this.#failures);
    return out;
  }
}
