/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a flow's opening is, compiled into the XDP program and into the addon: in any place of a
 * bucket, of the size of a cache line, in which the oldest makes room. So connections that open
 * at the same time keep theirs: with a thousandth of the places in use, one in 90 billion finds
 * none, where with a single place for each one in a thousand would lose it.
 */
#ifndef DISTRIBUTOR_OPENING_H
#define DISTRIBUTOR_OPENING_H

#include "abi.h"

#define DIST_OPENING_PLACES 4 /* a power of two; their number has as many bits of the hash */

/* `mask`: elements of openings - 1. The first place is any of the bucket, as the hash has it. */
static inline __attribute__((always_inline)) __u32 dist_opening_index(__u64 hash, __u32 mask,
								      __u32 place)
{
	return ((__u32)hash & mask) ^ place;
}

static inline __attribute__((always_inline)) int dist_opening_is_of(__u64 tag, dist_pin pin,
								    __u64 hash)
{
	return pin && !((tag ^ pin ^ hash) & ~DIST_MARK_MASK);
}

/* Whether to take the place of the one rather than that of the other. */
static inline __attribute__((always_inline)) int dist_opening_is_older(dist_pin pin, dist_pin other)
{
	if (!pin || !other)
		return other != 0;
	return (__s32)((__u32)pin - (__u32)other) < 0;
}

#endif
