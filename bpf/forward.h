/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The frame leaves by the port it came in on: new MACs, one hop less, all else as it was. */
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
	if (choice->new_flow)
		counters->new_flows++;
	if (choice->opening)
		counters->openings++;
}

static __always_inline void forward(const struct packet *packet, const struct headers *headers,
				    const struct dist_vip *vip, const struct choice *choice)
{
	if (packet->ether_type == bpf_htons(ETH_P_IP))
		decrement_ttl(headers->network);
	else
		((struct ipv6hdr *)headers->network)->hop_limit--;
	write_macs(headers->ethernet, choice->position, vip_mac(vip));
	count_position(packet, vip, choice);
}

#endif
