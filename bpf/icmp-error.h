/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors (RFC 792, RFC 4443): the flow that counts is that of the packet inside, of
 * which no more than 8 bytes behind its IP header need be there. It went from the VIP to
 * the client, so its addresses and ports stand the other way round.
 */
#ifndef DISTRIBUTOR_ICMP_ERROR_H
#define DISTRIBUTOR_ICMP_ERROR_H

#include "network.h"
#include "parse.h"

/* <linux/icmp.h> would pull in libc. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 identifier;
	__be16 sequence;
};

#define ICMP_ECHO_REPLY 0
#define ICMP_DESTINATION_UNREACHABLE 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_INFORMATIONAL 128 /* types below are errors */
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129
#define ICMPV6_ROUTER_SOLICITATION 133
#define ICMPV6_NDP_REDIRECT 137

struct ports {
	__be16 source;
	__be16 destination;
};

static __always_inline bool is_icmp_error(__u8 type)
{
	return type == ICMP_DESTINATION_UNREACHABLE || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_REDIRECT || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER_PROBLEM;
}

static __always_inline bool is_icmpv6_error(__u8 type)
{
	return type < ICMPV6_INFORMATIONAL;
}

/* packet->offset is behind the embedded network header. */
static __always_inline enum dist_verdict load_embedded_transport(struct xdp_md *ctx,
								 struct packet *packet)
{
	bool ipv6 = packet->ether_type == bpf_htons(ETH_P_IPV6);
	__u8 protocol = packet->flow_key.protocol;
	struct icmp_header icmp;
	struct ports ports;

	if (packet->part == LATER_FRAGMENT)
		return GO_ON;
	if (marks_starts(protocol) || protocol == IPPROTO_UDP) {
		if (!load(ctx, packet, &ports))
			return DIST_DROP_TRUNCATED;
		packet->flow_key.source_port = ports.destination;
		packet->flow_key.destination_port = ports.source;
	} else if (protocol == (ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		if (!load(ctx, packet, &icmp))
			return DIST_DROP_TRUNCATED;
		if (ipv6 ? is_icmpv6_error(icmp.type) : is_icmp_error(icmp.type))
			return DIST_DROP_ICMP_ERROR;
		if (icmp.type == (ipv6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY))
			packet->flow_key.source_port = icmp.identifier;
	}
	return GO_ON;
}

static __always_inline enum dist_verdict load_embedded_ipv4(struct xdp_md *ctx,
							    struct packet *packet)
{
	struct iphdr ip;

	if (!load(ctx, packet, &ip))
		return DIST_DROP_TRUNCATED;
	if (ip.version != 4 || ip.ihl * 4 < sizeof(ip) ||
	    __builtin_memcmp(&ip.saddr, packet->vip_key.address.byte + 12, sizeof(ip.saddr)))
		return DIST_DROP_ICMP_ERROR;
	packet->error = true;
	packet->flow_key.protocol = ip.protocol;
	map_ipv4(&packet->flow_key.source, ip.daddr);
	if (note_ipv4_fragment(&ip, packet) != GO_ON)
		return DIST_DROP_ICMP_ERROR;
	return skip(packet, ip.ihl * 4 - sizeof(ip)) ? GO_ON : DIST_DROP_TRUNCATED;
}

static __always_inline enum dist_verdict load_embedded_ipv6(struct xdp_md *ctx,
							    struct packet *packet)
{
	enum dist_verdict verdict;
	struct ipv6hdr ip;

	if (!load(ctx, packet, &ip))
		return DIST_DROP_TRUNCATED;
	if (ip.version != 6 || !same_address(&ip.saddr, (void *)&packet->vip_key.address) ||
	    is_ipv4_mapped(&ip.daddr))
		return DIST_DROP_ICMP_ERROR;
	packet->error = true;
	packet->flow_key.protocol = ip.nexthdr;
	__builtin_memcpy(&packet->flow_key.source, &ip.daddr, sizeof(ip.daddr));
	verdict = walk_extensions(ctx, packet);
	if (verdict == GO_ON || verdict == DIST_DROP_TRUNCATED)
		return verdict;
	return DIST_DROP_ICMP_ERROR;
}

/* packet->offset is behind the error's own header. */
__noinline int parse_icmp_error(struct xdp_md *ctx, struct packet *packet)
{
	enum dist_verdict verdict;

	if (!packet)
		return DIST_DROP_INTERNAL;
	if (packet->part != WHOLE)
		return DIST_DROP_ICMP_ERROR;
	verdict = packet->ether_type == bpf_htons(ETH_P_IP) ? load_embedded_ipv4(ctx, packet)
							    : load_embedded_ipv6(ctx, packet);
	return verdict == GO_ON ? load_embedded_transport(ctx, packet) : verdict;
}

#endif
