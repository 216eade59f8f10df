// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/**
 * The 64-bit key of a distributor's hash and of its table: every host derives the same
 * from the id, and who does not know the id cannot aim at a slot.
 */
export function seedOf(distributorId: string): bigint {
  return createHash('sha256').update(distributorId).digest().readBigUInt64LE();
}
