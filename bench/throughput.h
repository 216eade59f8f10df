/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is sent through a pair of veth ports, and what comes back. */
#ifndef BENCH_THROUGHPUT_H
#define BENCH_THROUGHPUT_H

#include <linux/if_ether.h>
#include <linux/types.h>

#define AMPHORAE_MAX 16

/* MACs as numbers. The first amphora's: the others count up from it. */
struct expected {
	__u64 port;
	__u64 sender;
	__u64 amphora;
};

static inline __attribute__((always_inline)) __u64 mac_number(const __u8 *mac)
{
	__u64 number = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		number = number << 8 | mac[i];
	return number;
}

/* Times are of CLOCK_MONOTONIC, ns, of every STAMPED'th frame. */
#define STAMPED 64

struct sent {
	__u64 frames;
	__u64 first;
	__u64 last;
};

/* Frames whose source is not the port are others, too. */
struct returned {
	__u64 to_amphora[AMPHORAE_MAX];
	__u64 to_sender;
	__u64 others;
	__u64 frames;
	__u64 last;
};

#endif
