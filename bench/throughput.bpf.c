// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Both ends of a way through a forwarder, on one port: `send` is what the generator calls
 * for every frame, `sink` meets those that come back. The port has one queue, and the
 * sender stays on one CPU: nobody else counts at the same time.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include "throughput.h"

const volatile struct expected expected = {};

struct sent sent = {};
struct returned returned = {};

SEC("xdp.frags")
int send(struct xdp_md *ctx)
{
	if (!(sent.frames++ % STAMPED)) {
		sent.last = bpf_ktime_get_ns();
		if (!sent.first)
			sent.first = sent.last;
	}
	return XDP_TX;
}

SEC("xdp.frags")
int sink(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	__u64 to, position;

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	to = mac_number(ethernet->h_dest);
	position = to - expected.amphora;
	if (mac_number(ethernet->h_source) != expected.port)
		returned.others++;
	else if (to == expected.sender)
		returned.to_sender++;
	else if (position < AMPHORAE_MAX)
		returned.to_amphora[position]++;
	else
		returned.others++;
	if (!(returned.frames++ % STAMPED))
		returned.last = bpf_ktime_get_ns();
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
