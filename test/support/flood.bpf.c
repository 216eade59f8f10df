// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Writes the next packet of a flood over the frame: from a client that does not exist, in
 * 11.0.0.0/8, with whatever port. What the client would have sent follows from a count.
 *
 * Transport checksums are wrong on purpose. A distributor does not look at them, and an
 * amphora drops the packet: the flood is for the one, and costs the others little.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "flood.h"

#define SPOOFED_PREFIX 0x0b000000 /* 11.0.0.0/8, where nobody in a test bed is */
#define SPOOFED_HOSTS 0x00ffffff
#define MORE_FRAGMENTS 0x2000
#define WRONG_CHECKSUM 0x1234

const volatile __u32 kind = 0; /* enum flood_kind */
const volatile __u32 vip = 0; /* network order */
const volatile __u16 port = 0;
const volatile __u8 mac[ETH_ALEN] = {};
const volatile __u64 seed = 0;

__u64 sent = 0;

/* The router's, as far as anybody can tell. */
static const __u8 router_mac[ETH_ALEN] = { 0x02, 0xf1, 0x00, 0x0d, 0x00, 0x01 };

struct udp {
	__be16 source;
	__be16 destination;
	__be16 length;
	__be16 checksum;
};

/* splitmix64 */
static __always_inline __u64 hash(__u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static __always_inline void write_ip(struct iphdr *ip, __u32 client, __u16 id)
{
	__u16 *words = (__u16 *)ip;
	__u32 sum = 0;

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = 0;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(struct tcphdr));
	ip->id = bpf_htons(id);
	ip->frag_off = kind == FLOOD_FRAGMENTS ? bpf_htons(MORE_FRAGMENTS) : 0;
	ip->ttl = 64;
	ip->protocol = kind == FLOOD_UDP || kind == FLOOD_FRAGMENTS ? IPPROTO_UDP : IPPROTO_TCP;
	ip->check = 0;
	ip->saddr = bpf_htonl(SPOOFED_PREFIX | (client & SPOOFED_HOSTS));
	ip->daddr = vip;
	for (int i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~(__u16)((sum & 0xffff) + (sum >> 16));
}

static __always_inline void write_tcp(struct tcphdr *tcp, __be16 source, bool is_syn)
{
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = source;
	tcp->dest = bpf_htons(port);
	tcp->seq = bpf_htonl(1);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->syn = is_syn;
	tcp->ack = !is_syn;
	tcp->window = bpf_htons(0xffff);
	tcp->check = WRONG_CHECKSUM;
}

static __always_inline void write_udp(struct udp *udp, __be16 source)
{
	udp->source = source;
	udp->destination = bpf_htons(port);
	udp->length = bpf_htons(sizeof(struct tcphdr)); /* as long as the others */
	udp->checksum = WRONG_CHECKSUM;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(ethernet + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u64 count = __sync_fetch_and_add(&sent, 1);
	bool is_first = !(count & 1); /* of a pair */
	__u64 client = hash(seed + (kind == FLOOD_PAIRS ? count >> 1 : count));
	__be16 source = bpf_htons((__u16)(client >> 32) | 1024);

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	/* The frame may have been used before: what was made of it is still there. */
	for (int i = 0; i < ETH_ALEN; i++)
		ethernet->h_dest[i] = mac[i];
	__builtin_memcpy(ethernet->h_source, router_mac, ETH_ALEN);
	ethernet->h_proto = bpf_htons(ETH_P_IP);
	write_ip(ip, client, client >> 48);
	if (ip->protocol == IPPROTO_UDP)
		write_udp((struct udp *)tcp, source);
	else
		write_tcp(tcp, source, kind == FLOOD_SYN || (kind == FLOOD_PAIRS && is_first));
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
