/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the generator is told before it is loaded. */
#ifndef BENCH_GENERATOR_H
#define BENCH_GENERATOR_H

#include <linux/types.h>

#define FRAME_WORDS 12
#define FRAME_BYTES (FRAME_WORDS * 8)

/*
 * Frames are copies of one, in which two numbers of 32 bits count up, each through a range
 * of its own: the low bits of the source's address, which makes flows, and those of the
 * destination's, which makes VIPs. Each is at an offset in bytes and counts from what the
 * frame has there.
 */
struct plan {
	__u64 frame[FRAME_WORDS];
	__u32 flows;
	__u32 in_a_row; /* packets of a flow before the next one's; a power of two, its log2 */
	__u32 source_at;
	__u32 vips;
	__u32 vip_at;
	__u32 reserved;
};

#endif
