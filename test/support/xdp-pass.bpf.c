// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The far end of a veth takes frames sent by XDP_TX only while it has an XDP program of its own. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}
