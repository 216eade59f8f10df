/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Hashes, compiled into the XDP program and into the addon: which slot a client falls
 * into, and which opening a flow has.
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

/*
 * A client, whoever's: it is known before the VIP is, so that the processor works on both at once
 * (a hash that begins with the VIP's seed: 9 ns more of 16).
 * source_port: as on the wire; 0 where the affinity is source IP alone.
 */
static inline __attribute__((always_inline)) __u64
dist_client_hash(const struct dist_address *source, __u16 source_port)
{
	__u64 high, low;

	__builtin_memcpy(&high, source->byte, 8);
	__builtin_memcpy(&low, source->byte + 8, 8);
	if (high) /* not of IPv4; dist_mix(0) is 0 */
		low ^= dist_mix(high);
	return dist_mix(low + source_port * 0xd1b54a32d192ed03ULL);
}

/*
 * The client's slot is in the top bits. Keyed by a seed that only follows from the distributor's
 * id, so that every host agrees; the odd factor makes the low bits of both count.
 */
static inline __attribute__((always_inline)) __u32 dist_slot_hash(__u64 seed, __u64 client)
{
	return (__u32)(((seed ^ client) * 0xbf58476d1ce4e5b9ULL) >> 32);
}

/* Keyed by a secret of the host: nobody outside can make two flows have the same. */
static inline __attribute__((always_inline)) __u64 dist_flow_hash(__u64 secret,
								  const struct dist_flow_key *key)
{
	__u64 high, low, rest;

	__builtin_memcpy(&high, key->source.byte, 8);
	__builtin_memcpy(&low, key->source.byte + 8, 8);
	rest = (__u64)key->vip_id << 32 | (__u32)key->source_port << 16 | key->destination_port;
	return dist_mix(dist_mix(dist_mix(dist_mix(secret ^ high) ^ low) ^ rest) ^ key->protocol);
}

#endif
