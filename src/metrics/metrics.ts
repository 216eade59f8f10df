// SPDX-License-Identifier: Apache-2.0
import { Registry } from 'prom-client';
import type { Log } from '../log.ts';
import { CallMetrics } from './call-metrics.ts';
import { Exposition } from './exposition.ts';
import { collectProcessMetrics } from './process-metrics.ts';
import { Slices } from '../slices.ts';

/** Adds series as they are at the moment; long work gives others turns by `slices`. */
export type MetricSource = (out: Exposition, slices: Slices) => void | Promise<void>;

/** All metrics of the daemon: its sources add what they know at each scrape. */
export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  /** To be told of every call of the API. */
  readonly calls: CallMetrics;
  readonly #registry = new Registry();
  readonly #sources = new Map<string, MetricSource>();
  readonly #log: Log;
  #failures = 0;
  #scrape: Promise<readonly Buffer[]> | null = null;

  constructor(log: Log) {
    this.#log = log;
    this.calls = new CallMetrics(this.#registry);
    collectProcessMetrics(this.#registry);
  }

  /** `name`: of the source, for the log. */
  register(name: string, source: MetricSource): void {
    this.#sources.set(name, source);
  }

  /** Prometheus's text format, in pieces. Who asks while another is served gets the same. */
  scrape(): Promise<readonly Buffer[]> {
    this.#scrape ??= this.#collect().finally(() => (this.#scrape = null));
    return this.#scrape;
  }

  async #collect(): Promise<readonly Buffer[]> {
    const out = new Exposition();
    const slices = new Slices();
    for (const [source, collect] of this.#sources) {
      try {
        await collect(out, slices);
      } catch (error) {
        this.#failures++;
        this.#log.error({ source, err: error }, 'metrics cannot be read');
      }
    }
    out.add('distributord_scrape_failures_total', this.#failures);
    return [Buffer.from(await this.#registry.metrics()), ...out.pieces()];
  }
}
