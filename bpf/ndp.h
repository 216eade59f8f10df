/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Neighbour discovery (RFC 4861, section 7) about a VIP: answered, or answered against. */
#ifndef DISTRIBUTOR_NDP_H
#define DISTRIBUTOR_NDP_H

#include "claim.h"
#include "maps.h"
#include "network.h"
#include "parse.h"

#define ROUTER_SOLICITATION 133
#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136
#define OPTION_SOURCE_LINK_LAYER_ADDRESS 1
#define OPTION_TARGET_LINK_LAYER_ADDRESS 2
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE 0x20

/* NDP counts in units of 8 bytes. A message that is longer is not valid here. */
#define NDP_UNITS_MAX 32

/* A solicitation and an advertisement differ in the option only. */
struct neighbour_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 flags;
	__u8 reserved[3];
	struct dist_address target;
} __attribute__((packed));

struct advertisement {
	struct neighbour_message message;
	__u8 option_type;
	__u8 option_length;
	__u8 mac[ETH_ALEN];
} __attribute__((packed));

/* Folds a ones' complement sum (RFC 1071) into 16 bits; a valid message adds up to 0xffff. */
static __always_inline __u16 fold_sum(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of the addresses, which follow each other, and the two other fields (RFC 8200, 8.1). */
static __always_inline __u64 pseudo_header_sum(const struct ipv6hdr *ip, __u32 length)
{
	const struct in6_addr *addresses[] = { &ip->saddr, &ip->daddr };
	__u64 sum = bpf_htonl(length) + (__u64)bpf_htonl(IPPROTO_ICMPV6);

	for (int i = 0; i < 2; i++)
		for (int word = 0; word < 4; word++)
			sum += addresses[i]->in6_u.u6_addr32[word];
	return sum;
}

static __always_inline bool is_unspecified(const struct in6_addr *address)
{
	return !(address->in6_u.u6_addr32[0] | address->in6_u.u6_addr32[1] |
		 address->in6_u.u6_addr32[2] | address->in6_u.u6_addr32[3]);
}

/* ff02::1:ff00:0/104 */
static __always_inline bool is_solicited_node(const struct in6_addr *address)
{
	return address->in6_u.u6_addr32[0] == bpf_htonl(0xff020000) &&
	       !address->in6_u.u6_addr32[1] && address->in6_u.u6_addr32[2] == bpf_htonl(1) &&
	       address->in6_u.u6_addr8[12] == 0xff;
}

/* What is needed of a solicitation or advertisement for a VIP. */
struct neighbour {
	__u8 mac[ETH_ALEN]; /* who asks, or who claims */
	__u8 type;
	bool probe; /* for duplicates: from the unspecified address (RFC 4862, 5.4.3) */
	bool has_option; /* the message says the MAC, not the frame alone */
	bool solicited; /* an advertisement's claim to be an answer */
	__u16 offset; /* of the message, from the IPv6 header */
	struct dist_address source;
	struct dist_address target; /* none in a router solicitation */
};

/* A unit of 8 bytes: the first one of a message, or of an option in it. */
union unit {
	struct {
		__u8 type;
		__u8 code;
		__be16 checksum;
		__u8 flags;
	} message;
	struct {
		__u8 type;
		__u8 length;
		__u8 mac[ETH_ALEN];
	} option;
	__u32 words[2];
};

/*
 * Finds an NDP message that may tell neighbours a MAC, or ask for one, behind whatever
 * extension headers; fills in type, offset and addresses. Fragments are none (RFC 6980).
 */
__noinline int find_neighbour(struct xdp_md *ctx, const struct packet *packet,
			      struct neighbour *neighbour)
{
	struct packet walk = {};
	struct ipv6hdr ip;
	union unit first;

	if (!packet || !neighbour)
		return false;
	walk.offset = packet->network_offset;
	walk.left = sizeof(ip);
	if (!load(ctx, &walk, &ip) || ip.version != 6)
		return false;
	walk.left = bpf_ntohs(ip.payload_len);
	walk.flow_key.protocol = ip.nexthdr;
	if (walk_extensions(ctx, &walk) != GO_ON || walk.part != WHOLE ||
	    walk.flow_key.protocol != IPPROTO_ICMPV6)
		return false;
	neighbour->offset = walk.offset - packet->network_offset;
	__builtin_memcpy(&neighbour->source, &ip.saddr, sizeof(ip.saddr));
	if (!load(ctx, &walk, &first))
		return false;
	neighbour->type = first.message.type;
	if (neighbour->type == ROUTER_SOLICITATION)
		return true;
	if (neighbour->type != NEIGHBOUR_SOLICITATION && neighbour->type != NEIGHBOUR_ADVERTISEMENT)
		return false;
	return load(ctx, &walk, &neighbour->target) &&
	       !is_ipv4_mapped((struct in6_addr *)&neighbour->target);
}

/* Reads the units from packet->offset on; `sum` adds up to 0xffff if none is damaged. */
static __always_inline bool read_units(struct xdp_md *ctx, struct packet *packet,
				       struct neighbour *neighbour, __u64 sum)
{
	__u8 wanted = neighbour->type == NEIGHBOUR_ADVERTISEMENT ? OPTION_TARGET_LINK_LAYER_ADDRESS
								 : OPTION_SOURCE_LINK_LAYER_ADDRESS;
	__u32 next_option = neighbour->type == ROUTER_SOLICITATION ? 1 : 3;
	__u32 units = packet->left / sizeof(union unit);
	union unit unit;

	if (packet->left % sizeof(union unit) || units > NDP_UNITS_MAX)
		return false;
	for (__u32 i = 0; i < NDP_UNITS_MAX && i < units; i++) {
		if (!load(ctx, packet, &unit))
			return false;
		sum += (__u64)unit.words[0] + unit.words[1];
		if (i == 0) {
			if (unit.message.code != 0)
				return false;
			neighbour->solicited = unit.message.flags & FLAG_SOLICITED;
		}
		if (i != next_option)
			continue;
		if (unit.option.length == 0)
			return false;
		next_option += unit.option.length;
		if (unit.option.type != wanted)
			continue;
		neighbour->has_option = true;
		__builtin_memcpy(neighbour->mac, unit.option.mac, ETH_ALEN);
	}
	return next_option == units && fold_sum(sum) == 0xffff;
}

/* Whether the message is valid (RFC 4861, 6.1.1, 7.1.1 and 7.1.2); fills in who sent it. */
__noinline int read_neighbour(struct xdp_md *ctx, struct packet *packet,
			      struct neighbour *neighbour)
{
	struct ipv6hdr ip;
	__u32 before;

	if (!packet || !neighbour)
		return false;
	packet->offset = packet->network_offset;
	packet->left = sizeof(ip);
	if (!load(ctx, packet, &ip))
		return false;
	before = neighbour->offset - sizeof(ip);
	packet->left = bpf_ntohs(ip.payload_len);
	if (!skip(packet, before))
		return false;
	neighbour->has_option = false;
	neighbour->probe = is_unspecified(&ip.saddr);
	if (!read_units(ctx, packet, neighbour, pseudo_header_sum(&ip, packet->left)))
		return false;
	if (neighbour->type == NEIGHBOUR_SOLICITATION && neighbour->probe)
		return is_solicited_node(&ip.daddr) && !neighbour->has_option;
	if (neighbour->type == NEIGHBOUR_ADVERTISEMENT && neighbour->solicited &&
	    is_multicast(&ip.daddr))
		return false;
	return !is_multicast(&ip.saddr);
}

static const __u8 all_nodes_mac[ETH_ALEN] = { 0x33, 0x33, 0, 0, 0, 1 };

/*
 * Writes an advertisement over the packet at `ip`; `to`: a neighbour's MAC, or that of all nodes.
 * Not NULL for these: older verifiers (Linux 6.1) lose track of when it is.
 */
static __always_inline void write_advertisement(struct ethhdr *ethernet, struct ipv6hdr *ip,
						struct advertisement *reply,
						const struct dist_address *address,
						const struct dist_vip *vip, const __u8 *to)
{
	bool to_all = is_group_mac(to);
	__u64 sum;

	__builtin_memcpy(ethernet->h_dest, to, ETH_ALEN);
	if (to_all) {
		ip->daddr.in6_u.u6_addr32[0] = bpf_htonl(0xff020000);
		ip->daddr.in6_u.u6_addr32[1] = 0;
		ip->daddr.in6_u.u6_addr32[2] = 0;
		ip->daddr.in6_u.u6_addr32[3] = bpf_htonl(1);
	} else {
		ip->daddr = ip->saddr;
	}
	__builtin_memcpy(ethernet->h_source, vip->mac, ETH_ALEN);
	__builtin_memcpy(&ip->saddr, address, sizeof(ip->saddr));
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = 255;
	ip->payload_len = bpf_htons(sizeof(*reply));

	reply->message.type = NEIGHBOUR_ADVERTISEMENT;
	reply->message.code = 0;
	reply->message.checksum = 0;
	reply->message.flags = FLAG_OVERRIDE | (to_all ? 0 : FLAG_SOLICITED);
	__builtin_memset(reply->message.reserved, 0, sizeof(reply->message.reserved));
	reply->message.target = *address;
	reply->option_type = OPTION_TARGET_LINK_LAYER_ADDRESS;
	reply->option_length = 1;
	__builtin_memcpy(reply->mac, vip->mac, ETH_ALEN);

	sum = pseudo_header_sum(ip, sizeof(*reply));
	for (int word = 0; word < (int)(sizeof(*reply) / 4); word++)
		sum += ((__u32 *)reply)[word];
	reply->message.checksum = ~fold_sum(sum);
}

/* The frame becomes as long as the advertisement, and then becomes it. */
static __always_inline bool advertise(struct xdp_md *ctx, const struct packet *packet,
				      const struct dist_vip *vip, const __u8 *to)
{
	__u32 wanted =
		packet->network_offset + sizeof(struct ipv6hdr) + sizeof(struct advertisement);
	int missing = wanted - bpf_xdp_get_buff_len(ctx);
	struct cursor cursor = { .left = ~0U };
	struct ethhdr *ethernet;
	struct ipv6hdr *ip;
	struct advertisement *reply;

	if (missing && bpf_xdp_adjust_tail(ctx, missing))
		return false;
	cursor.at = (void *)(long)ctx->data;
	cursor.end = (void *)(long)ctx->data_end;
	ethernet = take(&cursor, struct ethhdr);
	if (!ethernet)
		return false;
	cursor.at = (void *)(long)ctx->data + (packet->network_offset & 0x3f);
	ip = take(&cursor, struct ipv6hdr);
	reply = take(&cursor, struct advertisement);
	if (!ip || !reply)
		return false;
	write_advertisement(ethernet, ip, reply, &packet->vip_key.address, vip, to);
	return true;
}

static __always_inline bool find_vip(struct packet *packet, const struct dist_address *address,
				     const struct dist_vip **vip)
{
	packet->vip_key.address = *address;
	*vip = bpf_map_lookup_elem(&vips, &packet->vip_key);
	return *vip;
}

static __always_inline enum dist_verdict answer_claim(struct xdp_md *ctx, struct packet *packet,
						      const struct neighbour *neighbour,
						      const struct dist_vip *vip)
{
	enum dist_verdict verdict = note_claim(vip, neighbour->mac);

	if (verdict == DIST_TX_VIP_DEFENDED && !advertise(ctx, packet, vip, all_nodes_mac))
		return DIST_DROP_INTERNAL;
	return verdict;
}

/*
 * A message that find_neighbour() found. Who solicits with the VIP as source address, and
 * says a MAC, has others note that MAC for the VIP, as an advertisement does.
 */
static __always_inline enum dist_verdict handle_neighbour(struct xdp_md *ctx, struct packet *packet,
							  const struct headers *headers,
							  struct neighbour *neighbour,
							  const struct dist_vip **vip)
{
	const struct ethhdr *ethernet = headers->ethernet;
	const struct ipv6hdr *ip = headers->network;
	bool asks = neighbour->type != NEIGHBOUR_ADVERTISEMENT, claims;
	bool to_group = is_group_mac(ethernet->h_dest);

	claims = find_vip(packet, asks ? &neighbour->source : &neighbour->target, vip);
	if (!claims && (neighbour->type != NEIGHBOUR_SOLICITATION ||
			!find_vip(packet, &neighbour->target, vip)))
		return GO_ON;
	if (!claims && !to_group && !same_mac(ethernet->h_dest, (*vip)->mac))
		return DIST_PASS_OTHER_MAC;
	if (!has_bytes(ctx, packet->network_offset + sizeof(*ip) + bpf_ntohs(ip->payload_len)))
		return DIST_DROP_TRUNCATED;
	__builtin_memcpy(neighbour->mac, ethernet->h_source, ETH_ALEN);
	if (!read_neighbour(ctx, packet, neighbour) || is_group_mac(ethernet->h_source) ||
	    is_group_mac(neighbour->mac))
		return DIST_DROP_BAD_HEADER;
	if (claims) {
		if (same_mac(neighbour->mac, (*vip)->mac) || (asks && !neighbour->has_option))
			return DIST_PASS_NOT_REQUEST;
		return answer_claim(ctx, packet, neighbour, *vip);
	}
	if (neighbour->probe && !to_group) /* its answer would go to more than it did */
		return DIST_DROP_BAD_HEADER;
	if (neighbour->probe)
		__builtin_memcpy(neighbour->mac, all_nodes_mac, ETH_ALEN);
	if (!advertise(ctx, packet, *vip, neighbour->mac))
		return DIST_DROP_INTERNAL;
	return DIST_TX_NEIGHBOUR_ADVERTISEMENT;
}

#endif
