// SPDX-License-Identifier: Apache-2.0
// `make bench`: measures, prints tables, writes build/bench.json, and draws docs/benchmarks.
// Arguments: --quick (a look, in two minutes, which draws nothing), and names of sections.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '../src/cli/table.ts';
import { describeMachine } from './machine.ts';
import { drawPlot, type Plot } from './plot.ts';
import type { Section } from './section.ts';
import { control } from './sections/control.ts';
import { drainMemory } from './sections/drain-memory.ts';
import { packetCost } from './sections/packet-cost.ts';
import { tables } from './sections/tables.ts';
import { throughput } from './sections/throughput.ts';

const sections: readonly Section[] = [packetCost, throughput, tables, drainMemory, control];

const JSON_PATH = 'build/bench.json';
const PLOTS = 'docs/benchmarks';

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !sections.some((section) => section.name === name));
if (unknown.length > 0) {
  const names = sections.map(({ name }) => name).join(', ');
  process.stderr.write(`no section of the benchmark is named ${unknown.join(', ')}: ${names}\n`);
  process.exit(2);
}

const machine = describeMachine();
const where = `${machine.date}, ${machine.processor}, ${machine.cores} cores, Linux ${machine.kernel}`;
process.stdout.write(`${where}\nRatios within one run: another machine has other figures.\n`);

/** What was measured before stays, so that one section can be measured again. */
function write(name: string, figures: unknown): void {
  let before: Record<string, unknown> = {};
  try {
    before = JSON.parse(readFileSync(JSON_PATH, 'utf8')) as Record<string, unknown>;
  } catch {
    // The first section of all.
  }
  const isQuick = values.quick;
  const after = { ...before, [name]: { machine, isQuick, figures } };
  writeFileSync(JSON_PATH, `${JSON.stringify(after, null, 2)}\n`);
}

function draw(plot: Plot): void {
  mkdirSync(PLOTS, { recursive: true });
  writeFileSync(join(PLOTS, `${plot.file}.svg`), `${drawPlot(plot, where)}\n`);
}

mkdirSync('build', { recursive: true });
for (const section of sections) {
  if (positionals.length > 0 && !positionals.includes(section.name)) continue;
  const started = performance.now();
  const progress = (what: string) =>
    process.stderr.isTTY && process.stderr.write(`\r\x1b[K${section.name}: ${what}`);
  const { tables, plots, figures } = await section.measure({ isQuick: values.quick, progress });
  progress('');
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  for (const { title, headings, rows } of tables)
    process.stdout.write(`\n${title}\n\n${formatTable(headings, rows)}\n`);
  write(section.name, figures);
  if (!values.quick) plots.forEach(draw);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(`\n(${section.name}: ${seconds} s)\n`);
}
