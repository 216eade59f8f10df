/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The maps. Sizes here are placeholders: the daemon sets them from its configuration
 * before it loads the program.
 */
#ifndef DISTRIBUTOR_MAPS_H
#define DISTRIBUTOR_MAPS_H

#include "abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct dist_vip_key);
	__type(value, struct dist_vip);
} vips SEC(".maps");

/*
 * What a processor remembers of vips, in a cell that follows from the key: it counts while vips is
 * as it was. Not pinned, for each program begins without. What a hash map's look-up finds comes
 * late, and all else waits for it: without memos a packet in a settled slot costs 23 ns, not 16.
 */
struct memo {
	struct dist_vip_key key;
	__u32 changes; /* `vips_changes` when it was looked up */
	struct dist_vip vip __attribute__((aligned(64))); /* in a cache line of its own */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* for its alignment */
	__uint(max_entries, 1); /* of each processor 1 << DIST_MEMO_BITS */
	__type(key, __u32);
	__type(value, struct memo);
} memos SEC(".maps");

/* Memory-mapped by the daemon, and changed without a syscall. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_slot);
} slots SEC(".maps");

/* Not pinned: the daemon fills it from the slots before the program meets a packet. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_settled);
} settled SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, dist_position);
} positions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, dist_learning);
} learning SEC(".maps");

/* Nobody evicts an entry: see record.h for who gets one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct dist_flow_key);
	__type(value, struct dist_flow);
} flows SEC(".maps");

/*
 * Mapped by nobody, but arrays that could be begin at a page, and others in the middle of a cache
 * line: a flow's first packet costs 5 % less.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* a power of two */
	__type(key, __u32);
	__type(value, struct dist_opening);
} openings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct dist_fragment_key);
	__type(value, struct dist_fragment);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_share);
} shares SEC(".maps");

/* An element for each position; zeroed by the daemon before each sweep. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_tally);
} tallies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_claim);
} claims SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_vip_counters);
} vip_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_position_counters);
} position_counters SEC(".maps");

/* From here on the ledger: see abi.h. */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_header);
} header SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct dist_id);
	__type(value, struct dist_table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_occupant);
} occupants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dist_layout);
} layout SEC(".maps");

/* Set before the program is loaded. */
const volatile __u64 flow_secret = 0;
const volatile __u32 flow_capacity = 0; /* entries of flows */
const volatile __u32 opening_mask = 0; /* elements of openings - 1 */

/* How often the daemon has changed vips: it counts up after each time. */
__u32 vips_changes = 0;

#endif
