// SPDX-License-Identifier: Apache-2.0
/*
 * throughput INTERFACE CPU FRAME FLOWS SOURCE-AT IN-A-ROW AMPHORA-MAC FRAMES
 *
 * Sends FRAMES frames out of a veth port as fast as that CPU can, and counts those that come
 * back. For FRAME, in hex, to IN-A-ROW see generator.h; AMPHORA-MAC is the first amphora's.
 * Prints: how many were sent, in how many ns; of those that came back, how many went to the
 * sender's own MAC, how many to none that was expected, and how many to each amphora.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "generator.h"
#include "generator.skel.h"
#include "throughput.h"
#include "throughput.skel.h"

/* Of the ring between the ports (256) a part: what is sent at once finds room in it. */
#define BATCH 64
/* In which nothing more comes back when all has. */
#define QUIET_US 20000
#define QUIET_ROUNDS 50

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void read_frame(struct plan *plan, const char *hex)
{
	unsigned char *bytes = (unsigned char *)plan->frame;

	for (size_t i = 0; i < FRAME_BYTES && sscanf(hex + 2 * i, "%2hhx", bytes + i) == 1; i++)
		;
}

static struct generator_bpf *load_generator(char **argv)
{
	struct generator_bpf *generator = generator_bpf__open();
	struct plan *plan;

	if (!generator)
		fail("open");
	plan = (struct plan *)&generator->rodata->plan;
	read_frame(plan, argv[3]);
	plan->flows = atoi(argv[4]);
	plan->source_at = atoi(argv[5]);
	plan->in_a_row = atoi(argv[6]);
	plan->vips = 1;
	plan->vip_at = plan->source_at;
	if (generator_bpf__load(generator))
		fail("load");
	return generator;
}

static struct throughput_bpf *load_ends(const struct plan *plan, const char *amphora)
{
	const unsigned char *frame = (const unsigned char *)plan->frame;
	const struct ether_addr *mac = ether_aton(amphora);
	struct throughput_bpf *ends = throughput_bpf__open();
	struct expected *expected;

	if (!ends || !mac)
		fail("open");
	expected = (struct expected *)&ends->rodata->expected;
	expected->port = mac_number(frame);
	expected->sender = mac_number(frame + ETH_ALEN);
	expected->amphora = mac_number(mac->ether_addr_octet);
	if (throughput_bpf__load(ends))
		fail("load");
	return ends;
}

/* The generator counts on each CPU for itself. */
static void stay_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("affinity");
}

static void send_frames(struct generator_bpf *generator, struct throughput_bpf *ends,
			unsigned int interface, int frames)
{
	unsigned char frame[FRAME_BYTES] = { 0 };
	struct xdp_md context = { .data_end = sizeof(frame), .ingress_ifindex = interface };
	unsigned int zero = 0, send = bpf_program__fd(ends->progs.send);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .batch_size = BATCH,
		    .repeat = frames, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	if (bpf_map_update_elem(bpf_map__fd(generator->maps.under_test), &zero, &send, BPF_ANY))
		fail("tail call");
	if (bpf_prog_test_run_opts(bpf_program__fd(generator->progs.generator), &options))
		fail("test run");
}

static void wait_for_the_last(const volatile struct returned *returned)
{
	__u64 before = ~0ULL;

	for (int i = 0; i < QUIET_ROUNDS && returned->frames != before; i++) {
		before = returned->frames;
		usleep(QUIET_US);
	}
}

static void print(const struct sent *sent, const struct returned *returned)
{
	__u64 last = returned->last > sent->last ? returned->last : sent->last;

	printf("%llu %llu %llu %llu", sent->frames, last - sent->first, returned->to_sender,
	       returned->others);
	for (int i = 0; i < AMPHORAE_MAX; i++)
		printf(" %llu", returned->to_amphora[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct generator_bpf *generator;
	struct throughput_bpf *ends;
	unsigned int interface;

	if (argc != 9) {
		fprintf(stderr, "usage: throughput INTERFACE CPU FRAME FLOWS SOURCE-AT IN-A-ROW "
				"AMPHORA-MAC FRAMES\n");
		return 2;
	}
	interface = if_nametoindex(argv[1]);
	if (!interface)
		fail(argv[1]);
	stay_on(atoi(argv[2]));
	generator = load_generator(argv);
	ends = load_ends((const struct plan *)&generator->rodata->plan, argv[7]);
	/* It goes with this process. */
	ends->links.sink = bpf_program__attach_xdp(ends->progs.sink, interface);
	if (!ends->links.sink)
		fail("attach");
	send_frames(generator, ends, interface, atoi(argv[8]));
	wait_for_the_last(&ends->bss->returned);
	print(&ends->bss->sent, &ends->bss->returned);
	throughput_bpf__destroy(ends);
	generator_bpf__destroy(generator);
	return 0;
}
