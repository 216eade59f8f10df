/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Removes the flow entries that no longer count, and counts those that do by the amphora
 * that has them. The daemon runs it now and then; without it the flow table fills up, and
 * new flows live in their openings.
 */
#ifndef DISTRIBUTOR_SWEEP_H
#define DISTRIBUTOR_SWEEP_H

#include "maps.h"
#include "network.h"

struct sweep {
	__u32 now; /* s */
	__u32 closing; /* s */
	__u32 kept;
	__u32 removed;
};

/* Packets of the VIP may take entries meanwhile, each once. */
#define SHARE_ATTEMPTS 64

/* The first word of a share. */
union share_word {
	struct {
		__u32 vip_id;
		__u32 used;
	};
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
		if (before.vip_id != key->vip_id || before.used == 0)
			return;
		after = before;
		after.used--;
		if (__sync_val_compare_and_swap((__u64 *)share, before.bits, after.bits) ==
		    before.bits)
			return;
	}
}

/* Of the position that has the flow; NULL if its amphora no longer holds it. */
static __always_inline struct dist_tally *tally_of(const struct dist_share *share, dist_pin pin)
{
	__u64 generation = pin >> DIST_PIN_GENERATION_SHIFT & DIST_GENERATION_MASK;
	__u16 owner = pin >> DIST_PIN_OWNER_SHIFT;
	__u32 index = share->position_base + owner - 1;
	dist_position *element, position;

	if (owner == DIST_OWNER_NONE)
		return NULL;
	element = bpf_map_lookup_elem(&positions, &index);
	if (!element)
		return NULL;
	position = *(volatile dist_position *)element;
	if (!(position & DIST_POSITION_MAC_MASK) ||
	    position >> DIST_POSITION_GENERATION_SHIFT != generation)
		return NULL;
	return bpf_map_lookup_elem(&tallies, &index);
}

/* No two sweeps run at a time: nobody else writes a tally. */
static __always_inline void count_flow(struct dist_tally *tally, __u8 protocol, bool closing)
{
	if (closing)
		tally->closing++;
	else if (protocol == IPPROTO_TCP)
		tally->tcp++;
	else if (protocol == IPPROTO_UDP)
		tally->udp++;
	else if (protocol == IPPROTO_SCTP)
		tally->sctp++;
	else
		tally->other++;
}

static __always_inline void remove_flow(const struct dist_flow_key *key, struct dist_flow *flow,
					dist_pin pin, struct sweep *sweep)
{
	/* A packet may be about to use the tuple again: one of the two gets the entry. */
	if (!pin || __sync_val_compare_and_swap(&flow->pin, pin, 0) != pin)
		return;
	return_share(key, flow);
	bpf_map_delete_elem(&flows, key);
	sweep->removed++;
}

static long sweep_flow(void *map __attribute__((unused)), struct dist_flow_key *key,
		       struct dist_flow *flow, struct sweep *sweep)
{
	dist_pin pin = *(volatile dist_pin *)&flow->pin;
	/* Signed, as in pin.h. */
	__s64 age = (__s32)(sweep->now - (__u32)pin), idle;
	__u32 index = flow->share;
	struct dist_share *share = bpf_map_lookup_elem(&shares, &index);
	struct dist_tally *tally;
	bool over, closing;

	if (!share || *(volatile __u32 *)&share->vip_id != key->vip_id) { /* the VIP is gone */
		remove_flow(key, flow, pin, sweep);
		return 0;
	}
	idle = marks_starts(key->protocol) ? share->tcp_idle : share->other_idle;
	if (age > idle + DIST_EXPIRY_MARGIN) {
		remove_flow(key, flow, pin, sweep);
		return 0;
	}
	sweep->kept++;
	over = *(volatile __u32 *)&flow->acknowledged & DIST_FLOW_OVER;
	closing = pin & DIST_PIN_CLOSING;
	if (over || age > idle || (closing && age > (__s64)sweep->closing))
		return 0;
	tally = tally_of(share, pin);
	if (tally)
		count_flow(tally, key->protocol, closing);
	return 0;
}

SEC("syscall")
int sweep_flows(struct dist_sweep *argument)
{
	struct sweep sweep = {
		/* The coarse clock is not for this type. */
		.now = bpf_ktime_get_ns() / 1000000000ULL,
		.closing = argument->closing,
	};

	bpf_for_each_map_elem(&flows, sweep_flow, &sweep, 0);
	argument->kept = sweep.kept;
	argument->removed = sweep.removed;
	return 0;
}

#endif
