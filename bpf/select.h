/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a parsed packet to the amphora that gets it. */
#ifndef DISTRIBUTOR_SELECT_H
#define DISTRIBUTOR_SELECT_H

#include "hash.h"
#include "pin.h"
#include "transport.h"

static __always_inline enum dist_verdict
select_amphora(struct packet *packet, const struct dist_vip *vip, struct choice *choice)
{
	bool by_port = vip->affinity == DIST_AFFINITY_SOURCE_IP_AND_PORT;
	struct dist_slot *slot, owners;
	bool settled;
	__u16 source_port = 0;
	__u32 index, word;

	if (by_port && packet->has_ports)
		source_port = packet->flow_key.source_port;
	index = vip->slot_base +
		(dist_slot_hash(vip->hash_seed, &packet->flow_key.source, source_port) >>
		 vip->slot_shift);
	slot = bpf_map_lookup_elem(&slots, &index);
	if (!slot)
		return DIST_DROP_INTERNAL;

	word = *(volatile __u32 *)slot; /* both owners in one load */
	owners.current = word;
	owners.previous = word >> 16;
	settled = vip->tracking == DIST_TRACKING_STATELESS ||
		  (owners.previous == DIST_SETTLED && vip->tracking == DIST_TRACKING_ADAPTIVE);
	if (packet->fragment && (by_port || !settled))
		return DIST_DROP_FRAGMENT;
	if (!settled)
		return pin(packet, vip, slot, owners, choice);

	choice->owner = owners.current;
	choice->new_flow = packet->starts;
	choice->position = position_of(vip, choice->owner);
	return choice->position ? DIST_TX_SETTLED : DIST_DROP_NO_AMPHORA;
}

#endif
