/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet as the program understands it, and the parsers that fill it in. A parser
 * takes the cursor, which owns the bounds check, and says whether the header was there.
 */
#ifndef DISTRIBUTOR_PARSE_H
#define DISTRIBUTOR_PARSE_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define VLAN_VID_MASK 0x0fff

struct cursor {
	void *at;
	void *end;
};

/* The header at the cursor, which moves behind it; NULL if the packet ends before. */
#define take(cursor, type) ((type *)take_bytes((cursor), sizeof(type)))

static __always_inline void *take_bytes(struct cursor *cursor, __u32 length)
{
	void *header = cursor->at;

	if (header + length > cursor->end)
		return NULL;
	cursor->at = header + length;
	return header;
}

struct packet {
	struct ethhdr *ethernet;
	void *network; /* struct iphdr or struct ipv6hdr, by ether_type */
	struct dist_vip_key vip_key;
	struct dist_flow_key flow_key;
	__u16 ether_type; /* behind the tags, network order */
	__u16 network_offset; /* bytes from the start of the frame to the network header */
	__u16 payload_length; /* bytes behind the network header, by its own account */
	__u32 length; /* bytes of the frame, without padding */
	bool starts; /* opens a connection: TCP SYN without ACK */
	bool ends; /* FIN or RST */
	bool marked; /* its protocol marks the start of a connection */
	bool fragment; /* any fragment: its transport header is not looked at */
	bool has_ports; /* source-port affinity applies */
};

static __always_inline bool is_tag(__u16 ether_type)
{
	return ether_type == bpf_htons(ETH_P_8021Q) || ether_type == bpf_htons(ETH_P_8021AD);
}

struct vlan_header {
	__be16 tci;
	__be16 encapsulated;
};

/* A tag with id 0 carries a priority only (IEEE 802.1Q, 9.6): its frame is untagged. */
static __always_inline bool parse_ethernet(struct cursor *cursor, struct packet *packet)
{
	void *start = cursor->at;
	struct vlan_header *tag;

	packet->ethernet = take(cursor, struct ethhdr);
	if (!packet->ethernet)
		return false;
	packet->ether_type = packet->ethernet->h_proto;
	if (is_tag(packet->ether_type)) {
		tag = take(cursor, struct vlan_header);
		if (!tag)
			return false;
		packet->vip_key.outer_vlan = bpf_ntohs(tag->tci) & VLAN_VID_MASK;
		packet->ether_type = tag->encapsulated;
		if (is_tag(packet->ether_type)) {
			tag = take(cursor, struct vlan_header);
			if (!tag)
				return false;
			packet->vip_key.inner_vlan = bpf_ntohs(tag->tci) & VLAN_VID_MASK;
			packet->ether_type = tag->encapsulated;
		}
	}
	packet->network_offset = cursor->at - start;
	packet->length = cursor->end - start;
	return true;
}

static __always_inline void map_ipv4(struct dist_address *address, __be32 ipv4)
{
	__builtin_memset(address->byte, 0, 10);
	address->byte[10] = 0xff;
	address->byte[11] = 0xff;
	__builtin_memcpy(address->byte + 12, &ipv4, 4);
}

static __always_inline bool is_multicast(const struct in6_addr *address)
{
	return address->in6_u.u6_addr8[0] == 0xff;
}

/* Such an address has no place on the wire, and would be taken for the IPv4 one. */
static __always_inline bool is_ipv4_mapped(const struct in6_addr *address)
{
	return !(address->in6_u.u6_addr32[0] | address->in6_u.u6_addr32[1]) &&
	       address->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	return *(const __u16 *)a == *(const __u16 *)b &&
	       *(const __u16 *)(a + 2) == *(const __u16 *)(b + 2) &&
	       *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

#endif
