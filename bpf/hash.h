/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The hash that puts a client into a slot, compiled into the XDP program and into the
 * addon. Keyed by a seed that only follows from the distributor's id, so every host
 * agrees and nobody outside can aim at a slot.
 *
 * Each step is the splitmix64 finaliser: a bijection on 64 bits in which every input
 * bit reaches every output bit, so addresses counted up by one spread evenly.
 */
#ifndef DISTRIBUTOR_HASH_H
#define DISTRIBUTOR_HASH_H

#include "abi.h"

static inline __attribute__((always_inline)) __u64 dist_mix(__u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* source_port: as on the wire; 0 where the affinity is source IP alone. */
static inline __attribute__((always_inline)) __u32
dist_slot_hash(__u64 seed, const struct dist_address *source, __u16 source_port)
{
	__u64 high, low;

	__builtin_memcpy(&high, source->byte, 8);
	__builtin_memcpy(&low, source->byte + 8, 8);
	return (__u32)(dist_mix(dist_mix(dist_mix(seed ^ high) ^ low) ^ source_port) >> 32);
}

#endif
