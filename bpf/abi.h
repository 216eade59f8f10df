/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every structure that the XDP program and the control daemon share. Included by the
 * BPF program (C) and by the native addon (C++); nothing else describes these bytes.
 *
 * Byte order: addresses, ports and MACs are as on the wire; all else is the host's.
 */
#ifndef DISTRIBUTOR_ABI_H
#define DISTRIBUTOR_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define DIST_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type " changed size")
#else
#define DIST_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed size")
#endif

/* Raised whenever a structure or the meaning of a field below changes. */
#define DIST_ABI_VERSION 1

/*
 * What became of a packet. The number is permanent: a retired one is never given to
 * something else. Names seen by users are in the table of native/src/verdicts.cc.
 */
enum dist_verdict {
	DIST_PASS_NOT_VIP = 0, /* no VIP has this destination: the host's own traffic */
	DIST_PASS_OTHER_MAC = 1, /* flooded or promiscuous: sent to another station */
	DIST_PASS_NOT_REQUEST = 2, /* ARP or NDP about a VIP that asks for no answer */
	DIST_TX_SETTLED = 3, /* to the slot's owner, no flow looked up */
	DIST_TX_PINNED = 4, /* to the amphora its flow entry names */
	DIST_TX_NEW = 5, /* unsettled slot: a new flow, to the current owner */
	DIST_TX_PREVIOUS = 6, /* unsettled slot: an older flow, to the oldest owner there is */
	DIST_TX_ARP_REPLY = 7,
	DIST_TX_NEIGHBOUR_ADVERTISEMENT = 8,
	DIST_DROP_TRUNCATED = 9, /* ends before its headers do */
	DIST_DROP_BAD_HEADER = 10, /* header fields contradict each other */
	DIST_DROP_TTL_EXPIRED = 11, /* TTL or hop limit would reach zero */
	DIST_DROP_NO_AMPHORA = 12, /* nobody owns the slot */
	DIST_DROP_FRAGMENT = 13, /* a fragment whose datagram's ports are not known */
	DIST_DROP_ICMP_ERROR = 14, /* an ICMP error that names no connection */
	DIST_DROP_FLOW_TABLE_FULL = 15, /* a flow that must be pinned could not be */
	DIST_DROP_INTERNAL = 16, /* the maps contradict each other: a bug */
	DIST_VERDICTS = 17,
};

enum dist_affinity {
	DIST_AFFINITY_SOURCE_IP = 0,
	DIST_AFFINITY_SOURCE_IP_AND_PORT = 1,
};

enum dist_tracking {
	DIST_TRACKING_ADAPTIVE = 0, /* flow entries in unsettled slots only */
	DIST_TRACKING_FULL = 1, /* flow entries for every flow */
	DIST_TRACKING_STATELESS = 2, /* none: the table alone decides */
};

/* IPv4 addresses are written IPv4-mapped (RFC 4291, section 2.5.5.2). */
struct dist_address {
	__u8 byte[16];
};
DIST_ASSERT_SIZE(struct dist_address, 16);

/* A VIP is an address on an attachment: a port and up to two VLAN ids, 0 = no tag. */
struct dist_vip_key {
	__u32 ifindex;
	__u16 outer_vlan;
	__u16 inner_vlan;
	struct dist_address address;
};
DIST_ASSERT_SIZE(struct dist_vip_key, 24);

/* One cache line: all that a packet in a settled slot needs to know. */
struct dist_vip {
	__u64 hash_seed; /* of the distributor: clients spread alike over all its VIPs */
	__u32 slot_base; /* index of the distributor's first slot */
	__u32 position_base; /* index of the distributor's first position */
	__u32 vip_id; /* never given out twice: stale flow entries cannot match */
	__u32 counters; /* index into vip_counters */
	__u32 tcp_idle; /* s: a TCP flow entry older than this does not count */
	__u32 other_idle; /* s: the same for all other protocols */
	__u8 mac[6]; /* of the port; at an even offset, for comparison by halves */
	__u8 slot_shift; /* 32 - log2(slots of the distributor) */
	__u8 affinity; /* enum dist_affinity */
	__u8 tracking; /* enum dist_tracking */
	__u8 reserved[23];
};
DIST_ASSERT_SIZE(struct dist_vip, 64);

/*
 * An owner is a position + 1, so that 0 means none. `previous` is DIST_SETTLED where
 * nothing is ambiguous and DIST_OWNER_GONE where the slot is unsettled but its previous
 * owner no longer exists.
 */
#define DIST_OWNER_NONE 0
#define DIST_SETTLED 0
#define DIST_OWNER_GONE 0xffff
#define DIST_POSITIONS_MAX 0xfffe

/*
 * Both owners share one 32-bit word, and all of it one 64-bit word: the program reads
 * owners in one load, the daemon changes owners and clock in one store.
 */
struct dist_slot {
	__u16 current;
	__u16 previous;
	__u32 clock; /* s, monotonic: last change of owner, or packet not to `current` */
};
DIST_ASSERT_SIZE(struct dist_slot, 8);

/*
 * The amphora at a position: MAC in the low 48 bits, first octet lowest; generation in
 * the high 16. One store replaces an amphora. MAC 0 = empty: the generation stays, so
 * that the next amphora here gets another one and no old flow entry names it.
 */
typedef __u64 dist_position;
#define DIST_POSITION_GENERATION_SHIFT 48
#define DIST_POSITION_MAC_MASK ((1ULL << DIST_POSITION_GENERATION_SHIFT) - 1)

/*
 * The second (monotonic) until which a distributor's unmarked unknown flows count as old,
 * in the element of its first position: every change of the table sets it, in one store.
 */
typedef __u64 dist_learning;

struct dist_flow_key {
	struct dist_address source;
	__u32 vip_id;
	__u16 source_port; /* ICMP echo: identifier */
	__u16 destination_port;
	__u8 protocol;
	__u8 reserved[3];
};
DIST_ASSERT_SIZE(struct dist_flow_key, 28);

#define DIST_FLOW_CLOSING 1u /* FIN, RST or ABORT seen: a new start may take the tuple */

struct dist_flow {
	__u32 last_seen; /* s, monotonic */
	__u16 owner; /* position + 1 */
	__u16 generation; /* of the position when the flow was pinned */
	__u32 flags;
};
DIST_ASSERT_SIZE(struct dist_flow, 12);

struct dist_vip_counters {
	__u64 packets[DIST_VERDICTS]; /* by verdict: their sum is what was received */
	__u64 bytes; /* of forwarded packets, from the Ethernet header on */
};

struct dist_position_counters {
	__u64 packets;
	__u64 bytes;
	__u64 new_flows; /* starts a protocol marks (TCP SYN), and new entries of others */
};

/* Element 0 of vip_counters counts packets that are for no VIP. */
#define DIST_COUNTERS_NO_VIP 0

#endif
