// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CallObserver } from '../api/call-observer.ts';
import { metricDefinitions, type MetricName } from './definitions.ts';

/** Seconds. A change that waits for the disk takes milliseconds; a large table tenths of a second. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Strangers cannot make series without end: from then on a new method counts as `other`. */
const maxMethods = 64;

/** Counts the calls of the API. */
export class CallMetrics implements CallObserver {
  readonly #methods = new Set<string>();
  readonly #started: Counter;
  readonly #handled: Counter;
  readonly #inFlight: Gauge;
  readonly #duration: Histogram;
  readonly #refused: Counter;

  constructor(registry: Registry) {
    const about = (name: MetricName) => {
      const { help, labels } = metricDefinitions[name];
      return { name, help, labelNames: labels, registers: [registry] };
    };
    this.#started = new Counter(about('distributord_calls_started_total'));
    this.#handled = new Counter(about('distributord_calls_handled_total'));
    this.#inFlight = new Gauge(about('distributord_calls_in_flight'));
    this.#duration = new Histogram({ ...about('distributord_call_duration_seconds'), buckets });
    this.#refused = new Counter(about('distributord_calls_refused_total'));
  }

  started(path: string): void {
    const method = this.#known(path);
    this.#started.inc({ method });
    this.#inFlight.inc({ method });
  }

  ended({ method: path, code, seconds, streaming }: Parameters<CallObserver['ended']>[0]): void {
    const method = this.#known(path);
    this.#handled.inc({ method, code });
    this.#inFlight.dec({ method });
    if (!streaming) this.#duration.observe({ method }, seconds);
  }

  refused(reason: string): void {
    this.#refused.inc({ reason });
  }

  #known(method: string): string {
    if (this.#methods.has(method)) return method;
    if (this.#methods.size >= maxMethods) return 'other';
    this.#methods.add(method);
    return method;
  }
}
