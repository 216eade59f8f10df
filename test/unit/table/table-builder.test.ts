// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { native } from '../../../src/datapath/native.ts';

const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

function build(seed: bigint, weights: readonly number[], size: number): Promise<Uint16Array> {
  return native.buildTable({ seed, weights: Uint32Array.from(weights), size });
}

function tableSizeFor(positions: number, slotsPerPosition: number): number {
  return 2 ** Math.ceil(Math.log2(positions * slotsPerPosition));
}

function counts(owners: Uint16Array, positions: number): number[] {
  const result = new Array<number>(positions).fill(0);
  for (const owner of owners) if (owner > 0) result[owner - 1] = (result[owner - 1] ?? 0) + 1;
  return result;
}

function moved(before: Uint16Array, after: Uint16Array): number {
  return before.reduce((sum, owner, slot) => sum + Number(owner !== after[slot]), 0);
}

const equal = (positions: number) => new Array<number>(positions).fill(1);

describe('shares', () => {
  test('are within 1 % for equal weights, from 128 slots a position on', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 120 }), async (seed, positions) => {
        const size = tableSizeFor(positions, 128);
        const ideal = size / positions;
        for (const share of counts(await build(seed, equal(positions), size), positions))
          expect(Math.abs(share - ideal) / ideal).toBeLessThanOrEqual(0.01);
      }),
      { numRuns: 200 },
    );
  });

  test('are within 2 % of the weight, or one slot where that is more', async () => {
    const weights = fc.array(fc.integer({ min: 0, max: 256 }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(seeds, weights, async (seed, weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const size = tableSizeFor(weights.length, 128);
        counts(await build(seed, weights, size), weights.length).forEach((share, position) => {
          const ideal = total === 0 ? 0 : (size * (weights[position] ?? 0)) / total;
          expect(Math.abs(share - ideal)).toBeLessThanOrEqual(Math.max(1, ideal * 0.02));
        });
      }),
      { numRuns: 200 },
    );
  });

  test('fill the table while any weight is not 0', async () => {
    expect(await build(1n, [0, 3, 0], 256)).toEqual(new Uint16Array(256).fill(2));
    expect(await build(1n, [0, 0], 256)).toEqual(new Uint16Array(256));
    expect(await build(1n, [], 256)).toEqual(new Uint16Array(256));
  });
});

describe('changes of the amphora set', () => {
  test('move at most 1.3 × the ideal, up to 16 positions at 256 slots each', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 2, max: 16 }), fc.nat(), async (seed, n, which) => {
        const size = tableSizeFor(n, 256);
        const all = equal(n);
        const without = all.map((weight, position) => (position === which % n ? 0 : weight));
        const count = moved(await build(seed, all, size), await build(seed, without, size));
        expect(count / (size / n)).toBeLessThanOrEqual(1.3);
      }),
      { numRuns: 500 },
    );
  });

  test('nearly all who move do so to or from the amphora in question', async () => {
    const size = 4096;
    const before = await build(7n, equal(16), size);
    const after = await build(7n, [...equal(15), 0], size);
    const aside = before.filter((owner, slot) => owner !== 16 && owner !== after[slot]).length;
    expect(aside / size).toBeLessThan(0.02);
  });

  test('growing the table moves nobody', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 16 }), async (seed, positions) => {
        const small = await build(seed, equal(positions), 4096);
        const large = await build(seed, equal(positions), 16_384);
        const split = Uint16Array.from(large, (_, slot) => small[slot >> 2] ?? 0);
        // Quotas are rounded anew: a slot or two for each position at most.
        expect(moved(split, large)).toBeLessThanOrEqual(positions * 4);
      }),
      { numRuns: 50 },
    );
  });
});

test('a table follows from seed, positions and weights alone', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, fc.array(fc.nat(256), { maxLength: 16 }), async (seed, weights) => {
      const first = await build(seed, weights, 4096);
      expect(await build(seed, weights, 4096)).toEqual(first);
      expect(await build(seed, [...weights, 0, 0], 4096)).toEqual(first);
    }),
    { numRuns: 50 },
  );
  expect(await build(1n, equal(4), 1024)).not.toEqual(await build(2n, equal(4), 1024));
});

test('a known table: hosts of every version must agree on it', async () => {
  const owners = await build(0x0123456789abcdefn, [1, 2, 1, 0, 4], 64);
  expect([...owners].join('')).toMatchInlineSnapshot(
    `"3152535215515232222553255235555551351255552352535555225551115225"`,
  );
});
