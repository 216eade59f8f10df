// SPDX-License-Identifier: Apache-2.0
// Packets per second that come back from a port: from ours, and from what else could choose
// an amphora on this kernel, as a share of what comes back from a bare MAC swap and XDP_TX.
import { run } from '../../test/support/namespaces.ts';
import type { Plot } from '../plot.ts';
import type { Findings, Section, SectionOptions } from '../section.ts';
import { UnavailableError, type Place, type Start } from '../throughput/contender.ts';
import { cpuLayout, type CpuLayout } from '../throughput/cpu-layout.ts';
import { startDistributor, type DistributorCase } from '../throughput/distributor.ts';
import { startNftables } from '../throughput/nftables.ts';
import { startOpenVswitch } from '../throughput/open-vswitch.ts';
import { Pair, type Offer, type Outcome } from '../throughput/pair.ts';

const AMPHORAE = 4;
const MANY = 1_000_000;
const FLOWS = [1, MANY];
/** Frames, of however few flows. */
const WARM_UP = 100_000;

const settled: DistributorCase = {
  ...{ family: 4, vips: 1, amphorae: AMPHORAE, verdict: 'tx_settled' },
  ...{ affinity: 'source-ip', tracking: 'adaptive', unsettled: false },
};

const ours = (more: Partial<DistributorCase> = {}) => {
  return (place: Place) => startDistributor({ ...settled, ...more }, place);
};

interface Contender {
  readonly name: string;
  readonly start: Start;
  readonly flows: readonly number[];
}

const contenders: readonly Contender[] = [
  { name: 'settled', start: ours(), flows: FLOWS },
  {
    name: 'unsettled (during a drain)',
    start: ours({ unsettled: true, verdict: 'tx_pinned' }),
    flows: [MANY],
  },
  {
    name: 'full tracking',
    start: ours({ tracking: 'full', verdict: 'tx_pinned' }),
    flows: [MANY],
  },
  { name: 'nftables', start: startNftables, flows: FLOWS },
  {
    name: 'Open vSwitch, userspace',
    start: (place) => startOpenVswitch('system', place),
    flows: FLOWS,
  },
  {
    name: 'Open vSwitch, AF_XDP',
    start: (place) => startOpenVswitch('afxdp', place),
    flows: FLOWS,
  },
];

/** A look: many flows only, and Open vSwitch as it is set up by default. */
const quickContenders: readonly Contender[] = contenders
  .filter(({ name }) => name !== 'Open vSwitch, AF_XDP')
  .map((contender) => ({ ...contender, flows: [MANY] }));

interface Round {
  readonly offered: number;
  readonly returned: number;
  readonly seconds: number;
  /** What came back from the bare program, in the run before. */
  readonly barePerSecond: number;
}

interface Result {
  readonly name: string;
  readonly flows: number;
  readonly rounds: readonly Round[];
  /** Why there are none. */
  readonly unavailable: string | null;
}

interface Bench {
  /** With the program that the others are measured by. */
  readonly bare: Pair;
  readonly layout: CpuLayout;
  readonly rounds: number;
  /** Offered in each round, the same to everybody. */
  readonly frames: number;
}

/** Frames come back to their sender. */
async function startBare({ namespace, port }: Place): Promise<void> {
  const program = ['xdp', 'object', 'build/generator.o', 'program', 'mac_swap'];
  await run(namespace, ['ip', 'link', 'set', port, ...program]);
}

/** Frames per second. */
async function offerToBare(bare: Pair, offer: Offer): Promise<number> {
  const outcome = await bare.offer(offer);
  const { sent, seconds, toSender, toOthers, toAmphorae } = outcome;
  // It does next to nothing: more would be lost by the ports between.
  const isWhole = sent === offer.frames && toSender >= 0.9 * sent;
  if (!isWhole || toOthers + sum(toAmphorae) > 0.01 * toSender)
    throw new Error(`the bare MAC swap: ${JSON.stringify(outcome)}`);
  return toSender / seconds;
}

/** How many frames came back to amphorae; throws if others came, too. */
function returnedOf(what: string, { flows }: Offer, outcome: Outcome): number {
  const { toAmphorae, toSender, toOthers } = outcome;
  const returned = sum(toAmphorae);
  const chosen = toAmphorae.filter((each) => each > returned / (2 * AMPHORAE)).length;
  const isSpread = chosen === Math.min(flows, AMPHORAE);
  if (returned > 0 && isSpread && toOthers + toSender <= 0.01 * returned) return returned;
  throw new Error(`${what}, ${count(flows)} flows: ${JSON.stringify(outcome)}`);
}

async function measure({ name, start }: Contender, flows: number, bench: Bench): Promise<Result> {
  const { bare, layout, frames } = bench;
  const pair = await Pair.create(AMPHORAE, layout);
  try {
    const running = await start(pair.place);
    // The second packet of a flow confirms it, before the opening of another takes its place.
    await pair.offer({ frames: 2 * Math.max(flows, WARM_UP), flows, inARow: 1 });
    await running.begin();
    const offer = { frames, flows, inARow: 0 };
    const rounds: Round[] = [];
    while (rounds.length < bench.rounds) {
      const barePerSecond = await offerToBare(bare, offer);
      const outcome = await pair.offer(offer);
      const { sent: offered, seconds } = outcome;
      rounds.push({ offered, returned: returnedOf(name, offer, outcome), seconds, barePerSecond });
    }
    await running.verify();
    return { name, flows, rounds, unavailable: null };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return { name, flows, rounds: [], unavailable: error.message };
  } finally {
    await pair.remove();
  }
}

async function measureAll({ isQuick, progress }: SectionOptions, layout: CpuLayout) {
  const bare = await Pair.create(AMPHORAE, layout);
  try {
    await startBare(bare.place);
    const perSecond = await offerToBare(bare, { frames: MANY, flows: 1, inARow: 0 });
    const effort = isQuick ? { seconds: 0.4, rounds: 2 } : { seconds: 0.6, rounds: 7 };
    const frames = Math.ceil(perSecond * effort.seconds);
    const bench = { bare, layout, frames, rounds: effort.rounds };
    const results: Result[] = [];
    for (const contender of isQuick ? quickContenders : contenders)
      for (const flows of contender.flows) {
        progress(`${contender.name}, ${count(flows)} flows`);
        results.push(await measure(contender, flows, bench));
      }
    return { frames, results };
  } finally {
    await bare.remove();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

function count(number: number): string {
  return number.toLocaleString('en');
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return ((sorted[middle] ?? NaN) + (sorted.at(-1 - middle) ?? NaN)) / 2;
}

function summary(rounds: readonly Round[]) {
  const perSecond = ({ returned, seconds }: Round) => returned / seconds;
  return {
    perSecond: median(rounds.map(perSecond)),
    offeredPerSecond: median(rounds.map(({ offered, seconds }) => offered / seconds)),
    percentOfBare: median(rounds.map((one) => (100 * perSecond(one)) / one.barePerSecond)),
    /** The least disturbed of each. */
    bestPercentOfBare:
      (100 * Math.max(...rounds.map(perSecond))) /
      Math.max(...rounds.map(({ barePerSecond }) => barePerSecond)),
    percentLost: median(rounds.map(({ offered, returned }) => 100 * (1 - returned / offered))),
  };
}

const inMillions = (perSecond: number) => (perSecond / 1e6).toFixed(2);
const inPercent = (percent: number) => `${percent.toFixed(percent < 10 ? 1 : 0)} %`;

function rowOf({ name, flows, rounds, unavailable }: Result): string[] {
  if (unavailable !== null)
    return [name, count(flows), '–', '–', '–', '–', `not set up: ${unavailable}`];
  const typical = summary(rounds);
  return [
    ...[name, count(flows), inPercent(typical.percentOfBare)],
    ...[inPercent(typical.bestPercentOfBare), inMillions(typical.perSecond)],
    ...[inMillions(typical.offeredPerSecond), inPercent(typical.percentLost)],
  ];
}

function plotOf(results: readonly Result[]): Plot {
  const value = ({ name }: Contender, flows: number) => {
    const result = results.find((one) => one.name === name && one.flows === flows);
    if (result === undefined || result.unavailable !== null) return null;
    return Number(summary(result.rounds).percentOfBare.toPrecision(2));
  };
  return {
    ...{ file: 'throughput', kind: 'bars', title: 'Packets per second that come back' },
    categories: FLOWS.map((flows) => `${count(flows)} ${flows === 1 ? 'flow' : 'flows'}`),
    valueName: '% of a bare MAC swap',
    series: contenders.map((contender) => ({
      name: contender.name,
      values: FLOWS.map((flows) => value(contender, flows)),
    })),
  };
}

export const throughput: Section = {
  name: 'throughput',
  async measure(options): Promise<Findings> {
    const layout = cpuLayout();
    const { frames, results } = await measureAll(options, layout);
    const bare = median(results.flatMap(({ rounds }) => rounds.map((one) => one.barePerSecond)));
    const where = `CPU ${layout.generator} sends, forwards and counts; Open vSwitch on ${layout.others}`;
    const table = {
      title: `Throughput through one port (${where}):`,
      headings: ['', 'FLOWS', 'OF BARE', 'BEST', 'MILLION/s BACK', 'MILLION/s OFFERED', 'LOST'],
      rows: [['bare MAC swap', '', '100 %', '', inMillions(bare), '', ''], ...results.map(rowOf)],
    };
    const figures = {
      ...{ layout, framesPerRound: frames, barePerSecond: bare },
      cases: results.map((result) => ({
        ...result,
        ...(result.unavailable === null ? summary(result.rounds) : {}),
      })),
    };
    return { tables: [table], plots: [plotOf(results)], figures };
  },
};
