// SPDX-License-Identifier: Apache-2.0
// `make bench`: what a packet costs on top of a bare MAC swap, by number of flows.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { formatTable } from '../src/cli/table.ts';
import { native, type NativeDatapath } from '../src/datapath/native.ts';

const vip = '192.0.2.10';
const mac = '02:00:00:00:00:fe';
const slots = 4096;
const positions = 16;
const flowCounts = [1, 10_000, 1_000_000];
const rounds = 5;
const packets = 2_000_000;

/** What is measured: how VIP and slots are before the first packet. */
const cases = [
  { name: 'settled', tracking: 0, unsettled: false },
  { name: 'unsettled (during a drain)', tracking: 0, unsettled: true },
  { name: 'full tracking', tracking: 1, unsettled: false },
];

const capacity = { vips: 1, slots, positions, flows: 2_097_152, fragments: 1024, pins: null };

async function prepare({ tracking, unsettled }: (typeof cases)[number]): Promise<NativeDatapath> {
  const datapath = new native.Datapath(capacity);
  const table = datapath.table({ base: 0, size: slots });
  const build = (count: number) =>
    native.buildTable({ seed: 1n, weights: new Uint32Array(count).fill(1), size: slots });
  for (let index = 0; index < positions; index++)
    datapath.setPosition({
      index,
      mac: `02:00:00:00:01:0${index % 10}`,
      sameAmphora: false,
      amphora: null,
    });
  const retired = new Uint16Array();
  if (unsettled)
    for (let i = 0; i < slots; i++) table.put(i, { current: 1, previous: 2, clock: 0 });
  table.apply({ owners: await build(4), retired, now: native.now() });
  datapath.putVip({
    ...{ ifindex: 1, outerVlan: 0, innerVlan: 0, address: vip, seed: 1n, mac },
    ...{ slotBase: 0, tableSize: slots, positionBase: 0, vipId: 1, counters: 1 },
    ...{ tcpIdle: 900, otherIdle: 60, affinity: 0, tracking },
    ...{ distributorId: '00000000-0000-4000-8000-000000000001', since: 0 },
  });
  return datapath;
}

/** ns: the bare MAC swap, and the program. */
function measure(datapath: NativeDatapath, flows: number): readonly [number, number] {
  const { programId } = datapath.inventory();
  const argv = [programId, vip, mac, flows, packets].map(String);
  const [bare = 0, ours = 0] = execFileSync('build/packet-cost', argv, { encoding: 'utf8' })
    .split(' ')
    .map(Number);
  return [bare, ours];
}

const results: { name: string; flows: number; bareNs: number; ourNs: number; ratio: number }[] = [];
for (const flows of flowCounts)
  for (const one of cases) {
    const datapath = await prepare(one);
    const runs = Array.from({ length: rounds }, () => measure(datapath, flows));
    // The least disturbed of several: on a shared machine everything else is noise.
    const bareNs = Math.min(...runs.map(([bare]) => bare));
    const ourNs = Math.min(...runs.map(([, ours]) => ours)) - bareNs;
    results.push({ name: one.name, flows, bareNs, ourNs, ratio: ourNs / bareNs });
    datapath.close();
  }

process.stdout.write(
  `Cost of a packet on top of a bare MAC swap and XDP_TX, which is 1 ×:\n\n${formatTable(
    ['CASE', ...flowCounts.map((flows) => `${flows.toLocaleString('en')} FLOWS`)],
    cases.map(({ name }) => [
      name,
      ...results.filter((one) => one.name === name).map(({ ratio }) => `${ratio.toFixed(1)} ×`),
    ]),
  )}\n`,
);
mkdirSync('build', { recursive: true });
writeFileSync('build/bench.json', `${JSON.stringify({ packetCost: results }, null, 2)}\n`);
