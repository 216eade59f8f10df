// SPDX-License-Identifier: Apache-2.0
// Thousands of distributors in one daemon: how long they take to set up, what a change of one
// then costs, how the daemon starts with them, and what it takes while nothing happens.
import { setTimeout as delay } from 'node:timers/promises';
import { ControlDaemon, type Memory } from '../control/control-daemon.ts';
import { ControlHost } from '../control/control-host.ts';
import { Fleet, newcomers } from '../control/fleet.ts';
import {
  distributionOf,
  measureEffects,
  measurePeriod,
  measureSettling,
  measureSync,
  type Distribution,
  type Effects,
  type LoopDelay,
  type Period,
  type SettleCost,
} from '../control/measurements.ts';
import type { Plot } from '../plot.ts';
import type { Findings, Section, SectionOptions } from '../section.ts';

const CLIENTS = 16;
/** Of a distributor's table: room for four amphorae. */
const SLOTS = 1024;
const IDLE_MS = 5000;
/** What a pass of settling looks at. */
const SLOTS_IN_A_PASS = 2 ** 20;

interface Scale {
  readonly distributors: number;
  /** Of either kind. */
  readonly changes: number;
  readonly starts: number;
}

const quick: Scale = { distributors: 1000, changes: 50, starts: 1 };
const whole: Scale = { distributors: 10_000, changes: 300, starts: 3 };

interface Figures extends Scale {
  readonly sync: Distribution;
  readonly emptyStart: number;
  readonly setUp: Period;
  readonly idle: Period;
  readonly list: Period;
  readonly scrape: Period;
  readonly register: Effects;
  /** The same where the table has to become larger. */
  readonly registerAndGrow: Effects;
  readonly failover: Effects;
  /** While these changes are made. */
  readonly changing: Period;
  /** After the set-up; and after changes, lists, and a dozen of scrapes within a minute. */
  readonly memory: Memory;
  readonly memoryAtLast: Memory;
  /** Milliseconds, of the process from its beginning. */
  readonly restart: Distribution;
  readonly settling: SettleCost;
  readonly coldStart: Distribution;
}

/** As docs/operations.md says, with room for growth. */
function configFor({ distributors }: Scale): string {
  return [
    `capacity: {slots: ${Math.ceil(distributors * 1.1264) * SLOTS}}`,
    `tables: {initialSlots: ${SLOTS}}`,
    'limits: {ratePerClient: {callsPerSecond: 100000, burst: 100000}}',
  ].join('\n');
}

async function measureRunning(
  daemon: ControlDaemon,
  { scale, host, progress }: { scale: Scale; host: ControlHost } & Pick<SectionOptions, 'progress'>,
) {
  const clients = Array.from({ length: CLIENTS }, () => daemon.client());
  const [client = daemon.client()] = clients;
  const traffic = host.startFirstPacket();
  const fleet = new Fleet(host.port);
  progress('set-up');
  const memories: Memory[] = [];
  const setUp = await measurePeriod(daemon, async () => {
    await fleet.setUp(clients, scale.distributors);
    memories.push(daemon.memory);
  });
  progress('idle, list and scrape');
  const idle = await measurePeriod(daemon, () => delay(IDLE_MS));
  const list = await measurePeriod(daemon, () => fleet.list(client));
  const scrape = await measurePeriod(daemon, () => daemon.scrape());
  progress('changes');
  const effects: Effects[] = [];
  const means = { client, traffic };
  const kinds = [
    (number: number) => fleet.register(means, number, newcomers.first),
    (number: number) => fleet.register(means, number, newcomers.second),
    (number: number) => fleet.failOver(means, number),
  ];
  const changing = await measurePeriod(daemon, async () => {
    for (const kind of kinds) effects.push(await measureEffects(fleet, scale.changes, kind));
  });
  const [registerAndGrow, register, failover] = effects as [Effects, Effects, Effects];
  traffic.end();
  for (const each of clients) each.close();
  const changes = { registerAndGrow, register, failover, changing };
  const [memory = daemon.memory] = memories;
  return { setUp, idle, list, scrape, ...changes, memory, memoryAtLast: daemon.memory };
}

async function measureAll(scale: Scale, { progress }: SectionOptions): Promise<Figures> {
  const host = await ControlHost.create();
  const start = () => ControlDaemon.start(host, { config: configFor(scale) });
  try {
    const sync = measureSync(host.directory);
    let daemon = await start();
    const emptyStart = daemon.startMs;
    const running = await measureRunning(daemon, { scale, host, progress });
    progress('restart');
    const restarts: number[] = [];
    for (let n = 0; n < scale.starts; n++) {
      await daemon.stop();
      daemon = await start();
      restarts.push(daemon.startMs);
    }
    const settling = await measureSettling(daemon, IDLE_MS);
    progress('cold start');
    const coldStarts: number[] = [];
    for (let n = 0; n < scale.starts; n++) {
      await daemon.stop();
      host.forgetPins();
      daemon = await start();
      coldStarts.push(daemon.startMs);
    }
    await daemon.stop();
    const [restart, coldStart] = [distributionOf(restarts), distributionOf(coldStarts)];
    return { ...scale, sync, emptyStart, ...running, restart, settling, coldStart };
  } finally {
    await host.remove();
  }
}

const ms = (milliseconds: number) =>
  milliseconds < 1000
    ? `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`
    : `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;

/** What is measured, its middle and its end, and what is aimed at. */
type Row = readonly [string, string, string, string];

function durationRow(what: string, { p50, p99, count }: Distribution, target: string): Row {
  const last = count < 100 ? '' : ms(p99);
  return [what, ms(p50), last, target];
}

function durationRows(figures: Figures): readonly Row[] {
  const { sync, setUp, register, registerAndGrow, failover, restart, coldStart } = figures;
  const { settling } = figures;
  const pass = (settling.nanosecondsPerSlot * SLOTS_IN_A_PASS) / 1e6;
  const seconds = (number: number) => ms(number * 1000);
  return [
    ['set up by 16 clients', seconds(setUp.seconds), '', 'at most 60 s'],
    ['  of it the daemon’s processor time', seconds(setUp.processorSeconds), '', ''],
    durationRow('write of the disk (fdatasync)', sync, ''),
    durationRow('register one more amphora, to its first packet', register.toPacket, 'p99 20 ms'),
    durationRow('  to the answer', register.toAnswer, ''),
    durationRow('  the same where the table has to grow', registerAndGrow.toPacket, 'p99 20 ms'),
    durationRow('fail over to a standby, to its first packet', failover.toPacket, 'at most 5 ms'),
    durationRow('  to the answer', failover.toAnswer, ''),
    ['start without distributors', ms(figures.emptyStart), '', ''],
    durationRow('restart, kernel state pinned', restart, 'at most 3 s'),
    durationRow('cold start, kernel state lost', coldStart, 'at most 10 s'),
    ['list of all, in pages of 100', seconds(figures.list.seconds), '', ''],
    ['scrape of all metrics', seconds(figures.scrape.seconds), '', ''],
    [`pass of settling (${SLOTS_IN_A_PASS.toLocaleString('en')} slots)`, ms(pass), '', ''],
  ];
}

function loopsOf(figures: Figures): readonly (readonly [string, LoopDelay])[] {
  return [
    ['set-up', figures.setUp.loop],
    ['idle', figures.idle.loop],
    ['list of all', figures.list.loop],
    ['scrape of all metrics', figures.scrape.loop],
    ['changes of one', figures.changing.loop],
    ['after a restart: settling', figures.settling.loop],
  ];
}

/** What is measured, by what is aimed at. */
function plotOf(figures: Figures): Plot {
  const { setUp, register, failover, restart, coldStart, memoryAtLast } = figures;
  const longest = Math.max(...loopsOf(figures).map(([, { max }]) => max));
  const shares: readonly (readonly [string, number])[] = [
    ['set-up\n(60 s)', setUp.seconds / 60],
    ['register, p99\n(20 ms)', register.toPacket.p99 / 20],
    ['failover\n(5 ms)', failover.toPacket.p50 / 5],
    ['restart\n(3 s)', restart.p50 / 3000],
    ['cold start\n(10 s)', coldStart.p50 / 10_000],
    ['memory\n(400 MB)', memoryAtLast.residentMegabytes / 400],
    ['event loop, max\n(50 ms)', longest / 50],
  ];
  return {
    ...{ file: 'control', kind: 'bars' },
    title: `${figures.distributors.toLocaleString('en')} distributors in one daemon`,
    categories: shares.map(([what]) => what),
    valueName: '% of what is aimed at',
    series: [{ name: 'measured', values: shares.map(([, share]) => Math.round(100 * share)) }],
  };
}

function findings(figures: Figures): Findings {
  const { distributors, memory, memoryAtLast, idle } = figures;
  const megabytes = (number: number) => `${number.toFixed(0)} MB`;
  const idlePercent = (100 * idle.processorSeconds) / (idle.seconds || 1);
  return {
    tables: [
      {
        title: `Control, with ${distributors.toLocaleString('en')} distributors (1 VIP, 4 amphorae, ${SLOTS} slots each):`,
        headings: ['', 'MEDIAN', 'P99', 'AIM'],
        rows: [
          ...durationRows(figures),
          ['resident memory', megabytes(memory.residentMegabytes), '', 'at most 400 MB'],
          ['  of it not the kernel’s maps or files', megabytes(memory.ownMegabytes), '', ''],
          ['  after a dozen scrapes', megabytes(memoryAtLast.residentMegabytes), '', ''],
          ['idle, of a processor', `${idlePercent.toFixed(1)} %`, '', ''],
        ],
      },
      {
        title: 'Delay of its event loop (a timer of 10 ms included; aim: never over 50 ms):',
        headings: ['DURING', 'P99', 'MAX'],
        rows: loopsOf(figures).map(([during, { p99, max }]) => [during, ms(p99), ms(max)]),
      },
    ],
    plots: [plotOf(figures)],
    figures,
  };
}

export const control: Section = {
  name: 'control',
  async measure(options) {
    return findings(await measureAll(options.isQuick ? quick : whole, options));
  },
};
