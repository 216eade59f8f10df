// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';

/** Sizes of a distributor's table, in slots; powers of two. */
export interface TableLimits {
  readonly initialSlots: number;
  readonly maxSlots: number;
}

/**
 * Slots for each position at least: keeps shares within 0.5 % and a change of the amphora
 * set within 1.3 times the ideal number of moved clients, up to 16 positions.
 */
export const slotsPerPosition = 256;

/** A position is a number of 16 bits, two of which mean something else. */
export const largestTable = 2 ** 15 * slotsPerPosition;

/** The size of a new table; 0 = the configured one. @throws INVALID_TABLE_SIZE */
export function parseTableSize(size: number, { initialSlots, maxSlots }: TableLimits): number {
  if (size === 0) return initialSlots;
  const isPowerOfTwo = Number.isInteger(Math.log2(size));
  if (isPowerOfTwo && size >= slotsPerPosition && size <= maxSlots) return size;
  throw new DistributordError(
    'INVALID_TABLE_SIZE',
    `table_size is not a power of two from ${slotsPerPosition} to ${maxSlots}: ${size}`,
    { field: 'table_size', value: size },
  );
}

/** Positions that a table of this size has room for. */
export function positionCapacity(tableSize: number): number {
  return tableSize / slotsPerPosition;
}

export function maxPositions(limits: TableLimits): number {
  return positionCapacity(limits.maxSlots);
}

/** `tableSize`, doubled until it has room for `positions`. */
export function growTable(tableSize: number, positions: number): number {
  let size = tableSize;
  while (positionCapacity(size) < positions) size *= 2;
  return size;
}
