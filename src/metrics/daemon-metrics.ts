// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../log.ts';
import { addDaemonSeries, type DaemonSeriesParts } from './daemon-series.ts';
import { DistributorSeries } from './distributor-series.ts';
import { Metrics } from './metrics.ts';
import type { ReadingParts } from './readings.ts';

export interface DaemonMetricsParts extends DaemonSeriesParts, ReadingParts {
  readonly log: Log;
}

/** The metrics of a daemon with these parts; further sources can be registered. */
export function createDaemonMetrics(parts: DaemonMetricsParts): Metrics {
  const metrics = new Metrics(parts.log);
  const distributors = new DistributorSeries(parts);
  metrics.register('daemon', (out) => addDaemonSeries(out, parts));
  metrics.register('distributors', (out, slices) => distributors.collect(out, slices));
  return metrics;
}
