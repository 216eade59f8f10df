// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Puts the packet of the next flow in front of the program under test. Test-run repeats
 * one buffer without resetting it, so every packet is written anew.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "generator.h"

/* A power of two - 1, with which the verifier sees that the word is in the frame. */
#define OFFSET_MAX 63

const volatile struct plan plan = {};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

struct next {
	__u32 flow;
	__u32 vip;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct next);
} next SEC(".maps");

static __always_inline __u32 count_up(__u32 *counter, __u32 end)
{
	__u32 now = *counter;

	*counter = now + 1 < end ? now + 1 : 0;
	return now;
}

static __always_inline void add_at(void *frame, __u32 offset, __u32 number)
{
	__be32 *word = frame + (offset & OFFSET_MAX);

	*word = bpf_htonl(bpf_ntohl(*word) + number);
}

/* An answer may be shorter than the frame before it. */
static __always_inline void restore_length(struct xdp_md *ctx)
{
	int length = ctx->data_end - ctx->data;

	if (length < FRAME_BYTES)
		bpf_xdp_adjust_tail(ctx, FRAME_BYTES - length);
}

SEC("xdp.frags")
int generator(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct next *counters = bpf_map_lookup_elem(&next, &zero);
	__u64 *words;

	restore_length(ctx);
	words = (void *)(long)ctx->data;
	if (!counters || (void *)(words + FRAME_WORDS) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	for (int i = 0; i < FRAME_WORDS; i++)
		words[i] = plan.frame[i];
	add_at(words, plan.source_at,
	       count_up(&counters->flow, plan.flows << plan.in_a_row) >> plan.in_a_row);
	add_at(words, plan.vip_at, count_up(&counters->vip, plan.vips));
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
