/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The VIP that a packet is for: by what this processor remembers, else by the map. */
#ifndef DISTRIBUTOR_VIP_H
#define DISTRIBUTOR_VIP_H

#include "maps.h"

/* 2^64 / golden ratio: spreads what counts up over the high bits. */
#define MEMO_MULTIPLIER 0x9e3779b97f4a7c15ULL

/* A key as three words, which are compared and hashed as such. */
struct vip_key_words {
	__u64 attachment;
	__u64 high;
	__u64 low;
};

static __always_inline __u32 memo_index(const struct vip_key_words *key)
{
	__u64 hash = (key->attachment ^ key->high ^ key->low) * MEMO_MULTIPLIER;

	return bpf_get_smp_processor_id() << DIST_MEMO_BITS | hash >> (64 - DIST_MEMO_BITS);
}

/* What the map says goes into the memo. */
static __always_inline const struct dist_vip *learn_vip(struct memo *memo,
							const struct dist_vip_key *key)
{
	__u32 changes = *(volatile __u32 *)&vips_changes;
	const struct dist_vip *vip;

	/*
	 * The cell is empty, and the look-up comes after: the exchange is a full barrier on every
	 * processor, and on memory that no other one wants. So a later change is noticed.
	 */
	__sync_lock_test_and_set(&memo->changes, changes - 1);
	vip = bpf_map_lookup_elem(&vips, key);
	if (!vip)
		return NULL;
	memo->key = *key;
	memo->vip = *vip;
	memo->changes = changes;
	return &memo->vip;
}

/* NULL if it is none. */
static __always_inline const struct dist_vip *recall_vip(const struct dist_vip_key *key)
{
	const struct vip_key_words *wanted = (const void *)key, *known;
	__u32 index = memo_index(wanted);
	struct memo *memo = bpf_map_lookup_elem(&memos, &index);

	if (!memo)
		return bpf_map_lookup_elem(&vips, key);
	known = (const void *)&memo->key;
	if (known->attachment == wanted->attachment && known->high == wanted->high &&
	    known->low == wanted->low && memo->changes == *(volatile __u32 *)&vips_changes)
		return &memo->vip;
	return learn_vip(memo, key);
}

#endif
