/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the data path knows of a flow. Its first packet leaves an opening, which strangers may
 * overwrite; the packet that confirms it moves it to the flow table, from which nobody can evict
 * it. docs/pinning.md has the reasoning.
 */
#ifndef DISTRIBUTOR_RECORD_H
#define DISTRIBUTOR_RECORD_H

#include "hash.h"
#include "maps.h"
#include "opening.h"
#include "parse.h"

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

#endif
