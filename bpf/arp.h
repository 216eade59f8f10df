/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ARP (RFC 826) about a VIP: answered, or answered against. */
#ifndef DISTRIBUTOR_ARP_H
#define DISTRIBUTOR_ARP_H

#include "claim.h"
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

/* True with `vip` set if an ARP packet's address is one. */
static __always_inline bool find_arp_vip(struct packet *packet, const __u8 *ip,
					 const struct dist_vip **vip)
{
	__be32 address;

	__builtin_memcpy(&address, ip, 4);
	map_ipv4(&packet->vip_key.address, address);
	*vip = bpf_map_lookup_elem(&vips, &packet->vip_key);
	return *vip;
}

static __always_inline void write_gratuitous_arp(struct ethhdr *ethernet, struct arp_packet *arp,
						 const struct dist_vip *vip)
{
	__builtin_memset(ethernet->h_dest, 0xff, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, vip->mac, ETH_ALEN);
	arp->operation = bpf_htons(ARP_REQUEST);
	__builtin_memcpy(arp->sender_mac, vip->mac, ETH_ALEN);
	__builtin_memset(arp->target_mac, 0, ETH_ALEN);
	__builtin_memcpy(arp->target_ip, arp->sender_ip, 4);
}

static __always_inline void write_arp_reply(struct ethhdr *ethernet, struct arp_packet *arp,
					    const struct dist_vip *vip)
{
	__u8 vip_address[4];

	__builtin_memcpy(vip_address, arp->target_ip, 4);
	__builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, vip->mac, ETH_ALEN);
	arp->operation = bpf_htons(ARP_REPLY);
	__builtin_memcpy(arp->target_mac, arp->sender_mac, ETH_ALEN);
	__builtin_memcpy(arp->target_ip, arp->sender_ip, 4);
	__builtin_memcpy(arp->sender_mac, vip->mac, ETH_ALEN);
	__builtin_memcpy(arp->sender_ip, vip_address, 4);
}

static __always_inline enum dist_verdict handle_arp(struct cursor *cursor, struct packet *packet,
						    struct ethhdr *ethernet,
						    const struct dist_vip **vip)
{
	struct arp_packet *arp = take(cursor, struct arp_packet);
	enum dist_verdict verdict;

	if (!arp || arp->hardware_type != bpf_htons(ARP_HARDWARE_ETHERNET) ||
	    arp->protocol_type != bpf_htons(ETH_P_IP) || arp->hardware_length != ETH_ALEN ||
	    arp->protocol_length != 4)
		return DIST_PASS_NOT_VIP;
	if (find_arp_vip(packet, arp->sender_ip, vip)) {
		if (same_mac(arp->sender_mac, (*vip)->mac))
			return DIST_PASS_NOT_REQUEST;
		verdict = note_claim(*vip, arp->sender_mac);
		if (verdict == DIST_TX_VIP_DEFENDED)
			write_gratuitous_arp(ethernet, arp, *vip);
		return verdict;
	}
	if (!find_arp_vip(packet, arp->target_ip, vip))
		return DIST_PASS_NOT_VIP;
	if (!is_group_mac(ethernet->h_dest) && !same_mac(ethernet->h_dest, (*vip)->mac))
		return DIST_PASS_OTHER_MAC;
	if (is_group_mac(ethernet->h_source)) /* the answer would go to many */
		return DIST_DROP_BAD_HEADER;
	if (arp->operation != bpf_htons(ARP_REQUEST))
		return DIST_PASS_NOT_REQUEST;
	write_arp_reply(ethernet, arp, *vip);
	return DIST_TX_ARP_REPLY;
}

#endif
