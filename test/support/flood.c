// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * flood INTERFACE KIND VIP MAC PORT PACKETS SEED
 *
 * Sends PACKETS packets of KIND out of a veth port, at the speed at which its other end
 * takes them: frames of a live test run that the program answers with XDP_TX. The port
 * must have an XDP program of its own. Prints how many the port has taken.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flood.h"
#include "flood.skel.h"

/*
 * After each batch the kernel does what the frames have caused, but puts some of it off; it
 * catches up between two runs, of which each takes some 20 ms to end. With these sizes more
 * than 99 of 100 packets find room in the veth's ring (256), at 100,000 and more a second.
 */
#define BATCH 16
#define RUN 4096

static const char *const kinds[] = {
	[FLOOD_SYN] = "syn",
	[FLOOD_ACK] = "ack",
	[FLOOD_PAIRS] = "pairs",
	[FLOOD_UDP] = "udp",
	[FLOOD_FRAGMENTS] = "fragments",
};
#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int kind_of(const char *name)
{
	for (int kind = 0; kind < KINDS; kind++)
		if (!strcmp(kinds[kind], name))
			return kind;
	return -1;
}

static void run(int program, unsigned int interface, unsigned long packets)
{
	unsigned char frame[64] = { 0 };
	struct xdp_md context = { .data_end = sizeof(frame), .ingress_ifindex = interface };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .batch_size = BATCH,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	for (unsigned long sent = 0; sent < packets; sent += options.repeat) {
		options.repeat = packets - sent < RUN ? packets - sent : RUN;
		if (bpf_prog_test_run_opts(program, &options))
			fail("test run");
	}
}

int main(int argc, char **argv)
{
	struct flood_bpf *skeleton;
	struct ether_addr *mac;
	struct in_addr vip;
	unsigned int interface;
	int kind;

	if (argc != 8 || (kind = kind_of(argv[2])) < 0 || !inet_aton(argv[3], &vip) ||
	    !(mac = ether_aton(argv[4]))) {
		fprintf(stderr, "usage: flood INTERFACE KIND VIP MAC PORT PACKETS SEED\n");
		return 2;
	}
	interface = if_nametoindex(argv[1]);
	if (!interface)
		fail(argv[1]);
	skeleton = flood_bpf__open();
	if (!skeleton)
		fail("open");
	skeleton->rodata->kind = kind;
	skeleton->rodata->vip = vip.s_addr;
	skeleton->rodata->port = atoi(argv[5]);
	skeleton->rodata->seed = strtoull(argv[7], NULL, 10) << 32;
	memcpy((void *)skeleton->rodata->mac, mac, sizeof(*mac));
	if (flood_bpf__load(skeleton))
		fail("load");
	run(bpf_program__fd(skeleton->progs.flood), interface, strtoul(argv[6], NULL, 10));
	printf("%llu\n", (unsigned long long)skeleton->bss->sent);
	flood_bpf__destroy(skeleton);
	return 0;
}
