// SPDX-License-Identifier: Apache-2.0
// Drain memory: how many flow entries the same traffic needs with adaptive and with full
// tracking, from before a drain until the slots that it changed are settled again.
import { execFileSync } from 'node:child_process';
import { native, type NativeDatapath } from '../../src/datapath/native.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { runPackets, testRunPort } from '../packet-case.ts';
import type { Findings, Section } from '../section.ts';
import { createWorld, IDLE, tableSize, type World } from '../world.ts';

const AMPHORAE = 16;
const VIP_COUNTERS = 1;
const trackings = ['adaptive', 'full', 'stateless'] as const;
type Tracking = (typeof trackings)[number];

/** With the shortest timeout there is, so that nobody has to wait for it. */
const world: World = {
  ...{ family: 4, vips: 1, amphorae: AMPHORAE, affinity: 'source-ip', tracking: 'adaptive' },
  ...{ unsettled: false, tcpIdle: 1, flowEntries: 2 ** 21 },
};

/** Entries stay some seconds longer than they count. */
const patience = { deadlineMs: 60_000, everyMs: 1000 };

interface Moment {
  readonly name: string;
  /** Flow entries. */
  readonly entries: Readonly<Record<Tracking, number>>;
}

/** Each flow sends twice: what needs an entry has one then. */
function sendAll(datapath: NativeDatapath, flows: number): void {
  runPackets(
    datapath,
    { kind: 'TCP', family: 4, flows, vips: 1 },
    { inARow: 1, packets: 2 * flows, rounds: 1 },
  );
}

async function drain(datapath: NativeDatapath, drained: number): Promise<void> {
  const weights = Uint32Array.from({ length: AMPHORAE }, (_, position) => +(position >= drained));
  const size = tableSize(world);
  const owners = await native.buildTable({ seed: 1n, weights, size });
  const table = datapath.table({ base: 0, size });
  table.apply({ owners, retired: new Uint16Array(), now: native.now() });
}

/** As the daemon does it, once nothing has gone to the drained ones for the idle timeout. */
async function settle(datapath: NativeDatapath, flows: number, tracking: Tracking): Promise<void> {
  datapath.table({ base: 0, size: tableSize(world) }).settle({ now: native.now() + IDLE, idle: 1 });
  const isOver = async () => {
    sendAll(datapath, flows);
    const { kept } = await datapath.sweepFlows({ closing: 60, positions: new Uint32Array() });
    return tracking === 'full' || kept === 0;
  };
  await waitUntil('the entries that nobody needs to be removed', isOver, patience);
}

/** Entries after each step, in order. */
async function follow(tracking: Tracking, flows: number): Promise<readonly number[]> {
  const datapath = await createWorld({ ...world, tracking }, testRunPort);
  const entries: number[] = [];
  const count = () => {
    const { used } = datapath.flowUse(0);
    if (datapath.flowUse(VIP_COUNTERS).full)
      throw new Error(`no room for more than ${used} entries`);
    entries.push(used);
  };
  try {
    sendAll(datapath, flows);
    count();
    for (const drained of [1, 2]) {
      await drain(datapath, drained);
      sendAll(datapath, flows);
      count();
    }
    await settle(datapath, flows, tracking);
    count();
    return entries;
  } finally {
    datapath.close();
  }
}

/** As the kernel accounts for it, by entry of the map. */
async function bytesPerEntry(): Promise<number> {
  const datapath = await createWorld(world, testRunPort);
  try {
    for (const id of datapath.inventory().mapIds) {
      const argv = ['--json', 'map', 'show', 'id', id.toString()];
      const map = JSON.parse(execFileSync('bpftool', argv, { encoding: 'utf8' })) as {
        name: string;
        bytes_memlock: number;
        max_entries: number;
      };
      if (map.name === 'flows') return map.bytes_memlock / map.max_entries;
    }
    throw new Error('the program has no map of flows');
  } finally {
    datapath.close();
  }
}

const steps = [
  'before any change',
  'one of 16 amphorae drains',
  'two of them drain',
  'settled again',
];

export const drainMemory: Section = {
  name: 'drain-memory',
  async measure({ isQuick, progress }): Promise<Findings> {
    const flows = isQuick ? 100_000 : 1_000_000;
    const entries = new Map<Tracking, readonly number[]>();
    for (const tracking of trackings) {
      progress(tracking);
      entries.set(tracking, await follow(tracking, flows));
    }
    const bytes = await bytesPerEntry();
    const at = (tracking: Tracking, step: number) => entries.get(tracking)?.[step] ?? NaN;
    const moments = steps.map((name, step): Moment => {
      const of = (tracking: Tracking) => at(tracking, step);
      return {
        name,
        entries: { adaptive: of('adaptive'), full: of('full'), stateless: of('stateless') },
      };
    });
    const number = (value: number) => value.toLocaleString('en');
    const mebibytes = (value: number) =>
      `${number(value)} (${((value * bytes) / 2 ** 20).toFixed(1)} MiB)`;
    const table = {
      title: `Flow entries that ${number(flows)} flows need (${bytes.toFixed(0)} bytes each):`,
      headings: ['', 'ADAPTIVE', 'FULL', 'STATELESS'],
      rows: moments.map(({ name, entries: { adaptive, full, stateless } }) => [
        name,
        ...[adaptive, full, stateless].map(mebibytes),
      ]),
    };
    const plot = {
      ...{ file: 'drain-memory', kind: 'bars' as const },
      title: `Flow entries that ${number(flows)} flows need`,
      categories: steps,
      valueName: 'entries',
      series: (['adaptive', 'full'] as const).map((tracking) => ({
        name: tracking,
        values: moments.map((moment) => moment.entries[tracking]),
      })),
    };
    return { tables: [table], plots: [plot], figures: { flows, bytesPerEntry: bytes, moments } };
  },
};
