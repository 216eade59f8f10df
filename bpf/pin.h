/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Pinning: which amphora a packet in an unsettled slot belongs to. docs/pinning.md has
 * the reasoning and the worked cases; the daemon's half is native/src/slot-table.cc.
 *
 * A flow's first packet leaves an opening, which strangers may overwrite; the packet that
 * confirms it moves it to the flow table, from which nobody can evict it.
 */
#ifndef DISTRIBUTOR_PIN_H
#define DISTRIBUTOR_PIN_H

#include "fragment.h"
#include "hash.h"
#include "maps.h"
#include "parse.h"

struct choice {
	dist_position position;
	__u16 owner; /* position + 1, or DIST_OWNER_NONE */
	bool new_flow;
	__u8 reserved[5];
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

static __always_inline bool choose(struct choice *choice, const struct dist_vip *vip, __u16 owner)
{
	choice->owner = owner;
	choice->position = position_of(vip, owner);
	return choice->position;
}

/*
 * Where the choice came from: an amphora that does not have the VIP sends packets back,
 * which would circle until the TTL ends them.
 */
static __always_inline bool is_loop(const struct packet *packet, const struct choice *choice)
{
	return (choice->position & DIST_POSITION_MAC_MASK) == packet->source_mac;
}

static __always_inline dist_pin make_pin(const struct choice *choice, __u32 now, bool closing)
{
	__u64 generation = choice->position >> DIST_POSITION_GENERATION_SHIFT;

	return now | (__u64)choice->owner << DIST_PIN_OWNER_SHIFT |
	       generation << DIST_PIN_GENERATION_SHIFT | (closing ? DIST_PIN_CLOSING : 0);
}

/*
 * A pin counts while its flow is not idle and its amphora still holds the position. Its
 * age is signed: another processor may have stamped it with the second after `now`.
 */
static __always_inline bool is_live(dist_pin pin, const struct dist_vip *vip,
				    const struct packet *packet, __u32 now, dist_position position)
{
	__u32 idle = packet->marked ? vip->tcp_idle : vip->other_idle;
	__u64 generation = pin >> DIST_PIN_GENERATION_SHIFT & DIST_GENERATION_MASK;

	return position && position >> DIST_POSITION_GENERATION_SHIFT == generation &&
	       (__s32)(now - (__u32)pin) <= (__s64)idle;
}

static __always_inline bool is_learning(const struct dist_vip *vip, __u32 now)
{
	__u32 index = vip->position_base;
	volatile dist_learning *until = bpf_map_lookup_elem(&learning, &index);

	return until && (__s32)(now - (__u32)(*until)) < 0;
}

/* The slot stays unsettled for as long as packets go anywhere but to `current`. */
static __always_inline void keep_unsettled(struct dist_slot *slot, struct dist_slot owners,
					   const struct choice *choice, __u32 now)
{
	if (choice->owner != owners.current && slot->clock != now)
		*(volatile __u32 *)&slot->clock = now;
}

/* Who has the flows of an unsettled slot that are older than its openings. */
static __always_inline __u16 oldest_owner(struct dist_slot owners)
{
	bool none = owners.previous == DIST_SETTLED || owners.previous == DIST_OWNER_GONE;

	return none ? owners.current : owners.previous;
}

/* Where a flow's pin is: in its flow entry, or else in the opening that its hash leads to. */
struct record {
	struct dist_flow *flow;
	struct dist_opening *opening;
	__u64 hash; /* of the opening */
	dist_pin pin; /* 0 = the flow has none */
};

static __always_inline void find_opening(const struct packet *packet, struct record *record)
{
	__u32 index;
	dist_pin pin;

	record->flow = NULL;
	record->pin = 0;
	record->hash = dist_flow_hash(flow_secret, &packet->flow_key);
	index = record->hash & opening_mask;
	record->opening = bpf_map_lookup_elem(&openings, &index);
	if (!record->opening)
		return;
	pin = *(volatile dist_pin *)&record->opening->pin;
	if ((*(volatile __u64 *)&record->opening->tag ^ pin) == record->hash)
		record->pin = pin;
}

static __always_inline void find_record(const struct packet *packet, struct record *record)
{
	record->flow = bpf_map_lookup_elem(&flows, &packet->flow_key);
	if (record->flow)
		record->pin = *(volatile dist_pin *)&record->flow->pin;
	if (!record->flow || !record->pin)
		find_opening(packet, record);
}

/*
 * A VIP may have as many flow entries as are free: however many one takes, the others
 * find room (dynamic thresholds, as of a shared switch buffer).
 */
static __always_inline bool admit(const struct packet *packet, const struct dist_vip *vip,
				  dist_pin pin)
{
	struct dist_flow flow = { .pin = pin, .share = vip->counters };
	__u32 all = DIST_COUNTERS_NO_VIP, index = vip->counters;
	struct dist_share *total = bpf_map_lookup_elem(&shares, &all);
	struct dist_share *share = bpf_map_lookup_elem(&shares, &index);

	if (!total || !share || (__u64)total->used + share->used >= flow_capacity)
		return false;
	if (bpf_map_update_elem(&flows, &packet->flow_key, &flow, BPF_NOEXIST))
		return false;
	__sync_fetch_and_add(&total->used, 1);
	__sync_fetch_and_add(&share->used, 1);
	return true;
}

/* False if the flow should have an entry and cannot: its opening then goes on standing in. */
static __always_inline bool keep_pin(const struct packet *packet, const struct dist_vip *vip,
				     struct record *record, dist_pin pin)
{
	bool confirmed = record->pin && !packet->starts, admitted = false;

	if (record->flow) {
		/* Only the sweep writes 0, over a pin that no longer counts. */
		if (pin == record->pin ||
		    __sync_val_compare_and_swap(&record->flow->pin, record->pin, pin))
			return true;
		find_opening(packet, record);
		confirmed = false;
	}
	if (confirmed)
		admitted = admit(packet, vip, pin);
	if (admitted)
		pin = 0;
	if (record->opening && pin != record->pin) {
		*(volatile dist_pin *)&record->opening->pin = pin;
		*(volatile __u64 *)&record->opening->tag = record->hash ^ pin;
	}
	return admitted || !confirmed;
}

/*
 * `word`: both owners of the slot, as read once. A function of its own for the verifier,
 * which would otherwise follow it from every kind of packet.
 */
__noinline int pin(struct packet *packet, const struct dist_vip *vip, struct dist_slot *slot,
		   __u32 word, struct choice *choice)
{
	struct dist_slot owners = { .current = word, .previous = word >> 16 };
	enum dist_verdict verdict;
	struct record record = {};
	__u32 now = seconds_now();
	bool closing;

	if (!packet || !vip || !slot || !choice)
		return DIST_DROP_INTERNAL;
	closing = packet->ends;
	packet->flow_key.vip_id = vip->vip_id;
	find_record(packet, &record);
	if (record.pin && !(packet->starts && (record.pin & DIST_PIN_CLOSING)) &&
	    choose(choice, vip, (__u16)(record.pin >> DIST_PIN_OWNER_SHIFT)) &&
	    is_live(record.pin, vip, packet, now, choice->position)) {
		closing |= (record.pin & DIST_PIN_CLOSING) != 0;
		verdict = DIST_TX_PINNED;
	} else {
		bool new_flow = packet->starts || (!packet->marked && !is_learning(vip, now));

		if (!choose(choice, vip, new_flow ? owners.current : oldest_owner(owners)))
			return DIST_DROP_NO_AMPHORA;
		choice->new_flow = new_flow && !packet->error;
		verdict = new_flow ? DIST_TX_NEW : DIST_TX_PREVIOUS;
		if (!record.flow)
			record.pin = 0;
	}
	if (is_loop(packet, choice))
		return DIST_DROP_LOOP;
	if (packet->error)
		return DIST_TX_ICMP_ERROR;
	if (!keep_pin(packet, vip, &record, make_pin(choice, now, closing)))
		verdict = DIST_TX_UNPINNED;
	keep_unsettled(slot, owners, choice, now);
	return verdict;
}

#endif
