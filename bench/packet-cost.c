// SPDX-License-Identifier: Apache-2.0
/*
 * packet-cost PROGRAM-ID VIP MAC FLOWS PACKETS
 *
 * Runs PACKETS packets of FLOWS flows through the program with that id, and as many
 * through the generator's bare MAC swap. Prints the two costs in ns per packet.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "generator.skel.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ns per packet of what `target` points the generator at. */
static unsigned int run(int generator, int under_test, int target, int packets)
{
	unsigned char frame[64] = { 0 };
	unsigned int zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = packets);

	if (bpf_map_update_elem(under_test, &zero, &target, BPF_ANY))
		fail("tail call");
	if (bpf_prog_test_run_opts(generator, &options))
		fail("test run");
	if (options.retval != 3 /* XDP_TX */) {
		fprintf(stderr, "the program returned %u, not XDP_TX\n", options.retval);
		exit(1);
	}
	return options.duration;
}

int main(int argc, char **argv)
{
	struct generator_bpf *skeleton;
	struct ether_addr *mac;
	struct in_addr vip;
	int target;

	if (argc != 6 || !inet_aton(argv[2], &vip) || !(mac = ether_aton(argv[3]))) {
		fprintf(stderr, "usage: packet-cost PROGRAM-ID VIP MAC FLOWS PACKETS\n");
		return 2;
	}
	skeleton = generator_bpf__open();
	if (!skeleton)
		fail("open");
	skeleton->rodata->flow_count = atoi(argv[4]);
	skeleton->rodata->vip = vip.s_addr;
	memcpy((void *)skeleton->rodata->port_mac, mac, sizeof(*mac));
	if (generator_bpf__load(skeleton))
		fail("load");
	target = bpf_prog_get_fd_by_id(atoi(argv[1]));
	if (target < 0)
		fail("program id");

	int generator = bpf_program__fd(skeleton->progs.generator);
	int swap = bpf_program__fd(skeleton->progs.mac_swap);
	int under_test = bpf_map__fd(skeleton->maps.under_test);
	int packets = atoi(argv[5]);

	run(generator, under_test, target, 2 * atoi(argv[4])); /* every flow twice, to warm up */
	unsigned int bare = run(generator, under_test, swap, packets);
	printf("%u %u\n", bare, run(generator, under_test, target, packets));
	generator_bpf__destroy(skeleton);
	return 0;
}
