/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Pinning: which amphora a packet in an unsettled slot belongs to. docs/pinning.md has
 * the reasoning and the worked cases; the daemon's half is native/src/slot-table.cc.
 */
#ifndef DISTRIBUTOR_PIN_H
#define DISTRIBUTOR_PIN_H

#include "maps.h"
#include "parse.h"

#define NANOSECONDS 1000000000ULL

struct choice {
	__u16 owner; /* position + 1, or DIST_OWNER_NONE */
	bool new_flow;
	dist_position position;
};

/* What the owner's position holds; 0 if there is no owner or no amphora. */
static __always_inline dist_position position_of(const struct dist_vip *vip, __u16 owner)
{
	__u32 index = vip->position_base + owner - 1;
	dist_position *element, position;

	if (owner == DIST_OWNER_NONE)
		return 0;
	element = bpf_map_lookup_elem(&positions, &index);
	if (!element)
		return 0;
	position = *(volatile dist_position *)element;
	return position & DIST_POSITION_MAC_MASK ? position : 0;
}

static __always_inline __u16 generation_of(dist_position position)
{
	return position >> DIST_POSITION_GENERATION_SHIFT;
}

/*
 * An entry counts while its flow is not idle and its amphora still holds the position.
 * Its age is signed: another processor may have stamped it with the second after `now`.
 */
static __always_inline bool is_live(const struct dist_flow *flow, const struct dist_vip *vip,
				    const struct packet *packet, __u32 now, dist_position position)
{
	__u32 idle = packet->marked ? vip->tcp_idle : vip->other_idle;

	return position && generation_of(position) == flow->generation &&
	       (__s32)(now - flow->last_seen) <= (__s64)idle;
}

static __always_inline bool is_learning(const struct dist_vip *vip, __u32 now)
{
	__u32 index = vip->position_base;
	dist_learning *until = bpf_map_lookup_elem(&learning, &index);

	return until && (__s32)(now - (__u32) * (volatile dist_learning *)until) < 0;
}

/* The slot stays unsettled for as long as packets go anywhere but to `current`. */
static __always_inline void keep_unsettled(struct dist_slot *slot, __u32 now)
{
	if (slot->clock != now)
		*(volatile __u32 *)&slot->clock = now;
}

static __always_inline enum dist_verdict pin(struct packet *packet, const struct dist_vip *vip,
					     struct dist_slot *slot, struct dist_slot owners,
					     struct choice *choice)
{
	__u32 now = bpf_ktime_get_coarse_ns() / NANOSECONDS;
	enum dist_verdict verdict;
	struct dist_flow *flow;

	packet->flow_key.vip_id = vip->vip_id;
	flow = bpf_map_lookup_elem(&flows, &packet->flow_key);
	if (flow && !(packet->starts && (flow->flags & DIST_FLOW_CLOSING))) {
		choice->owner = flow->owner;
		choice->position = position_of(vip, choice->owner);
		if (is_live(flow, vip, packet, now, choice->position)) {
			if (flow->last_seen != now)
				flow->last_seen = now;
			if (packet->ends)
				flow->flags |= DIST_FLOW_CLOSING;
			verdict = DIST_TX_PINNED;
			goto chosen;
		}
	}

	if (packet->starts || (!packet->marked && !is_learning(vip, now))) {
		choice->owner = owners.current;
		choice->new_flow = true;
		verdict = DIST_TX_NEW;
	} else {
		choice->owner = owners.previous;
		if (owners.previous == DIST_SETTLED || owners.previous == DIST_OWNER_GONE)
			choice->owner = owners.current;
		verdict = DIST_TX_PREVIOUS;
	}
	choice->position = position_of(vip, choice->owner);
	if (!choice->position)
		return DIST_DROP_NO_AMPHORA;

	struct dist_flow entry = {
		.last_seen = now,
		.owner = choice->owner,
		.generation = generation_of(choice->position),
		.flags = packet->ends ? DIST_FLOW_CLOSING : 0,
	};
	if (bpf_map_update_elem(&flows, &packet->flow_key, &entry, BPF_ANY))
		return DIST_DROP_FLOW_TABLE_FULL;
chosen:
	if (choice->owner != owners.current)
		keep_unsettled(slot, now);
	return verdict;
}

#endif
