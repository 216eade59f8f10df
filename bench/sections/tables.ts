// SPDX-License-Identifier: Apache-2.0
// Tables: which clients move, how even the shares are, how long a table takes to build and to
// make visible. The product's stable matching beside what it could be instead.
import { execFileSync } from 'node:child_process';
import { growTable } from '../../src/model/table-size.ts';
import type { Plot } from '../plot.ts';
import type { Findings, Section, SectionOptions, Table } from '../section.ts';

const methods = {
  'stable-matching': 'stable matching (ours)',
  maglev: 'Maglev',
  rendezvous: 'rendezvous',
  modulo: 'modulo',
} as const;
type Method = keyof typeof methods;
const methodNames = Object.keys(methods) as Method[];

interface Shape {
  readonly positions: number;
  readonly size: number;
}

const SMALLEST_TABLE = 1024;
/** As large as the product makes them. */
const shipped = (positions: number): Shape => ({
  positions,
  size: growTable(SMALLEST_TABLE, positions),
});
const shapes: readonly Shape[] = [
  shipped(4),
  { positions: 16, size: 2048 },
  shipped(16),
  shipped(64),
  { positions: 100, size: 16_384 },
  shipped(100),
  shipped(1000),
];

const count = (number: number) => number.toLocaleString('en');

/** The numbers of each line that it prints. */
function call(...argv: (string | number)[]): number[][] {
  const output = execFileSync('build/tables', argv.map(String), { encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
}

interface Moves extends Shape {
  readonly method: Method;
  readonly seeds: number;
  /** Clients that move when a position goes, as multiples of the ideal. */
  readonly median: number;
  readonly worst: number;
  /** The worst position's share, in percent off the ideal. */
  readonly percentOff: number;
  /** Clients that move when the table doubles. */
  readonly percentMovedByGrowth: number;
}

function measureMoves(method: Method, shape: Shape, isQuick: boolean): Moves {
  const most = shape.positions > 100 ? 4 : shape.positions > 16 ? 20 : 100;
  const seeds = isQuick ? Math.ceil(most / 10) : most;
  const lines = call('moves', method, shape.size, shape.positions, seeds);
  const column = (index: number) =>
    lines.map((line) => line[index] ?? NaN).toSorted((a, b) => a - b);
  const moved = column(0);
  return {
    ...{ ...shape, method, seeds },
    median: moved[moved.length >> 1] ?? NaN,
    worst: moved.at(-1) ?? NaN,
    percentOff: column(1).at(-1) ?? NaN,
    percentMovedByGrowth: column(2)[moved.length >> 1] ?? NaN,
  };
}

function byShape(all: readonly Moves[], title: string, format: (moves: Moves) => string): Table {
  return {
    title,
    headings: ['AMPHORAE', 'SLOTS', ...Object.values(methods).map((name) => name.toUpperCase())],
    rows: shapes.map(({ positions, size }) => [
      ...[count(positions), count(size)],
      ...all.filter((one) => one.positions === positions && one.size === size).map(format),
    ]),
  };
}

interface Build extends Shape {
  readonly method: Method;
  readonly milliseconds: number;
}

/** Fewer slots for each position than this are too few for even shares. */
const FEWEST_SLOTS = 64;
const positionCounts = [4, 16, 100, 256, 1000];
const sizes = [1024, 4096, 16_384, 65_536, 262_144];
const builders = ['stable-matching', 'maglev'] as const;

function measureBuilds({ isQuick, progress }: SectionOptions): readonly Build[] {
  return sizes.flatMap((size) =>
    positionCounts
      .filter((positions) => positions * FEWEST_SLOTS <= size)
      .flatMap((positions) =>
        builders.map((method) => {
          progress(`building ${count(size)} slots for ${count(positions)} positions`);
          const [[milliseconds = NaN] = []] = call(
            'build',
            method,
            size,
            positions,
            isQuick ? 5 : 15,
          );
          return { size, positions, method, milliseconds };
        }),
      ),
  );
}

function buildTable(builds: readonly Build[]): Table {
  const cell = (size: number, positions: number) =>
    builders
      .map((method) => {
        const found = builds.find(
          (one) => one.size === size && one.positions === positions && one.method === method,
        );
        return found?.milliseconds.toFixed(2);
      })
      .filter((text) => text !== undefined)
      .join(' / ') || '–';
  return {
    title: 'Time to build a table, ms: stable matching (ours) / Maglev:',
    headings: ['SLOTS', ...positionCounts.map((positions) => `${count(positions)} POSITIONS`)],
    rows: sizes.map((size) => [
      count(size),
      ...positionCounts.map((positions) => cell(size, positions)),
    ]),
  };
}

interface Writing extends Shape {
  readonly changed: number;
  readonly mappedMicroseconds: number;
  readonly batchMicroseconds: number;
  readonly batchOfChangedMicroseconds: number;
}

function measureWriting(isQuick: boolean): readonly Writing[] {
  return [shipped(4), shipped(16), shipped(100), { positions: 1000, size: 65_536 }].map((shape) => {
    const [numbers = []] = call('write', shape.size, shape.positions, isQuick ? 10 : 50);
    const [mapped = NaN, batch = NaN, batchOfChanged = NaN, changed = NaN] = numbers;
    return {
      ...{ ...shape, changed, mappedMicroseconds: mapped, batchMicroseconds: batch },
      batchOfChangedMicroseconds: batchOfChanged,
    };
  });
}

function writingTable(all: readonly Writing[]): Table {
  const times = (one: number, other: number) =>
    `${one.toFixed(0)} µs (${(one / other).toFixed(1)} ×)`;
  return {
    title: 'Time until a table in which one position has gone is visible:',
    headings: ['SLOTS', 'CHANGED', 'MAPPED MEMORY (OURS)', 'BATCH UPDATE', '… OF WHAT CHANGED'],
    rows: all.map((one) => [
      ...[count(one.size), count(one.changed), `${one.mappedMicroseconds.toFixed(0)} µs`],
      times(one.batchMicroseconds, one.mappedMicroseconds),
      times(one.batchOfChangedMicroseconds, one.mappedMicroseconds),
    ]),
  };
}

function plotOf(all: readonly Moves[]): Plot {
  const drawn = shapes.filter(({ positions, size }) => size === shipped(positions).size);
  return {
    ...{ file: 'table-moves', kind: 'lines', isLogarithmic: true },
    title: 'Clients that move when one amphora goes',
    categories: drawn.map(({ positions }) => `${count(positions)} amphorae`),
    valueName: '× of the ideal (median)',
    series: methodNames.map((method) => ({
      name: methods[method],
      values: drawn.map(({ positions, size }) => {
        const is = (one: Moves) =>
          one.method === method && one.positions === positions && one.size === size;
        return Number(all.find(is)?.median.toPrecision(3) ?? NaN);
      }),
    })),
  };
}

export const tables: Section = {
  name: 'tables',
  measure(options): Promise<Findings> {
    const { isQuick, progress } = options;
    const moves = shapes.flatMap((shape) =>
      methodNames.map((method) => {
        progress(`${methods[method]}, ${count(shape.positions)} amphorae`);
        return measureMoves(method, shape, isQuick);
      }),
    );
    const builds = measureBuilds(options);
    progress('writing');
    const writing = measureWriting(isQuick);
    return Promise.resolve({
      tables: [
        byShape(
          moves,
          'Clients that move when one amphora goes, × of the ideal: median (worst):',
          ({ median, worst }) => `${median.toFixed(2)} (${worst.toFixed(2)})`,
        ),
        byShape(
          moves,
          'The worst share, % off the ideal:',
          ({ percentOff }) => `${percentOff.toFixed(1)} %`,
        ),
        byShape(
          moves,
          'Clients that move when the table doubles:',
          ({ percentMovedByGrowth }) => `${percentMovedByGrowth.toFixed(1)} %`,
        ),
        buildTable(builds),
        writingTable(writing),
      ],
      plots: [plotOf(moves)],
      figures: { moves, builds, writing },
    });
  },
};
