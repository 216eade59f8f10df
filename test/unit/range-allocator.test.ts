// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RangeAllocator } from '../../src/datapath/range-allocator.ts';

test('ranges never overlap, stay inside, are aligned, and all join again', () => {
  const requests = fc.array(fc.record({ bits: fc.nat(6), release: fc.nat() }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), requests, (capacity, requests) => {
      const allocator = new RangeAllocator(capacity);
      const held: { start: number; size: number }[] = [];
      for (const { bits, release } of requests) {
        const size = 2 ** bits;
        const start = allocator.allocate(size);
        if (start === null) {
          const [gone] = held.splice(release % (held.length || 1), 1);
          if (gone !== undefined) allocator.release(gone.start, gone.size);
          continue;
        }
        expect(start % size).toBe(0);
        expect(start + size).toBeLessThanOrEqual(capacity);
        for (const other of held)
          expect(start + size <= other.start || other.start + other.size <= start).toBe(true);
        held.push({ start, size });
      }
      for (const { start, size } of held) allocator.release(start, size);
      expect(allocator.allocate(2 ** Math.floor(Math.log2(capacity)))).toBe(0);
    }),
  );
});
