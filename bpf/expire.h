/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Removes the flow entries that no longer count. The daemon runs it now and then; without
 * it the flow table fills up, and new flows live in their openings.
 */
#ifndef DISTRIBUTOR_EXPIRE_H
#define DISTRIBUTOR_EXPIRE_H

#include "maps.h"
#include "network.h"

struct sweep {
	__u32 now; /* s */
	__u32 tcp_idle;
	__u32 other_idle;
	__u32 kept;
	__u32 removed;
};

/* Packets of the VIP may take entries meanwhile, each once. */
#define SHARE_ATTEMPTS 64

union share_word {
	struct dist_share share;
	__u64 bits;
};

static __always_inline void return_share(const struct dist_flow_key *key,
					 const struct dist_flow *flow)
{
	__u32 all = DIST_COUNTERS_NO_VIP, index = flow->share;
	struct dist_share *total = bpf_map_lookup_elem(&shares, &all);
	struct dist_share *share = bpf_map_lookup_elem(&shares, &index);

	if (total)
		__sync_fetch_and_sub(&total->used, 1);
	for (int i = 0; share && i < SHARE_ATTEMPTS; i++) {
		union share_word before, after;

		before.bits = *(volatile __u64 *)share;
		/* The daemon may be giving the element to another VIP. */
		if (before.share.vip_id != key->vip_id || before.share.used == 0)
			return;
		after = before;
		after.share.used--;
		if (__sync_val_compare_and_swap((__u64 *)share, before.bits, after.bits) ==
		    before.bits)
			return;
	}
}

static long expire_flow(void *map __attribute__((unused)), struct dist_flow_key *key,
			struct dist_flow *flow, struct sweep *sweep)
{
	dist_pin pin = *(volatile dist_pin *)&flow->pin;
	__s64 idle = marks_starts(key->protocol) ? sweep->tcp_idle : sweep->other_idle;

	if ((__s32)(sweep->now - (__u32)pin) <= idle + DIST_EXPIRY_MARGIN) {
		sweep->kept++;
		return 0;
	}
	/* A packet may be about to use the tuple again: one of the two gets the entry. */
	if (!pin || __sync_val_compare_and_swap(&flow->pin, pin, 0) != pin)
		return 0;
	return_share(key, flow);
	bpf_map_delete_elem(&flows, key);
	sweep->removed++;
	return 0;
}

SEC("syscall")
int expire_flows(struct dist_expiry *expiry)
{
	struct sweep sweep = {
		.now = bpf_ktime_get_ns() /
		       1000000000ULL, /* the coarse clock is not for this type */
		.tcp_idle = expiry->tcp_idle,
		.other_idle = expiry->other_idle,
	};

	bpf_for_each_map_elem(&flows, expire_flow, &sweep, 0);
	expiry->kept = sweep.kept;
	expiry->removed = sweep.removed;
	return 0;
}

#endif
