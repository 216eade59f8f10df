/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What lies between the addresses and the transport header: fragments (RFC 791, RFC 8200
 * section 4.5) and IPv6 extension headers. For packets, and for those inside ICMP errors.
 */
#ifndef DISTRIBUTOR_NETWORK_H
#define DISTRIBUTOR_NETWORK_H

#include "parse.h"

#define IPV4_OFFSET_MASK 0x1fff /* in units of 8 bytes */
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV6_OFFSET_MASK 0xfff8 /* in bytes */
#define IPV6_MORE_FRAGMENTS 1

/* RFC 8200 allows each of the five once, destination options twice; some to spare. */
#define EXTENSION_HEADERS_MAX 8

struct extension_header {
	__u8 next_header;
	__u8 length; /* behind the first 8 bytes, in units of 8; of AH: in units of 4 */
};

/* A fragment header without the two bytes that all extension headers begin with. */
struct fragment_header {
	__be16 offset;
	__be32 identification;
} __attribute__((packed));

static __always_inline bool is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_AH ||
	       protocol == IPPROTO_DSTOPTS;
}

static __always_inline bool marks_starts(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP;
}

/* `offset`: in units of 8 bytes. Such a part could rewrite the flags of the first one. */
static __always_inline bool hides_flags(__u32 offset, __u8 protocol)
{
	return offset == 1 && marks_starts(protocol);
}

static __always_inline enum dist_verdict note_ipv4_fragment(const struct iphdr *ip,
							    struct packet *packet)
{
	__u32 word = bpf_ntohs(ip->frag_off);
	__u32 offset = word & IPV4_OFFSET_MASK;

	if (!offset && !(word & IPV4_MORE_FRAGMENTS))
		return GO_ON;
	packet->part = offset ? LATER_FRAGMENT : FIRST_FRAGMENT;
	packet->ports_missing = offset;
	packet->identification = bpf_ntohs(ip->id);
	return hides_flags(offset, ip->protocol) ? DIST_DROP_TINY_FRAGMENT : GO_ON;
}

/* One that is both first and last is no fragment (RFC 6946). */
static __always_inline enum dist_verdict note_ipv6_fragment(const struct fragment_header *header,
							    struct packet *packet)
{
	__u32 word = bpf_ntohs(header->offset);
	__u32 offset = (word & IPV6_OFFSET_MASK) / 8;

	if (!offset && !(word & IPV6_MORE_FRAGMENTS))
		return GO_ON;
	if (packet->part != WHOLE)
		return DIST_DROP_EXTENSION_HEADERS;
	packet->part = offset ? LATER_FRAGMENT : FIRST_FRAGMENT;
	packet->ports_missing = offset;
	packet->identification = bpf_ntohl(header->identification);
	return hides_flags(offset, packet->flow_key.protocol) ? DIST_DROP_TINY_FRAGMENT : GO_ON;
}

static __always_inline enum dist_verdict walk_extensions(struct xdp_md *ctx, struct packet *packet)
{
	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		__u8 protocol = packet->flow_key.protocol;
		struct extension_header extension;
		struct fragment_header fragment;
		enum dist_verdict verdict;

		if (!is_extension(protocol) || packet->part == LATER_FRAGMENT)
			return GO_ON;
		if (!load(ctx, packet, &extension))
			return DIST_DROP_TRUNCATED;
		packet->flow_key.protocol = extension.next_header;
		if (protocol == IPPROTO_FRAGMENT) {
			if (!load(ctx, packet, &fragment))
				return DIST_DROP_TRUNCATED;
			verdict = note_ipv6_fragment(&fragment, packet);
			if (verdict != GO_ON)
				return verdict;
		} else {
			__u32 length = protocol == IPPROTO_AH ? (extension.length + 2) * 4
							      : (extension.length + 1) * 8;

			if (!skip(packet, length - sizeof(extension)))
				return DIST_DROP_TRUNCATED;
		}
	}
	if (is_extension(packet->flow_key.protocol) && packet->part != LATER_FRAGMENT)
		return DIST_DROP_EXTENSION_HEADERS;
	return GO_ON;
}

/*
 * From behind the fixed IPv6 header, at packet->offset, to the transport header, or to
 * where a later fragment begins. The flow's protocol becomes that of what stands there.
 */
__noinline int skip_extensions(struct xdp_md *ctx, struct packet *packet)
{
	return packet ? walk_extensions(ctx, packet) : DIST_DROP_INTERNAL;
}

#endif
