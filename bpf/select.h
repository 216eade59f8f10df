/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a parsed packet to the amphora that gets it. */
#ifndef DISTRIBUTOR_SELECT_H
#define DISTRIBUTOR_SELECT_H

#include "fragment.h"
#include "hash.h"
#include "pin.h"

/*
 * A later fragment in an unsettled slot whose first one left nothing: that one passed
 * before the change, when nothing needed to be kept, and went to the owner of then.
 */
static __always_inline enum dist_verdict
select_fragment_in_flight(const struct packet *packet, const struct dist_vip *vip,
			  struct dist_slot *slot, struct dist_slot owners, struct choice *choice)
{
	__u32 now = seconds_now();

	if (packet->part != LATER_FRAGMENT || packet->error || !is_learning(vip, now))
		return ports_unknown(packet);
	if (!choose(choice, vip, oldest_owner(owners)))
		return DIST_DROP_NO_AMPHORA;
	if (is_loop(packet, choice))
		return DIST_DROP_LOOP;
	choice->opening = true;
	keep_unsettled(slot, owners, choice, now);
	return DIST_TX_PREVIOUS;
}

/* Who owns the slot if it is settled and that is all there is to know; or DIST_OWNER_NONE. */
static __always_inline __u16 settled_owner(const struct dist_vip *vip, __u32 slot)
{
	__u32 index = slot / DIST_SETTLED_SLOTS;
	volatile struct dist_settled *element;

	if (vip->tracking == DIST_TRACKING_FULL)
		return DIST_OWNER_NONE;
	element = bpf_map_lookup_elem(&settled, &index);
	return element ? element->owner[slot % DIST_SETTLED_SLOTS] : DIST_OWNER_NONE;
}

/* The first fragment of a datagram tells the ports of the others. */
static __always_inline bool has_ports_to_remember(const struct packet *packet)
{
	return packet->part == FIRST_FRAGMENT && !packet->error && !packet->ports_missing;
}

/* Nothing but the owner counts. */
static __always_inline enum dist_verdict select_owner(const struct packet *packet,
						      const struct dist_vip *vip, __u16 owner,
						      struct choice *choice)
{
	if (has_ports_to_remember(packet) && packet->has_ports &&
	    vip->affinity == DIST_AFFINITY_SOURCE_IP_AND_PORT)
		remember_ports(packet, vip);
	choice->new_flow = packet->starts;
	if (!choose(choice, vip, owner))
		return DIST_DROP_NO_AMPHORA;
	if (is_loop(packet, choice))
		return DIST_DROP_LOOP;
	return packet->error ? DIST_TX_ICMP_ERROR : DIST_TX_SETTLED;
}

/* From the slot itself, which may be settled or not. */
static __always_inline enum dist_verdict select_by_slot(struct packet *packet,
							const struct dist_vip *vip, __u32 index,
							struct choice *choice)
{
	struct dist_slot *slot = bpf_map_lookup_elem(&slots, &index), owners;
	__u32 word;

	if (!slot)
		return DIST_DROP_INTERNAL;
	word = *(volatile __u32 *)slot; /* both owners in one load */
	owners.current = word;
	owners.previous = word >> 16;
	if (vip->tracking == DIST_TRACKING_STATELESS ||
	    (owners.previous == DIST_SETTLED && vip->tracking == DIST_TRACKING_ADAPTIVE))
		return select_owner(packet, vip, owners.current, choice);
	if (packet->ports_missing && !recall_ports(packet, vip))
		return select_fragment_in_flight(packet, vip, slot, owners, choice);
	if (has_ports_to_remember(packet))
		remember_ports(packet, vip);
	return pin(packet, vip, slot, word, choice);
}

static __always_inline enum dist_verdict
select_amphora(struct packet *packet, const struct dist_vip *vip, struct choice *choice)
{
	bool by_port = vip->affinity == DIST_AFFINITY_SOURCE_IP_AND_PORT;
	__u16 source_port = 0, owner;
	__u32 index;

	/* Before the slot: later IPv6 fragments may name another protocol than the first. */
	if (packet->ports_missing && by_port && !recall_ports(packet, vip) &&
	    may_have_ports(packet))
		return ports_unknown(packet);
	if (by_port && packet->has_ports)
		source_port = packet->flow_key.source_port;
	index = vip->slot_base +
		(dist_slot_hash(vip->hash_seed,
				dist_client_hash(&packet->flow_key.source, source_port)) >>
		 vip->slot_shift);
	owner = settled_owner(vip, index);
	return owner == DIST_OWNER_NONE ? select_by_slot(packet, vip, index, choice)
					: select_owner(packet, vip, owner, choice);
}

#endif
