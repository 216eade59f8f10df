// SPDX-License-Identifier: Apache-2.0
/*
 * packet-cost PROGRAM-ID FRAME FLOWS SOURCE-AT VIPS VIP-AT IN-A-ROW PACKETS ROUNDS
 *
 * Runs PACKETS packets through the program with that id, ROUNDS times, with as many through
 * the generator's bare MAC swap before each. Prints a line for each round: the costs of the
 * swap and of the program, ns per packet. FRAME is in hex; for it and the next five see
 * generator.h.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "generator.h"
#include "generator.skel.h"

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

/* ns of this thread: what others do meanwhile is not in it. */
static double cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* ns that it takes to run as many packets through what `target` points the generator at. */
static double run(struct generator_bpf *skeleton, int target, int packets)
{
	unsigned char frame[FRAME_BYTES] = { 0 };
	unsigned int zero = 0;
	double start;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = packets);

	if (bpf_map_update_elem(bpf_map__fd(skeleton->maps.under_test), &zero, &target, BPF_ANY))
		fail("tail call");
	start = cpu_time();
	if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.generator), &options))
		fail("test run");
	return cpu_time() - start;
}

/* The least that the kernel runs in a row, as it does more: to see what a run costs by itself. */
#define FEW 2
#define MOST_ROUNDS 100

struct measurement {
	int target;
	double few; /* ns of a run by itself: the least, as one that was disturbed makes the rest
		       cheap */
	double all[MOST_ROUNDS];
};

static void measure(struct generator_bpf *skeleton, struct measurement *of, int round, int packets)
{
	double few = run(skeleton, of->target, FEW);

	of->few = round == 0 || few < of->few ? few : of->few;
	of->all[round] = run(skeleton, of->target, packets);
}

/* ns per packet. The kernel's own figure has no fractions, a twelfth of the least there is. */
static double cost(const struct measurement *of, int round, int packets)
{
	return (of->all[round] - of->few) / (packets - FEW);
}

/* The generator counts on each CPU for itself. */
static void stay_on_this_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("affinity");
}

int main(int argc, char **argv)
{
	struct generator_bpf *skeleton;
	struct plan *plan;
	struct measurement bare = {}, ours = {};
	int packets, rounds;

	if (argc != 10) {
		fprintf(stderr, "usage: packet-cost PROGRAM-ID FRAME FLOWS SOURCE-AT VIPS VIP-AT "
				"IN-A-ROW PACKETS ROUNDS\n");
		return 2;
	}
	skeleton = generator_bpf__open();
	if (!skeleton)
		fail("open");
	plan = (struct plan *)&skeleton->rodata->plan;
	read_frame(plan, argv[2]);
	plan->flows = atoi(argv[3]);
	plan->source_at = atoi(argv[4]);
	plan->vips = atoi(argv[5]);
	plan->vip_at = atoi(argv[6]);
	plan->in_a_row = atoi(argv[7]);
	if (generator_bpf__load(skeleton))
		fail("load");
	ours.target = bpf_prog_get_fd_by_id(atoi(argv[1]));
	if (ours.target < 0)
		fail("program id");
	stay_on_this_cpu();
	packets = atoi(argv[8]);
	rounds = atoi(argv[9]);
	if (rounds > MOST_ROUNDS) {
		fprintf(stderr, "packet-cost: ROUNDS is %d, not up to %d\n", rounds, MOST_ROUNDS);
		return 2;
	}
	bare.target = bpf_program__fd(skeleton->progs.mac_swap);

	for (int round = 0; round < rounds; round++) {
		measure(skeleton, &bare, round, packets);
		measure(skeleton, &ours, round, packets);
	}
	for (int round = 0; round < rounds; round++)
		printf("%.2f %.2f\n", cost(&bare, round, packets), cost(&ours, round, packets));
	generator_bpf__destroy(skeleton);
	return 0;
}
