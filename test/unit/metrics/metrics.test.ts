// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { beforeEach, expect, test } from 'vitest';
import { native } from '../../../src/datapath/native.ts';
import { metricDefinitions, type MetricDefinition } from '../../../src/metrics/definitions.ts';
import { collectProcessMetrics, processMetrics } from '../../../src/metrics/process-metrics.ts';
import { classOf } from '../../../src/metrics/verdict-classes.ts';
import type { Amphora } from '../../../src/model/amphora.ts';
import { parseExposition } from '../../support/exposition.ts';
import { findPromtool, promtoolComplaints } from '../../support/promtool.ts';
import { distributor, MetricsBed, vip } from './metrics-bed.ts';

const root = join(import.meta.dirname, '../../..');
const promtool = findPromtool();
/** Why tests with promtool are left out, where they are. */
const promtoolHint = promtool === null ? ' (no promtool: see scripts/prepare-machine.sh)' : '';

let bed: MetricsBed;
beforeEach(() => {
  bed = new MetricsBed();
});

const identity = (id: string) => ({ id, ip: '10.0.0.9', mac: '02:00:00:00:00:99', weight: 1 });
const active: Amphora = { ...identity('a "b"\\c'), state: 'ACTIVE', position: 0 };
const drain = { startedAt: 0, deadline: null, then: 'KEEP', finished: null } as const;
const draining: Amphora = { ...identity('d'), state: 'DRAINING', position: 1, drain };
const standby: Amphora = { ...identity('s'), state: 'STANDBY', position: null };

/** Something of everything. */
async function fill(): Promise<void> {
  bed.datapath.portStateNow = {
    ...{ ifindex: 2, mac: '02:00:00:00:00:02', xdpMode: 'generic', link: 'up' },
    stripsVlanTags: false,
  };
  bed.datapath.states.set('x', {
    ...{ tableSize: 1024, weights: [], positions: new Map(), vips: new Map() },
    neighbours: new Map(),
  });
  await bed.put(
    distributor('x', {
      vips: [vip('10.0.0.1', [100, 7]), vip('fd00::1')],
      amphorae: [active, draining, standby],
    }),
  );
  bed.drains.review('x');
  await bed.drains.keepUp();
  Object.assign(bed.datapath.packets, { tx_settled: 5, tx_arp_reply: 2, drop_loop: 3 });
  const { calls } = bed.metrics;
  calls.started('/distributor.v1.DistributorService/AddVip');
  calls.ended({
    ...{ method: '/distributor.v1.DistributorService/AddVip', code: 'OK', seconds: 0.02 },
    streaming: false,
  });
  calls.refused('TOO_MANY_CONNECTIONS');
}

test('every metric is there, with the labels that it is documented with', async () => {
  await fill();
  const found = new Map<string, Set<string>>();
  for (const { name, labels } of parseExposition(await bed.text())) {
    const base = name.replace(/(?<=_seconds)_(bucket|sum|count)$/, '');
    const keys = found.get(base) ?? new Set();
    for (const key of Object.keys(labels)) if (key !== 'le') keys.add(key);
    found.set(base, keys);
  }
  const definitions: readonly (readonly [string, MetricDefinition])[] =
    Object.entries(metricDefinitions);
  for (const [name, { labels }] of definitions)
    expect([name, [...(found.get(name) ?? ['missing'])].sort()]).toEqual([
      name,
      [...labels].sort(),
    ]);
  for (const name of found.keys())
    expect(name in metricDefinitions || processMetrics.has(name), name).toBe(true);
});

test('docs/metrics.md lists every metric with type, labels and meaning, and no other', async () => {
  const registry = new Registry();
  collectProcessMetrics(registry);
  const ofProcess = (await registry.getMetricsAsJSON()).map(({ name, type, help }) => {
    const { labelNames } = registry.getSingleMetric(name) as unknown as { labelNames: string[] };
    return { name, type: String(type), labels: labelNames, help };
  });
  const own = Object.entries(metricDefinitions).map(([name, about]) => ({ name, ...about }));
  const expected = [...own, ...ofProcess].map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ') || '-'} | ${help} |`,
  );
  const docs = await readFile(join(root, 'docs/metrics.md'), 'utf8');
  const rows = docs.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  expect(rows.filter((line) => /^\| `(distributord|process|nodejs)_/.test(line))).toEqual(expected);
  registry.clear();
});

test.runIf(promtool)(`promtool finds no fault with a scrape${promtoolHint}`, async () => {
  await fill();
  expect(promtoolComplaints(promtool ?? '', ['check', 'metrics'], await bed.text())).toBe('');
});

test.runIf(promtool)(`promtool finds no fault with the alert rules${promtoolHint}`, () => {
  const rules = join(root, 'packaging/distributord.rules.yml');
  expect(promtoolComplaints(promtool ?? '', ['check', 'rules', rules])).toBe('');
});

test('alert rules name metrics that there are', async () => {
  const rules = await readFile(join(root, 'packaging/distributord.rules.yml'), 'utf8');
  const named = new Set(rules.match(/\b(distributord|process|nodejs)_[a-z0-9_]+/g));
  expect(named.size).toBeGreaterThan(5);
  for (const name of named)
    expect(name in metricDefinitions || processMetrics.has(name), name).toBe(true);
});

test('a VIP’s packets by class, and what was dropped by reason', async () => {
  await bed.put(distributor('x', { vips: [vip('10.0.0.1', [100, 7])] }));
  Object.assign(bed.datapath.packets, {
    ...{ tx_settled: 5, tx_new: 1, tx_arp_reply: 2, pass_other_mac: 4, drop_loop: 3 },
    drop_no_amphora: 0,
  });
  bed.datapath.forwardedBytes = 900;
  const place = {
    ...{ distributor: 'x', load_balancer: 'lb-x', vip: '10.0.0.1', interface: 'eth0' },
    vlan: '100.7',
  };
  const name = 'distributord_vip_packets_total';
  expect(await bed.series(name)).toEqual([
    { name, labels: { ...place, class: 'forwarded' }, value: 6 },
    { name, labels: { ...place, class: 'answered' }, value: 2 },
    { name, labels: { ...place, class: 'passed' }, value: 4 },
    { name, labels: { ...place, class: 'dropped' }, value: 3 },
  ]);
  const drops = 'distributord_vip_drops_total';
  expect(await bed.series(drops)).toEqual([
    { name: drops, labels: { ...place, reason: 'drop_loop' }, value: 3 },
  ]);
  const bytes = 'distributord_vip_forwarded_bytes_total';
  expect(await bed.series(bytes)).toEqual([{ name: bytes, labels: place, value: 900 }]);
});

test('every verdict is in a class', () => {
  const classes = native.verdicts.flatMap((verdict) => (verdict === null ? [] : classOf(verdict)));
  expect(new Set(classes)).toEqual(new Set(['forwarded', 'answered', 'passed', 'dropped']));
  expect(classOf('tx_vip_defended')).toBe('answered');
});

test('an amphora’s counters do not fall when it comes back to its position', async () => {
  await fill();
  const packets = async () =>
    (await bed.series('distributord_amphora_packets_total'))
      .filter(({ labels }) => labels['amphora'] === 'a "b"\\c')
      .map(({ value }) => value);
  bed.datapath.position.packets = 100;
  expect(await packets()).toEqual([100]);
  bed.datapath.position.packets = 7;
  expect(await packets()).toEqual([107]);
  bed.datapath.position.packets = 9;
  expect(await packets()).toEqual([109]);
});

test('a reload that failed, and what is out of the ordinary, can be seen', async () => {
  await fill();
  Object.assign(bed.reload, { successful: false, lastSuccess: 1_500 });
  const value = async (name: string) => (await bed.series(name)).map((series) => series.value);
  expect(await value('distributord_config_last_reload_successful')).toEqual([0]);
  expect(await value('distributord_config_last_reload_success_timestamp_seconds')).toEqual([1.5]);
  expect(await value('distributord_drains_active')).toEqual([1]);
  expect(await value('distributord_port_up')).toEqual([1]);
  const statuses = await bed.series('distributord_distributor_status');
  expect(statuses.map(({ labels }) => labels['status'])).toEqual(['DOWN']);
  const conditions = await bed.series('distributord_conditions');
  expect(conditions.map(({ labels }) => labels['type'])).toContain('NO_AMPHORA');
});

test('a source that fails leaves the others, and is counted', async () => {
  await fill();
  bed.metrics.register('broken', () => Promise.reject(new Error('out of order')));
  const text = await bed.text();
  expect(text).toContain('\ndistributord_scrape_failures_total 1\n');
  expect(text).toContain('distributord_vip_packets_total{');
});

test('methods that nobody has heard of make no series without end', async () => {
  for (let n = 0; n < 1000; n++) bed.metrics.calls.started(`/made.up/${n}`);
  const started = await bed.series('distributord_calls_started_total');
  expect(started).toHaveLength(65);
  expect(started.find(({ labels }) => labels['method'] === 'other')?.value).toBe(936);
});
