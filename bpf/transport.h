/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Transport headers: which flow a packet belongs to and whether it opens or closes it.
 * Each returns the verdict that ends the packet, or DIST_VERDICTS to go on.
 */
#ifndef DISTRIBUTOR_TRANSPORT_H
#define DISTRIBUTOR_TRANSPORT_H

#include <linux/tcp.h>
#include <linux/udp.h>
#include "parse.h"

#define GO_ON DIST_VERDICTS

/* ICMP (RFC 792) and ICMPv6 (RFC 4443): <linux/icmp.h> would pull in libc. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 identifier;
	__be16 sequence;
};

#define ICMP_DESTINATION_UNREACHABLE 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_INFORMATIONAL 128 /* types below are errors */
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ROUTER_SOLICITATION 133
#define ICMPV6_NDP_REDIRECT 137

/* The header, if both the frame and the IP header's length field have room for it. */
#define take_transport(cursor, packet, type)                                                       \
	((packet)->payload_length < sizeof(type) ? NULL : take(cursor, type))

static __always_inline enum dist_verdict parse_tcp(struct cursor *cursor, struct packet *packet)
{
	struct tcphdr *tcp = take_transport(cursor, packet, struct tcphdr);

	if (!tcp)
		return DIST_DROP_TRUNCATED;
	packet->flow_key.source_port = tcp->source;
	packet->flow_key.destination_port = tcp->dest;
	packet->marked = true;
	packet->has_ports = true;
	packet->ends = tcp->fin || tcp->rst;
	packet->starts = tcp->syn && !tcp->ack && !tcp->rst;
	return GO_ON;
}

static __always_inline enum dist_verdict parse_udp(struct cursor *cursor, struct packet *packet)
{
	struct udphdr *udp = take_transport(cursor, packet, struct udphdr);

	if (!udp)
		return DIST_DROP_TRUNCATED;
	packet->flow_key.source_port = udp->source;
	packet->flow_key.destination_port = udp->dest;
	packet->has_ports = true;
	return GO_ON;
}

static __always_inline enum dist_verdict parse_icmp(struct cursor *cursor, struct packet *packet)
{
	struct icmp_header *icmp = take_transport(cursor, packet, struct icmp_header);

	if (!icmp)
		return DIST_DROP_TRUNCATED;
	if (icmp->type == ICMP_DESTINATION_UNREACHABLE || icmp->type == ICMP_SOURCE_QUENCH ||
	    icmp->type == ICMP_REDIRECT || icmp->type == ICMP_TIME_EXCEEDED ||
	    icmp->type == ICMP_PARAMETER_PROBLEM)
		return DIST_DROP_ICMP_ERROR;
	if (icmp->type == ICMP_ECHO_REQUEST)
		packet->flow_key.source_port = icmp->identifier;
	return GO_ON;
}

static __always_inline enum dist_verdict parse_icmpv6(struct cursor *cursor, struct packet *packet)
{
	struct icmp_header *icmp = take_transport(cursor, packet, struct icmp_header);

	if (!icmp)
		return DIST_DROP_TRUNCATED;
	if (icmp->type < ICMPV6_INFORMATIONAL)
		return DIST_DROP_ICMP_ERROR;
	/* Link-local business between stations; what asks for the VIP was answered before. */
	if (icmp->type >= ICMPV6_ROUTER_SOLICITATION && icmp->type <= ICMPV6_NDP_REDIRECT)
		return DIST_PASS_NOT_REQUEST;
	if (icmp->type == ICMPV6_ECHO_REQUEST)
		packet->flow_key.source_port = icmp->identifier;
	return GO_ON;
}

/* A protocol not named here is a flow of its two addresses. */
static __always_inline enum dist_verdict parse_transport(struct cursor *cursor,
							 struct packet *packet)
{
	bool ipv6 = packet->ether_type == bpf_htons(ETH_P_IPV6);
	__u8 protocol = packet->flow_key.protocol;

	if (protocol == IPPROTO_TCP)
		return parse_tcp(cursor, packet);
	if (protocol == IPPROTO_UDP)
		return parse_udp(cursor, packet);
	if (protocol == IPPROTO_ICMP && !ipv6)
		return parse_icmp(cursor, packet);
	if (protocol == IPPROTO_ICMPV6 && ipv6)
		return parse_icmpv6(cursor, packet);
	return GO_ON;
}

#endif
