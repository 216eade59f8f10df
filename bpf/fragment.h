/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The ports of later fragments: the first fragment of a datagram leaves them behind. Only
 * where ports decide: on a settled slot with affinity by source IP nothing is kept.
 */
#ifndef DISTRIBUTOR_FRAGMENT_H
#define DISTRIBUTOR_FRAGMENT_H

#include "maps.h"
#include "network.h"
#include "transport.h"

static __always_inline void fragment_key_of(const struct packet *packet, const struct dist_vip *vip,
					    struct dist_fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->source = packet->flow_key.source;
	key->vip_id = vip->vip_id;
	key->identification = packet->identification;
	if (packet->ether_type == bpf_htons(ETH_P_IP))
		key->protocol = packet->flow_key.protocol;
}

__noinline int remember_ports(const struct packet *packet, const struct dist_vip *vip)
{
	struct dist_fragment fragment = { .seen = seconds_now() };
	struct dist_fragment_key key;

	if (!packet || !vip)
		return 0;
	fragment.source_port = packet->flow_key.source_port;
	fragment.destination_port = packet->flow_key.destination_port;
	fragment.protocol = packet->flow_key.protocol;
	fragment_key_of(packet, vip, &key);
	bpf_map_update_elem(&fragments, &key, &fragment, BPF_ANY);
	return 0;
}

/* False if the packet is no later fragment, or its first one has not been seen. */
__noinline int recall_ports(struct packet *packet, const struct dist_vip *vip)
{
	struct dist_fragment_key key;
	struct dist_fragment *fragment;

	if (!packet || !vip || packet->part != LATER_FRAGMENT || packet->error)
		return false;
	fragment_key_of(packet, vip, &key);
	fragment = bpf_map_lookup_elem(&fragments, &key);
	if (!fragment || (__s32)(seconds_now() - fragment->seen) > DIST_FRAGMENT_LIFETIME)
		return false;
	packet->flow_key.source_port = fragment->source_port;
	packet->flow_key.destination_port = fragment->destination_port;
	packet->flow_key.protocol = fragment->protocol;
	packet->ports_missing = false;
	note_protocol(packet);
	return true;
}

/* Whether there may be ports in the part that is missing. */
static __always_inline bool may_have_ports(const struct packet *packet)
{
	return packet->has_ports || (packet->ether_type == bpf_htons(ETH_P_IPV6) &&
				     is_extension(packet->flow_key.protocol));
}

/* Why a packet ends whose ports are missing and needed. */
static __always_inline enum dist_verdict ports_unknown(const struct packet *packet)
{
	if (packet->error)
		return DIST_DROP_ICMP_ERROR;
	return packet->part == LATER_FRAGMENT ? DIST_DROP_FRAGMENT : DIST_DROP_TINY_FRAGMENT;
}

#endif
