// SPDX-License-Identifier: Apache-2.0
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlDaemon } from './control-daemon.ts';
import type { Fleet, Effect } from './fleet.ts';
import type { Scrape } from './scrape-process.ts';

/** Of many durations; milliseconds. */
export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function distributionOf(milliseconds: readonly number[]): Distribution {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Between two turns of the event loop; milliseconds, of which up to 10 are a timer's own. */
export interface LoopDelay {
  readonly p99: number;
  readonly max: number;
}

export interface Period {
  readonly seconds: number;
  /** Of a processor, of the daemon. */
  readonly processorSeconds: number;
  readonly loop: LoopDelay;
}

/** What the daemon takes for the work; what its loop took to be asked, too. */
export async function measurePeriod(
  daemon: ControlDaemon,
  work: () => Promise<unknown>,
): Promise<Period> {
  await daemon.scrape();
  const [started, before] = [performance.now(), daemon.processorSeconds];
  await work();
  const seconds = (performance.now() - started) / 1000;
  const processorSeconds = daemon.processorSeconds - before;
  return { seconds, processorSeconds, loop: loopDelay(await daemon.scrape()) };
}

/** Since the scrape before. */
function loopDelay({ values }: Scrape): LoopDelay {
  const milliseconds = (name: string) =>
    1000 * (values[`nodejs_eventloop_lag_${name}_seconds`] ?? NaN);
  return { p99: milliseconds('p99'), max: milliseconds('max') };
}

function difference(name: string, before: Scrape, after: Scrape): number {
  return (after.values[name] ?? NaN) - (before.values[name] ?? NaN);
}

export interface SettleCost {
  readonly slots: number;
  readonly nanosecondsPerSlot: number;
  readonly loop: LoopDelay;
}

/** Of a daemon that has just started: it looks at every table, so many slots in a second. */
export async function measureSettling(daemon: ControlDaemon, ms: number): Promise<SettleCost> {
  const before = await daemon.scrape();
  await delay(ms);
  const after = await daemon.scrape();
  const slots = difference('distributord_settle_slots_total', before, after);
  const seconds = difference('distributord_settle_seconds_total', before, after);
  return { slots, nanosecondsPerSlot: (1e9 * seconds) / slots, loop: loopDelay(after) };
}

export interface Effects {
  readonly toPacket: Distribution;
  readonly toAnswer: Distribution;
}

/** After a change: what it leaves for later, as waiting for readers, is not the next one's. */
const REST_MS = 20;

/** One change after the other, all over the fleet. */
export async function measureEffects(
  fleet: Fleet,
  count: number,
  change: (number: number) => Promise<Effect>,
): Promise<Effects> {
  const effects: Effect[] = [];
  for (let n = 0; n < count; n++) {
    effects.push(await change(Math.floor((n * fleet.size) / count)));
    await delay(REST_MS);
  }
  return {
    toPacket: distributionOf(effects.map(({ toPacket }) => toPacket)),
    toAnswer: distributionOf(effects.map(({ toAnswer }) => toAnswer)),
  };
}

const SYNCS = 100;
const PAGE_BYTES = 4096;

/** Of the disk, which no durable change can do without: a page that is appended to a file. */
export function measureSync(directory: string): Distribution {
  const file = openSync(join(directory, 'sync'), 'w');
  const page = Buffer.alloc(PAGE_BYTES, 1);
  const sync = () => {
    const started = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - started;
  };
  try {
    return distributionOf(Array.from({ length: SYNCS }, sync));
  } finally {
    closeSync(file);
  }
}
