// SPDX-License-Identifier: Apache-2.0
// The slot of a client, written from the description in bpf/hash.h and not from its code.
import { SLOTS } from './world.ts';

const word = (value: bigint): bigint => BigInt.asUintN(64, value);

/** The finaliser of splitmix64. */
function mix(input: bigint): bigint {
  const first = word((input ^ (input >> 30n)) * 0xbf58476d1ce4e5b9n);
  const second = word((first ^ (first >> 27n)) * 0x94d049bb133111ebn);
  return second ^ (second >> 31n);
}

const SLOT_BITS = BigInt(Math.log2(SLOTS));

const PORT_FACTOR = 0xd1b54a32d192ed03n;
const SEED_FACTOR = 0xbf58476d1ce4e5b9n;

/** `high` and `low`: the address as two little-endian words; `port`: its two octets alike. */
export function slotOf(seed: bigint, source: readonly [bigint, bigint], port: number): number {
  const [high, low] = source;
  const client = mix(word((mix(high) ^ low) + BigInt(port) * PORT_FACTOR));
  return Number(word((seed ^ client) * SEED_FACTOR) >> (64n - SLOT_BITS));
}
