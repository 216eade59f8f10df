/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers for the VIP's link-layer address: ARP (RFC 826) and NDP (RFC 4861, 7.2.4). */
#ifndef DISTRIBUTOR_ARP_NDP_H
#define DISTRIBUTOR_ARP_NDP_H

#include "maps.h"
#include "parse.h"

#define ARP_HARDWARE_ETHERNET 1
#define ARP_REQUEST 1
#define ARP_REPLY 2

struct arp_packet {
	__be16 hardware_type;
	__be16 protocol_type;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
} __attribute__((packed));

#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136
#define OPTION_TARGET_LINK_LAYER_ADDRESS 2
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE 0x20

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
	__u8 option_length; /* in units of 8 bytes */
	__u8 mac[ETH_ALEN];
} __attribute__((packed));

static __always_inline bool is_group_mac(const __u8 *mac)
{
	return mac[0] & 1;
}

static __always_inline enum dist_verdict handle_arp(struct cursor *cursor, struct packet *packet,
						    const struct dist_vip **vip)
{
	struct ethhdr *ethernet = packet->ethernet;
	struct arp_packet *arp = take(cursor, struct arp_packet);
	__be32 target;

	if (!arp || arp->hardware_type != bpf_htons(ARP_HARDWARE_ETHERNET) ||
	    arp->protocol_type != bpf_htons(ETH_P_IP) || arp->hardware_length != ETH_ALEN ||
	    arp->protocol_length != 4)
		return DIST_PASS_NOT_VIP;
	__builtin_memcpy(&target, arp->target_ip, 4);
	map_ipv4(&packet->vip_key.address, target);
	*vip = bpf_map_lookup_elem(&vips, &packet->vip_key);
	if (!*vip)
		return DIST_PASS_NOT_VIP;
	if (!is_group_mac(ethernet->h_dest) && !same_mac(ethernet->h_dest, (*vip)->mac))
		return DIST_PASS_OTHER_MAC;
	if (is_group_mac(ethernet->h_source)) /* the answer would go to many */
		return DIST_DROP_BAD_HEADER;
	if (arp->operation != bpf_htons(ARP_REQUEST))
		return DIST_PASS_NOT_REQUEST;
	/* A sender that claims the target for itself is announcing, not asking. */
	if (!__builtin_memcmp(arp->sender_ip, arp->target_ip, 4))
		return DIST_PASS_NOT_REQUEST;

	__builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, (*vip)->mac, ETH_ALEN);
	arp->operation = bpf_htons(ARP_REPLY);
	__builtin_memcpy(arp->target_mac, arp->sender_mac, ETH_ALEN);
	__builtin_memcpy(arp->target_ip, arp->sender_ip, 4);
	__builtin_memcpy(arp->sender_mac, (*vip)->mac, ETH_ALEN);
	__builtin_memcpy(arp->sender_ip, &target, 4);
	return DIST_TX_ARP_REPLY;
}

/* Folds a 32-bit ones' complement sum (RFC 1071) into its 16-bit complement. */
static __always_inline __u16 fold_checksum(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline bool is_unspecified(const struct in6_addr *address)
{
	return !(address->in6_u.u6_addr32[0] | address->in6_u.u6_addr32[1] |
		 address->in6_u.u6_addr32[2] | address->in6_u.u6_addr32[3]);
}

/*
 * Writes the advertisement over the solicitation at `ip`. An unspecified source probes
 * for a duplicate (RFC 4862, 5.4.3): the answer then goes to all nodes, unsolicited.
 */
static __always_inline void write_advertisement(struct ethhdr *ethernet, struct ipv6hdr *ip,
						struct advertisement *reply, const __u8 *mac)
{
	struct {
		struct in6_addr source, destination;
		__be32 length, next_header;
	} pseudo_header = {
		.length = bpf_htonl(sizeof(*reply)),
		.next_header = bpf_htonl(IPPROTO_ICMPV6),
	};
	bool probe = is_unspecified(&ip->saddr);

	if (probe) {
		static const __u8 all_nodes_mac[ETH_ALEN] = { 0x33, 0x33, 0, 0, 0, 1 };

		__builtin_memcpy(ethernet->h_dest, all_nodes_mac, ETH_ALEN);
		ip->daddr.in6_u.u6_addr32[0] = bpf_htonl(0xff020000);
		ip->daddr.in6_u.u6_addr32[1] = 0;
		ip->daddr.in6_u.u6_addr32[2] = 0;
		ip->daddr.in6_u.u6_addr32[3] = bpf_htonl(1);
	} else {
		__builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
		ip->daddr = ip->saddr;
	}
	__builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
	__builtin_memcpy(&ip->saddr, &reply->message.target, sizeof(ip->saddr));
	ip->hop_limit = 255;
	ip->payload_len = bpf_htons(sizeof(*reply));

	reply->message.type = NEIGHBOUR_ADVERTISEMENT;
	reply->message.code = 0;
	reply->message.checksum = 0;
	reply->message.flags = FLAG_OVERRIDE | (probe ? 0 : FLAG_SOLICITED);
	__builtin_memset(reply->message.reserved, 0, sizeof(reply->message.reserved));
	reply->option_type = OPTION_TARGET_LINK_LAYER_ADDRESS;
	reply->option_length = 1;
	__builtin_memcpy(reply->mac, mac, ETH_ALEN);

	pseudo_header.source = ip->saddr;
	pseudo_header.destination = ip->daddr;
	__u32 sum = bpf_csum_diff(0, 0, (void *)&pseudo_header, sizeof(pseudo_header), 0);

	sum = bpf_csum_diff(0, 0, (void *)reply, sizeof(*reply), sum);
	reply->message.checksum = fold_checksum(sum);
}

/* `cursor` stands behind the IPv6 header; the solicitation is known to be for `vip`. */
static __always_inline enum dist_verdict
answer_solicitation(struct xdp_md *ctx, const struct packet *packet, const struct dist_vip *vip)
{
	__u32 wanted =
		packet->network_offset + sizeof(struct ipv6hdr) + sizeof(struct advertisement);
	int missing = wanted - (ctx->data_end - ctx->data);
	struct cursor cursor;
	struct ethhdr *ethernet;
	struct ipv6hdr *ip;
	struct advertisement *reply;

	if (missing && bpf_xdp_adjust_tail(ctx, missing))
		return DIST_DROP_INTERNAL;
	cursor.at = (void *)(long)ctx->data;
	cursor.end = (void *)(long)ctx->data_end;
	ethernet = take(&cursor, struct ethhdr);
	if (!ethernet)
		return DIST_DROP_INTERNAL;
	cursor.at = (void *)(long)ctx->data + (packet->network_offset & 0x3f);
	ip = take(&cursor, struct ipv6hdr);
	reply = take(&cursor, struct advertisement);
	if (!ip || !reply)
		return DIST_DROP_INTERNAL;
	write_advertisement(ethernet, ip, reply, vip->mac);
	return DIST_TX_NEIGHBOUR_ADVERTISEMENT;
}

/* True with `vip` and the solicitation found, whatever its destination address. */
static __always_inline bool find_solicited_vip(struct cursor cursor, struct packet *packet,
					       const struct ipv6hdr *ip,
					       const struct dist_vip **vip)
{
	struct neighbour_message *message;

	/* RFC 4861, 7.1.1: hop limit 255 proves that no router has passed it on. */
	if (ip->version != 6 || ip->nexthdr != IPPROTO_ICMPV6 || ip->hop_limit != 255 ||
	    bpf_ntohs(ip->payload_len) < sizeof(*message))
		return false;
	message = take(&cursor, struct neighbour_message);
	if (!message || message->type != NEIGHBOUR_SOLICITATION || message->code != 0 ||
	    is_ipv4_mapped((struct in6_addr *)&message->target))
		return false;
	packet->vip_key.address = message->target;
	*vip = bpf_map_lookup_elem(&vips, &packet->vip_key);
	return *vip;
}

#endif
