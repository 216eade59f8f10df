// SPDX-License-Identifier: Apache-2.0
// scrape-process.ts PORT
//
// Reads the metrics at that port of the loopback interface of the namespace it runs in, for every
// line that it reads, and prints those that are of no distributor, as JSON. It ends with its input.
import { createInterface } from 'node:readline';

/** By name, with its labels as they are written. */
export interface Scrape {
  readonly values: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly seconds: number;
}

async function scrape(port: string): Promise<Scrape> {
  const started = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (!response.ok) throw new Error(`metrics: ${response.status} ${response.statusText}`);
  const text = await response.text();
  const seconds = (performance.now() - started) / 1000;
  const values: Record<string, number> = {};
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line.includes('distributor="')) continue;
    const blank = line.lastIndexOf(' ');
    if (blank > 0) values[line.slice(0, blank)] = Number(line.slice(blank + 1));
  }
  return { values, bytes: text.length, seconds };
}

if (import.meta.main) {
  const [port = ''] = process.argv.slice(2);
  for await (const _ of createInterface({ input: process.stdin }))
    process.stdout.write(`${JSON.stringify(await scrape(port))}\n`);
}
