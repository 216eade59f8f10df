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
#include "opening.h"
#include "parse.h"

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

/*
 * What is known of a flow. With the key, for older verifiers (Linux 6.1) take none that lies in
 * what a function of its own was given: it has to be on that function's stack.
 */
struct record {
	struct dist_flow_key key __attribute__((aligned(8)));
	struct dist_flow *flow;
	struct dist_opening *opening; /* its own, or what it may overwrite */
	__u64 hash; /* of the opening, without mark */
	dist_pin entry; /* of the flow's entry; 0 = it has none */
	dist_pin opened; /* of its opening; 0 = it has none */
	__u16 mark; /* of the opening */
	bool is_used; /* the entry is that of a connection which may not be over */
};

static __always_inline void find_entry(struct record *record)
{
	record->flow = bpf_map_lookup_elem(&flows, &record->key);
	if (record->flow)
		record->entry = *(volatile dist_pin *)&record->flow->pin;
	if (!record->entry) /* the sweep is about to remove it */
		record->flow = NULL;
}

static __always_inline void find_opening(struct record *record)
{
	__u64 hash = dist_flow_hash(flow_secret, &record->key);
	dist_pin oldest = 0;

	record->hash = hash & ~DIST_MARK_MASK;
	for (__u32 place = 0; place < DIST_OPENING_PLACES; place++) {
		__u32 index = dist_opening_index(hash, opening_mask, place);
		struct dist_opening *opening = bpf_map_lookup_elem(&openings, &index);
		dist_pin pin;
		__u64 tag;

		if (!opening)
			return;
		pin = *(volatile dist_pin *)&opening->pin;
		tag = *(volatile __u64 *)&opening->tag;
		if (dist_opening_is_of(tag, pin, hash)) {
			record->opening = opening;
			record->opened = pin;
			record->mark = (tag ^ pin) & DIST_MARK_MASK;
			return;
		}
		if (!record->opening || dist_opening_is_older(pin, oldest)) {
			record->opening = opening;
			oldest = pin;
		}
	}
}

static __always_inline void write_opening(const struct record *record, dist_pin pin, __u16 mark)
{
	if (!record->opening)
		return;
	*(volatile dist_pin *)&record->opening->pin = pin;
	*(volatile __u64 *)&record->opening->tag = (record->hash | mark) ^ pin;
}

static __always_inline __u16 mark_of(const struct packet *packet)
{
	if (!packet->starts)
		return packet->acknowledgement & DIST_MARK_ACKNOWLEDGED;
	if (packet->flow_key.protocol != IPPROTO_TCP)
		return 0;
	return DIST_MARK_SYN | packet->sequence >> DIST_MARK_SEQUENCE_SHIFT;
}

/*
 * Whether the packet goes on with what left the mark. A stranger's SYN does not have the
 * sequence numbers of the connection that it would move.
 */
static __always_inline bool follows(const struct packet *packet, __u16 mark)
{
	__u32 since = (packet->sequence >> DIST_MARK_SEQUENCE_SHIFT) - mark;

	return !(mark & DIST_MARK_SYN) || packet->error || (since & (DIST_MARK_SYN - 1)) <= 1;
}

/*
 * What an entry has in `acknowledged` after the packet. The amphora's FIN takes exactly one
 * sequence number: a client that closes, and acknowledges one more than before, has seen it.
 * `before`: what was there, of which `known` are the bits of the number that count.
 */
static __always_inline __u32 acknowledge(const struct packet *packet, __u32 before, __u32 known,
					 dist_pin pin)
{
	__u32 number = packet->acknowledgement & DIST_FLOW_ACKNOWLEDGED;

	/* A start acknowledges nothing, and a later fragment has no header. */
	if (packet->starts || packet->part == LATER_FRAGMENT)
		return before;
	if (packet->ends_both)
		return before | DIST_FLOW_OVER;
	if (((number - before) & known) != 1)
		return number;
	return ((number - 1) & DIST_FLOW_ACKNOWLEDGED) |
	       (pin & DIST_PIN_CLOSING ? DIST_FLOW_OVER : 0);
}

/* The same after the packet that confirms the opening with this mark. */
static __always_inline __u32 acknowledge_since(const struct packet *packet, __u16 mark,
					       dist_pin pin)
{
	return mark & DIST_MARK_SYN ? acknowledge(packet, 0, 0, pin)
				    : acknowledge(packet, mark, DIST_MARK_ACKNOWLEDGED, pin);
}

static __always_inline void write_acknowledged(struct dist_flow *flow, __u32 acknowledged)
{
	if (*(volatile __u32 *)&flow->acknowledged != acknowledged)
		*(volatile __u32 *)&flow->acknowledged = acknowledged;
}

static __always_inline void refresh_entry(const struct packet *packet, const struct record *record,
					  dist_pin pin)
{
	__u32 before = *(volatile __u32 *)&record->flow->acknowledged;

	if (pin != record->entry)
		__sync_val_compare_and_swap(&record->flow->pin, record->entry, pin);
	write_acknowledged(record->flow, acknowledge(packet, before, DIST_FLOW_ACKNOWLEDGED, pin));
}

/*
 * A VIP may have as many flow entries as are free: however many one takes, the others
 * find room (dynamic thresholds, as of a shared switch buffer).
 */
static __always_inline bool admit(const struct record *record, const struct dist_flow *flow)
{
	__u32 all = DIST_COUNTERS_NO_VIP, index = flow->share;
	struct dist_share *total = bpf_map_lookup_elem(&shares, &all);
	struct dist_share *share = bpf_map_lookup_elem(&shares, &index);

	if (!total || !share || (__u64)total->used + share->used >= flow_capacity)
		return false;
	if (bpf_map_update_elem(&flows, &record->key, flow, BPF_NOEXIST))
		return false;
	__sync_fetch_and_add(&total->used, 1);
	__sync_fetch_and_add(&share->used, 1);
	return true;
}

/*
 * The entry of a connection before, closing or idle, becomes another one's. False if it has
 * just been taken: by the sweep, or anew.
 */
static __always_inline bool take_entry(const struct record *record, const struct dist_flow *flow)
{
	if (__sync_val_compare_and_swap(&record->flow->pin, record->entry, flow->pin) !=
	    record->entry)
		return false;
	write_acknowledged(record->flow, flow->acknowledged);
	return true;
}

/*
 * The packet that confirms an opening makes an entry of it. False if there is no room:
 * the opening, which needs no further proof, then goes on standing in.
 */
static __always_inline bool confirm(const struct packet *packet, const struct dist_vip *vip,
				    const struct record *record, dist_pin pin)
{
	struct dist_flow flow = {
		.pin = pin,
		.share = vip->counters,
		.acknowledged = acknowledge_since(packet, record->mark, pin),
	};
	bool done = record->flow ? take_entry(record, &flow) : admit(record, &flow);

	write_opening(record, done ? 0 : pin, flow.acknowledged & DIST_MARK_ACKNOWLEDGED);
	return done;
}

/* False if there is no such entry, or it has just been taken. */
static __always_inline bool reuse_entry(const struct packet *packet, const struct record *record,
					dist_pin pin)
{
	struct dist_flow flow = { .pin = pin, .acknowledged = acknowledge(packet, 0, 0, pin) };

	return record->flow && !record->is_used && take_entry(record, &flow);
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
