// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Puts the packet of the next flow in front of the program under test. Test-run repeats
 * one buffer without resetting it, so every packet is written anew: an IPv4 TCP packet
 * whose source address counts through `flow_count` flows.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 flow_count = 1;
const volatile __u32 vip = 0; /* network order */
const volatile __u8 port_mac[ETH_ALEN] = {};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next_flow SEC(".maps");

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

SEC("xdp.frags")
int generator(struct xdp_md *ctx)
{
	struct frame *frame = (void *)(long)ctx->data;
	__u32 zero = 0, *next = bpf_map_lookup_elem(&next_flow, &zero);

	if (!next || (void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*next = *next + 1 < flow_count ? *next + 1 : 0;
	for (int i = 0; i < ETH_ALEN; i++) {
		frame->ethernet.h_dest[i] = port_mac[i];
		frame->ethernet.h_source[i] = i == 0 ? 0x02 : 0; /* a router's */
	}
	frame->ethernet.h_proto = bpf_htons(ETH_P_IP);
	frame->ip.version = 4;
	frame->ip.ihl = 5;
	frame->ip.tot_len = bpf_htons(sizeof(frame->ip) + sizeof(frame->tcp));
	frame->ip.ttl = 64;
	frame->ip.protocol = IPPROTO_TCP;
	frame->ip.saddr = bpf_htonl(0x0b000000 + *next);
	frame->ip.daddr = vip;
	frame->tcp.source = bpf_htons(40000);
	frame->tcp.dest = bpf_htons(80);
	frame->tcp.ack = 1;
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}

/* The least that any forwarder does: the unit that costs are counted in. */
SEC("xdp.frags")
int mac_swap(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	__u8 mac[ETH_ALEN];

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(mac, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
