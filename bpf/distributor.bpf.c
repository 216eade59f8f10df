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
#include "arp-ndp.h"
#include "transport.h"
#include "select.h"
#include "forward.h"

#define FRAGMENT_OFFSET_MASK 0x1fff
#define MORE_FRAGMENTS 0x2000

static __always_inline enum dist_verdict look_up_vip(struct packet *packet,
						     const struct dist_vip **vip)
{
	*vip = bpf_map_lookup_elem(&vips, &packet->vip_key);
	if (!*vip)
		return DIST_PASS_NOT_VIP;
	if (!same_mac(packet->ethernet->h_dest, (*vip)->mac))
		return DIST_PASS_OTHER_MAC;
	return GO_ON;
}

/* Whether the frame is as long as its headers say; a jumbo frame lies in several buffers. */
static __always_inline bool has_bytes(struct xdp_md *ctx, __u32 length)
{
	return length <= ctx->data_end - ctx->data || length <= bpf_xdp_get_buff_len(ctx);
}

/* Fills in what the network header says; the cursor then stands at the transport. */
static __always_inline enum dist_verdict parse_ipv4(struct xdp_md *ctx, struct cursor *cursor,
						    struct packet *packet,
						    const struct dist_vip **vip)
{
	struct iphdr *ip = take(cursor, struct iphdr);
	enum dist_verdict verdict;
	__u32 header_length, total_length;

	if (!ip)
		return DIST_PASS_NOT_VIP;
	map_ipv4(&packet->vip_key.address, ip->daddr);
	verdict = look_up_vip(packet, vip);
	if (verdict != GO_ON)
		return verdict;

	header_length = ip->ihl * 4;
	total_length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_length < sizeof(*ip) || total_length < header_length)
		return DIST_DROP_BAD_HEADER;
	packet->network = ip;
	cursor->at = packet->network + header_length;
	if (cursor->at > cursor->end)
		return DIST_DROP_TRUNCATED;
	if (ip->ttl <= 1)
		return DIST_DROP_TTL_EXPIRED;

	packet->payload_length = total_length - header_length;
	packet->length = packet->network_offset + total_length;
	if (!has_bytes(ctx, packet->length))
		return DIST_DROP_TRUNCATED;
	packet->fragment = ip->frag_off & bpf_htons(FRAGMENT_OFFSET_MASK | MORE_FRAGMENTS);
	packet->flow_key.protocol = ip->protocol;
	map_ipv4(&packet->flow_key.source, ip->saddr);
	return GO_ON;
}

static __always_inline enum dist_verdict parse_ipv6(struct xdp_md *ctx, struct cursor *cursor,
						    struct packet *packet,
						    const struct dist_vip **vip)
{
	struct ipv6hdr *ip = take(cursor, struct ipv6hdr);
	enum dist_verdict verdict;

	if (!ip || is_ipv4_mapped(&ip->daddr))
		return DIST_PASS_NOT_VIP;
	if (find_solicited_vip(*cursor, packet, ip, vip)) {
		if (!is_group_mac(packet->ethernet->h_dest) &&
		    !same_mac(packet->ethernet->h_dest, (*vip)->mac))
			return DIST_PASS_OTHER_MAC;
		if (is_group_mac(packet->ethernet->h_source) || is_multicast(&ip->saddr))
			return DIST_DROP_BAD_HEADER;
		if (!has_bytes(ctx,
			       packet->network_offset + sizeof(*ip) + bpf_ntohs(ip->payload_len)))
			return DIST_DROP_TRUNCATED;
		return answer_solicitation(ctx, packet, *vip);
	}
	__builtin_memcpy(&packet->vip_key.address, &ip->daddr, sizeof(ip->daddr));
	verdict = look_up_vip(packet, vip);
	if (verdict != GO_ON)
		return verdict;

	if (ip->version != 6 || is_ipv4_mapped(&ip->saddr) || is_multicast(&ip->saddr))
		return DIST_DROP_BAD_HEADER;
	if (ip->hop_limit <= 1)
		return DIST_DROP_TTL_EXPIRED;

	packet->network = ip;
	packet->payload_length = bpf_ntohs(ip->payload_len);
	packet->length = packet->network_offset + sizeof(*ip) + packet->payload_length;
	if (!has_bytes(ctx, packet->length))
		return DIST_DROP_TRUNCATED;
	packet->fragment = ip->nexthdr == IPPROTO_FRAGMENT;
	packet->flow_key.protocol = ip->nexthdr;
	__builtin_memcpy(&packet->flow_key.source, &ip->saddr, sizeof(ip->saddr));
	return GO_ON;
}

static __always_inline enum dist_verdict distribute(struct xdp_md *ctx, struct packet *packet,
						    const struct dist_vip **vip)
{
	struct cursor cursor = {
		.at = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
	};
	struct choice choice = {};
	enum dist_verdict verdict;

	if (!parse_ethernet(&cursor, packet))
		return DIST_PASS_NOT_VIP;
	if (packet->ether_type == bpf_htons(ETH_P_ARP))
		return handle_arp(&cursor, packet, vip);
	if (packet->ether_type == bpf_htons(ETH_P_IP))
		verdict = parse_ipv4(ctx, &cursor, packet, vip);
	else if (packet->ether_type == bpf_htons(ETH_P_IPV6))
		verdict = parse_ipv6(ctx, &cursor, packet, vip);
	else
		return DIST_PASS_NOT_VIP;
	if (verdict != GO_ON)
		return verdict;

	if (!packet->fragment) {
		verdict = parse_transport(&cursor, packet);
		if (verdict != GO_ON)
			return verdict;
	}
	verdict = select_amphora(packet, *vip, &choice);
	if (verdict <= DIST_TX_PREVIOUS)
		forward(packet, *vip, &choice);
	return verdict;
}

SEC("xdp.frags")
int distributor(struct xdp_md *ctx)
{
	struct packet packet = { .vip_key.ifindex = ctx->ingress_ifindex };
	const struct dist_vip *vip = NULL;
	enum dist_verdict verdict = distribute(ctx, &packet, &vip);

	return finish(&packet, vip, verdict);
}

char _license[] SEC("license") = "Dual BSD/GPL";
