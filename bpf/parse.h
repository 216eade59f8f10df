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

/* Carries on with the packet: what a parser returns that found no reason to end it. */
#define GO_ON DIST_VERDICTS

/* `left`: bytes up to the end of the packet by its own account, padding not included. */
struct cursor {
	void *at;
	void *end;
	__u32 left;
};

/* The header at the cursor, which moves behind it; NULL if the packet ends before. */
#define take(cursor, type) ((type *)take_bytes((cursor), sizeof(type)))

static __always_inline void *take_bytes(struct cursor *cursor, __u32 length)
{
	void *header = cursor->at;

	if (length > cursor->left || header + length > cursor->end)
		return NULL;
	cursor->at = header + length;
	cursor->left -= length;
	return header;
}

enum part {
	WHOLE,
	FIRST_FRAGMENT,
	LATER_FRAGMENT, /* carries no transport header */
};

/* Whether the frame is as long as its headers say; a jumbo frame lies in several buffers. */
static __always_inline bool has_bytes(struct xdp_md *ctx, __u32 length)
{
	return length <= ctx->data_end - ctx->data || length <= bpf_xdp_get_buff_len(ctx);
}

/* s: the clock of pins, slots and fragments. */
static __always_inline __u32 seconds_now(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000000ULL;
}

/* What is written to when the packet is sent on. */
struct headers {
	struct ethhdr *ethernet;
	void *network; /* struct iphdr or struct ipv6hdr, by ether_type */
};

/*
 * What is known of a packet. Without pointers, for functions that the verifier sees once
 * fill it in; and without padding, which older verifiers want to see written.
 */
struct packet {
	__u64 source_mac; /* as in dist_position */
	struct dist_vip_key vip_key;
	struct dist_flow_key flow_key;
	__u32 length; /* bytes of the frame, without padding */
	__u32 identification; /* of a fragment's datagram */
	__u32 offset; /* where load() reads: bytes from the start of the frame */
	__u32 left; /* bytes from there to the end of the packet */
	__u32 sequence; /* number, of TCP */
	__u32 acknowledgement; /* number, of TCP */
	__u16 ether_type; /* behind the tags, network order */
	__u16 network_offset; /* bytes from the start of the frame to the network header */
	__u8 part; /* enum part */
	bool ports_missing; /* its transport header is not, or not all, in this packet */
	bool starts; /* opens a connection: TCP SYN without ACK, SCTP INIT */
	bool ends; /* TCP FIN or RST, SCTP ABORT or the end of a shutdown */
	bool ends_both; /* for the other side as well: all of these but FIN */
	bool marked; /* its protocol marks the start of a connection */
	bool has_ports; /* source-port affinity applies */
	bool error; /* an ICMP error: the flow is that of the packet inside it */
};
DIST_ASSERT_SIZE(struct packet, 96);

/*
 * Copies from packet->offset, and moves it. For what is rare and lies deep in a packet:
 * slower than a cursor, but it reaches every buffer of a frame.
 */
#define load(ctx, packet, to) load_bytes((ctx), (packet), (to), sizeof(*(to)))

static __always_inline bool load_bytes(struct xdp_md *ctx, struct packet *packet, void *to,
				       __u32 length)
{
	if (length > packet->left || bpf_xdp_load_bytes(ctx, packet->offset, to, length))
		return false;
	packet->offset += length;
	packet->left -= length;
	return true;
}

static __always_inline bool skip(struct packet *packet, __u32 length)
{
	if (length > packet->left)
		return false;
	packet->offset += length;
	packet->left -= length;
	return true;
}

static __always_inline bool is_tag(__u16 ether_type)
{
	return ether_type == bpf_htons(ETH_P_8021Q) || ether_type == bpf_htons(ETH_P_8021AD);
}

struct vlan_header {
	__be16 tci;
	__be16 encapsulated;
};

/*
 * The attachment's half of the key, in one store: a load waits for the stores before it to leave
 * the processor if it takes from more than one.
 */
static __always_inline void set_attachment(struct dist_vip_key *key, __u32 ifindex, __u16 outer,
					   __u16 inner)
{
	__u64 word = ifindex | (__u64)outer << 32 | (__u64)inner << 48;

	__builtin_memcpy(key, &word, sizeof(word));
}

/* A tag with id 0 carries a priority only (IEEE 802.1Q, 9.6): it is as if it were not there. */
static __always_inline bool parse_ethernet(struct xdp_md *ctx, struct cursor *cursor,
					   struct packet *packet, struct headers *headers)
{
	__u16 outer = 0, inner = 0;
	void *start = cursor->at;
	struct vlan_header *tag;

	headers->ethernet = take(cursor, struct ethhdr);
	if (!headers->ethernet)
		return false;
	packet->ether_type = headers->ethernet->h_proto;
	if (is_tag(packet->ether_type)) {
		tag = take(cursor, struct vlan_header);
		if (!tag)
			return false;
		outer = bpf_ntohs(tag->tci) & VLAN_VID_MASK;
		packet->ether_type = tag->encapsulated;
		if (is_tag(packet->ether_type)) {
			tag = take(cursor, struct vlan_header);
			if (!tag)
				return false;
			inner = bpf_ntohs(tag->tci) & VLAN_VID_MASK;
			if (!outer) {
				outer = inner;
				inner = 0;
			}
			packet->ether_type = tag->encapsulated;
		}
	}
	set_attachment(&packet->vip_key, ctx->ingress_ifindex, outer, inner);
	packet->network_offset = cursor->at - start;
	packet->length = cursor->end - start;
	return true;
}

static __always_inline void map_ipv4(struct dist_address *address, __be32 ipv4)
{
	__u64 low = (__u64)ipv4 << 32 | bpf_htonl(0xffff);

	__builtin_memset(address->byte, 0, 8);
	__builtin_memcpy(address->byte + 8, &low, 8);
}

static __always_inline bool same_address(const struct in6_addr *a, const struct in6_addr *b)
{
	return a->in6_u.u6_addr32[0] == b->in6_u.u6_addr32[0] &&
	       a->in6_u.u6_addr32[1] == b->in6_u.u6_addr32[1] &&
	       a->in6_u.u6_addr32[2] == b->in6_u.u6_addr32[2] &&
	       a->in6_u.u6_addr32[3] == b->in6_u.u6_addr32[3];
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

static __always_inline bool is_group_mac(const __u8 *mac)
{
	return mac[0] & 1;
}

/*
 * A frame's MACs as numbers, as in dist_position: two loads and two stores, where six bytes each
 * are eighteen and twelve.
 */
static __always_inline __u64 destination_mac(const struct ethhdr *ethernet)
{
	return *(const __u64 *)ethernet & DIST_POSITION_MAC_MASK;
}

static __always_inline __u64 source_mac(const struct ethhdr *ethernet)
{
	const __u16 *words = (const void *)ethernet;

	return words[3] | (__u64) * (const __u32 *)(words + 4) << 16;
}

static __always_inline void write_macs(struct ethhdr *ethernet, __u64 destination, __u64 source)
{
	*(__u64 *)ethernet = (destination & DIST_POSITION_MAC_MASK) | source << 48;
	*(__u32 *)((void *)ethernet + 8) = source >> 16;
}

/* The VIP's, likewise. */
static __always_inline __u64 vip_mac(const struct dist_vip *vip)
{
	return *(const __u64 *)vip->mac & DIST_POSITION_MAC_MASK;
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	return *(const __u16 *)a == *(const __u16 *)b &&
	       *(const __u16 *)(a + 2) == *(const __u16 *)(b + 2) &&
	       *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

#endif
