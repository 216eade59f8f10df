/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Pinning: which amphora a packet in an unsettled slot belongs to. docs/pinning.md has
 * the reasoning and the worked cases; the daemon's half is native/src/slot-table.cc.
 */
#ifndef DISTRIBUTOR_PIN_H
#define DISTRIBUTOR_PIN_H

#include "fragment.h"
#include "maps.h"
#include "parse.h"
#include "record.h"

struct choice {
	dist_position position;
	__u16 owner; /* position + 1, or DIST_OWNER_NONE */
	bool new_flow;
	bool opening; /* nothing but an opening, if that, tells of the flow */
	__u8 reserved[4];
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

/* Whether an entry or opening that is not found may still be in another program's maps. */
static __always_inline bool is_carrying(void)
{
	__u32 index = 0;
	const volatile struct dist_header *element = bpf_map_lookup_elem(&header, &index);

	return element && element->carrying;
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

static __always_inline bool choose_live(struct choice *choice, const struct dist_vip *vip,
					const struct packet *packet, dist_pin pin, __u32 now)
{
	return pin && choose(choice, vip, (__u16)(pin >> DIST_PIN_OWNER_SHIFT)) &&
	       is_live(pin, vip, packet, now, choice->position);
}

/* What the choice follows from, and what is then to be written; of the first two it is made. */
enum source {
	FROM_ENTRY, /* refreshed */
	FROM_OPENING, /* confirmed, or of a start again: refreshed */
	FROM_TABLE, /* an opening is left, or the entry that no longer counts is used again */
	FROM_TABLE_BESIDE, /* nothing: the opening there is another connection's */
};

static __always_inline enum source choose_source(const struct packet *packet,
						 const struct dist_vip *vip, struct record *record,
						 struct choice *choice, __u32 now)
{
	bool live, opened;

	find_entry(record);
	live = choose_live(choice, vip, packet, record->entry, now);
	if (live && !(record->entry & DIST_PIN_CLOSING))
		return FROM_ENTRY;
	find_opening(record);
	opened = choose_live(choice, vip, packet, record->opened, now);
	record->is_used = live;
	if (opened &&
	    (packet->starts ? !(record->opened & DIST_PIN_CLOSING) : follows(packet, record->mark)))
		return FROM_OPENING;
	if (live && !packet->starts) {
		choose(choice, vip, (__u16)(record->entry >> DIST_PIN_OWNER_SHIFT));
		return FROM_ENTRY;
	}
	return opened && !packet->starts ? FROM_TABLE_BESIDE : FROM_TABLE;
}

/*
 * `word`: both owners of the slot, as read once. A function of its own for the verifier,
 * which would otherwise follow it from every kind of packet.
 */
__noinline int pin(struct packet *packet, const struct dist_vip *vip, struct dist_slot *slot,
		   __u32 word, struct choice *choice)
{
	struct dist_slot owners = { .current = word, .previous = word >> 16 };
	enum dist_verdict verdict = DIST_TX_PINNED;
	struct record record = {};
	__u32 now = seconds_now();
	enum source source;
	dist_pin known = 0, next;

	if (!packet || !vip || !slot || !choice)
		return DIST_DROP_INTERNAL;
	record.key = packet->flow_key;
	record.key.vip_id = vip->vip_id;
	source = choose_source(packet, vip, &record, choice, now);
	if (source == FROM_ENTRY || source == FROM_OPENING) {
		known = source == FROM_ENTRY ? record.entry : record.opened;
	} else {
		bool new_flow = packet->starts || (!packet->marked && !is_learning(vip, now));

		if (!new_flow && is_carrying())
			return DIST_DROP_CARRY_OVER;
		choose(choice, vip, new_flow ? owners.current : oldest_owner(owners));
		choice->new_flow = new_flow && !packet->error;
		verdict = new_flow ? DIST_TX_NEW : DIST_TX_PREVIOUS;
	}
	if (!choice->position)
		return DIST_DROP_NO_AMPHORA;
	if (is_loop(packet, choice))
		return DIST_DROP_LOOP;
	if (packet->error)
		return DIST_TX_ICMP_ERROR;

	next = make_pin(choice, now, packet->ends || (known & DIST_PIN_CLOSING));
	if (source == FROM_ENTRY) {
		refresh_entry(packet, &record, next);
	} else if (source == FROM_OPENING && !packet->starts) {
		if (!confirm(packet, vip, &record, next))
			verdict = DIST_TX_UNPINNED;
	} else if (source != FROM_TABLE || !reuse_entry(packet, &record, next)) {
		choice->opening = true;
		if (source != FROM_TABLE_BESIDE)
			write_opening(&record, next, mark_of(packet));
	}
	keep_unsettled(slot, owners, choice, now);
	return verdict;
}

#endif
