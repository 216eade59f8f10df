// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The data path of distributord: one XDP program for every port that carries a VIP.
 *
 * Ethernet and tags, then the VIP lookup: what is not for a VIP passes to the host
 * before anything else about it is judged. What is for one is answered (ARP, NDP),
 * sent on to the amphora that owns its slot or its flow, or dropped for a counted
 * reason. docs/architecture.md walks through it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "maps.h"
#include "parse.h"
#include "verdict.h"
#include "arp.h"
#include "ndp.h"
#include "network.h"
#include "transport.h"
#include "vip.h"
#include "select.h"
#include "forward.h"
#include "sweep.h"

/* How far into a frame a transport header may be; a power of two - 1. */
#define OFFSET_MAX 0x3fff

static __always_inline enum dist_verdict
look_up_vip(struct packet *packet, const struct headers *headers, const struct dist_vip **vip)
{
	*vip = recall_vip(&packet->vip_key);
	if (!*vip)
		return DIST_PASS_NOT_VIP;
	if (destination_mac(headers->ethernet) != vip_mac(*vip))
		return DIST_PASS_OTHER_MAC;
	packet->source_mac = source_mac(headers->ethernet);
	if (packet->source_mac == vip_mac(*vip)) /* reflected by the link */
		return DIST_DROP_LOOP;
	return GO_ON;
}

/* Fills in what the network header says; the cursor then stands at the transport. */
static __always_inline enum dist_verdict parse_ipv4(struct xdp_md *ctx, struct cursor *cursor,
						    struct packet *packet, struct headers *headers,
						    const struct dist_vip **vip)
{
	struct iphdr *ip = take(cursor, struct iphdr);
	enum dist_verdict verdict;
	__u32 header_length, total_length;

	if (!ip)
		return DIST_PASS_NOT_VIP;
	map_ipv4(&packet->vip_key.address, ip->daddr);
	verdict = look_up_vip(packet, headers, vip);
	if (verdict != GO_ON)
		return verdict;

	header_length = ip->ihl * 4;
	total_length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_length < sizeof(*ip) || total_length < header_length)
		return DIST_DROP_BAD_HEADER;
	headers->network = ip;
	cursor->at = headers->network + header_length;
	if (cursor->at > cursor->end)
		return DIST_DROP_TRUNCATED;
	if (ip->ttl <= 1)
		return DIST_DROP_TTL_EXPIRED;

	cursor->left = total_length - header_length;
	packet->length = packet->network_offset + total_length;
	if (!has_bytes(ctx, packet->length))
		return DIST_DROP_TRUNCATED;
	packet->flow_key.protocol = ip->protocol;
	map_ipv4(&packet->flow_key.source, ip->saddr);
	return note_ipv4_fragment(ip, packet);
}

static __always_inline enum dist_verdict parse_ipv6(struct xdp_md *ctx, struct cursor *cursor,
						    struct packet *packet, struct headers *headers,
						    const struct dist_vip **vip)
{
	struct ipv6hdr *ip = take(cursor, struct ipv6hdr);
	struct neighbour neighbour = {};
	enum dist_verdict verdict;

	if (!ip || is_ipv4_mapped(&ip->daddr))
		return DIST_PASS_NOT_VIP;
	headers->network = ip;
	/* RFC 4861: hop limit 255 proves that no router has passed it on. */
	if (ip->hop_limit == 255 && (ip->nexthdr == IPPROTO_ICMPV6 || is_extension(ip->nexthdr)) &&
	    find_neighbour(ctx, packet, &neighbour)) {
		verdict = handle_neighbour(ctx, packet, headers, &neighbour, vip);
		if (verdict != GO_ON)
			return verdict;
	}
	__builtin_memcpy(&packet->vip_key.address, &ip->daddr, sizeof(ip->daddr));
	verdict = look_up_vip(packet, headers, vip);
	if (verdict != GO_ON)
		return verdict;

	if (ip->version != 6 || is_ipv4_mapped(&ip->saddr) || is_multicast(&ip->saddr))
		return DIST_DROP_BAD_HEADER;
	if (ip->hop_limit <= 1)
		return DIST_DROP_TTL_EXPIRED;

	cursor->left = bpf_ntohs(ip->payload_len);
	packet->length = packet->network_offset + sizeof(*ip) + cursor->left;
	if (!has_bytes(ctx, packet->length))
		return DIST_DROP_TRUNCATED;
	packet->flow_key.protocol = ip->nexthdr;
	__builtin_memcpy(&packet->flow_key.source, &ip->saddr, sizeof(ip->saddr));
	if (!is_extension(ip->nexthdr))
		return GO_ON;
	packet->offset = packet->network_offset + sizeof(*ip);
	packet->left = cursor->left;
	verdict = skip_extensions(ctx, packet);
	if (verdict == GO_ON && packet->offset > OFFSET_MAX)
		return DIST_DROP_EXTENSION_HEADERS;
	cursor->at = (void *)(long)ctx->data + (packet->offset & OFFSET_MAX);
	cursor->left = packet->left;
	return verdict;
}

static __always_inline enum dist_verdict distribute(struct xdp_md *ctx, struct packet *packet,
						    const struct dist_vip **vip)
{
	struct cursor cursor = {
		.at = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.left = ~0U, /* until a network header says */
	};
	struct headers headers = {};
	struct choice choice = {};
	enum dist_verdict verdict;

	if (!parse_ethernet(ctx, &cursor, packet, &headers))
		return DIST_PASS_NOT_VIP;
	if (packet->ether_type == bpf_htons(ETH_P_ARP))
		return handle_arp(&cursor, packet, headers.ethernet, vip);
	if (packet->ether_type == bpf_htons(ETH_P_IP))
		verdict = parse_ipv4(ctx, &cursor, packet, &headers, vip);
	else if (packet->ether_type == bpf_htons(ETH_P_IPV6))
		verdict = parse_ipv6(ctx, &cursor, packet, &headers, vip);
	else
		return DIST_PASS_NOT_VIP;
	if (verdict == GO_ON && packet->part != LATER_FRAGMENT)
		verdict = parse_transport(ctx, &cursor, packet);
	if (verdict == DIST_DROP_TRUNCATED && packet->part == FIRST_FRAGMENT && !packet->error) {
		packet->ports_missing = true;
		verdict = GO_ON;
	}
	if (verdict != GO_ON)
		return verdict;
	note_protocol(packet);
	verdict = select_amphora(packet, *vip, &choice);
	if (is_in(DIST_FORWARDED, verdict))
		forward(packet, &headers, *vip, &choice);
	return verdict;
}

SEC("xdp.frags")
int distributor(struct xdp_md *ctx)
{
	struct packet packet = {};
	const struct dist_vip *vip = NULL;
	enum dist_verdict verdict = distribute(ctx, &packet, &vip);

	return finish(&packet, vip, verdict);
}

char _license[] SEC("license") = "Dual BSD/GPL";
