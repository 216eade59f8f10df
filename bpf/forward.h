/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The frame leaves by the port it came in on: new MACs, all else as it was. */
#ifndef DISTRIBUTOR_FORWARD_H
#define DISTRIBUTOR_FORWARD_H

#include "maps.h"
#include "parse.h"
#include "pin.h"

/* RFC 1624: the TTL is the high octet of its 16-bit word. */
static __always_inline void decrement_ttl(struct iphdr *ip)
{
	__u32 check = ip->check + bpf_htons(0x0100);

	ip->check = check + (check >= 0xffff);
	ip->ttl--;
}

static __always_inline void count_position(const struct packet *packet, const struct dist_vip *vip,
					   const struct choice *choice)
{
	__u32 index = vip->position_base + choice->owner - 1;
	struct dist_position_counters *counters = bpf_map_lookup_elem(&position_counters, &index);

	if (!counters)
		return;
	counters->packets++;
	counters->bytes += packet->length;
	counters->new_flows += choice->new_flow;
}

/*
 * A link that reflects frames, or an amphora that does not have the VIP and sends them
 * back, would have them circle until the TTL ends them.
 */
static __always_inline bool is_loop(const struct headers *headers, const struct dist_vip *vip,
				    const struct choice *choice)
{
	const __u8 *source = headers->ethernet->h_source;

	return same_mac(source, (const __u8 *)&choice->position) || same_mac(source, vip->mac);
}

/* Returns `verdict`, which sent the packet here, unless it goes nowhere. */
static __always_inline enum dist_verdict
forward(const struct packet *packet, const struct headers *headers, const struct dist_vip *vip,
	const struct choice *choice, enum dist_verdict verdict)
{
	if (is_loop(headers, vip, choice))
		return DIST_DROP_LOOP;
	if (packet->ether_type == bpf_htons(ETH_P_IP))
		decrement_ttl(headers->network);
	else
		((struct ipv6hdr *)headers->network)->hop_limit--;
	__builtin_memcpy(headers->ethernet->h_dest, &choice->position, ETH_ALEN);
	__builtin_memcpy(headers->ethernet->h_source, vip->mac, ETH_ALEN);
	count_position(packet, vip, choice);
	return verdict;
}

#endif
