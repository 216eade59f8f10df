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

/*
 * Raised whenever a structure below changes. What another version has left in the kernel is
 * carried over field by field, by name: a field whose meaning changes gets another name, and
 * one that is new means by 0 what held before.
 */
#define DIST_ABI_VERSION 5

/* log2 of the VIPs that a processor remembers, see bpf/vip.h */
#define DIST_MEMO_BITS 12

/*
 * What became of a packet. The number is permanent: a retired one is never given to
 * something else. Names seen by users are in the table of native/src/verdicts.cc.
 */
enum dist_verdict {
	DIST_PASS_NOT_VIP = 0, /* no VIP has this destination: the host's own traffic */
	DIST_PASS_OTHER_MAC = 1, /* flooded or promiscuous: sent to another station */
	DIST_PASS_NOT_REQUEST = 2, /* ARP or NDP about a VIP that asks for no answer */
	DIST_TX_SETTLED = 3, /* to the slot's owner, no flow looked up */
	DIST_TX_PINNED = 4, /* to the amphora that its flow is pinned to */
	DIST_TX_NEW = 5, /* unsettled slot: a new flow, to the current owner */
	DIST_TX_PREVIOUS = 6, /* unsettled slot: an older flow, to the oldest owner there is */
	DIST_TX_ARP_REPLY = 7,
	DIST_TX_NEIGHBOUR_ADVERTISEMENT = 8,
	DIST_DROP_TRUNCATED = 9, /* ends before its headers or its length say */
	DIST_DROP_BAD_HEADER = 10, /* header fields contradict each other */
	DIST_DROP_TTL_EXPIRED = 11, /* TTL or hop limit would reach zero */
	DIST_DROP_NO_AMPHORA = 12, /* nobody owns the slot */
	DIST_DROP_FRAGMENT = 13, /* a fragment whose datagram's ports are not known */
	DIST_DROP_ICMP_ERROR = 14, /* an ICMP error that names no connection of the VIP */
	DIST_RETIRED_15 = 15, /* was: the flow table is full */
	DIST_DROP_INTERNAL = 16, /* the maps contradict each other: a bug */
	DIST_TX_UNPINNED = 17, /* where its opening says: the flow table has no room for it */
	DIST_TX_ICMP_ERROR = 18, /* an ICMP error, to the amphora of its connection */
	DIST_TX_VIP_DEFENDED = 19, /* another station claimed the VIP: announced again */
	DIST_PASS_VIP_CLAIMED = 20, /* the same, less than a second after the last defence */
	DIST_DROP_TINY_FRAGMENT = 21, /* hides ports or flags that are needed (RFC 3128) */
	DIST_DROP_EXTENSION_HEADERS = 22, /* more of them than are walked */
	DIST_DROP_LOOP = 23, /* would go back to where it came from */
	DIST_DROP_CARRY_OVER = 24, /* its flow's entry is on its way from another program */
	DIST_VERDICTS = 25,
};

/* What XDP does with a packet, as sets of verdicts; those in neither set are drops. */
#define DIST_SET(verdict) (1u << (verdict))
#define DIST_PASSED                                                                                \
	(DIST_SET(DIST_PASS_NOT_VIP) | DIST_SET(DIST_PASS_OTHER_MAC) |                             \
	 DIST_SET(DIST_PASS_NOT_REQUEST) | DIST_SET(DIST_PASS_VIP_CLAIMED))
#define DIST_FORWARDED                                                                             \
	(DIST_SET(DIST_TX_SETTLED) | DIST_SET(DIST_TX_PINNED) | DIST_SET(DIST_TX_NEW) |            \
	 DIST_SET(DIST_TX_PREVIOUS) | DIST_SET(DIST_TX_UNPINNED) | DIST_SET(DIST_TX_ICMP_ERROR))
#define DIST_ANSWERED                                                                              \
	(DIST_SET(DIST_TX_ARP_REPLY) | DIST_SET(DIST_TX_NEIGHBOUR_ADVERTISEMENT) |                 \
	 DIST_SET(DIST_TX_VIP_DEFENDED))

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

/* A UUID, as its 16 bytes. */
struct dist_id {
	__u8 byte[16];
};
DIST_ASSERT_SIZE(struct dist_id, 16);

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
	__u32 counters; /* index into vip_counters, shares and claims */
	__u32 tcp_idle; /* s: an older pin of TCP or SCTP does not count */
	__u32 other_idle; /* s: the same for all other protocols */
	__u8 mac[6]; /* of the port; at a multiple of 8, to be read as one number */
	__u8 slot_shift; /* 32 - log2(slots of the distributor) */
	__u8 affinity; /* enum dist_affinity */
	__u8 tracking; /* enum dist_tracking */
	struct dist_id distributor; /* not for the program, see dist_table */
	__u8 reserved[7];
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
 * The owners of settled slots once more, eight slots to an element: all that nearly every packet
 * needs, in an eighth of the memory. DIST_OWNER_NONE: the slot itself must be looked at, as it
 * must for the owners that do not fit. Follows from the slots; the daemon takes an owner away
 * before it changes the slot.
 */
#define DIST_SETTLED_SLOTS 8
struct dist_settled {
	__u8 owner[DIST_SETTLED_SLOTS];
};
DIST_ASSERT_SIZE(struct dist_settled, 8);

#define DIST_SETTLED_OWNER_MAX 0xff

/*
 * The amphora at a position: MAC in the low 48 bits, first octet lowest; above it the
 * generation, of 15 bits. One store replaces an amphora. MAC 0 = empty: the generation stays, so
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

/*
 * Where a flow is pinned, in one word that changes in one store: its last packet (s,
 * monotonic) in the low 32 bits, then the owner (position + 1) in 16, the generation of
 * the position when the flow was pinned in 15, and whether the flow is closing. 0 = none.
 */
typedef __u64 dist_pin;
#define DIST_PIN_OWNER_SHIFT 32
#define DIST_PIN_GENERATION_SHIFT 48
#define DIST_PIN_CLOSING (1ULL << 63) /* FIN, RST or ABORT seen: a new start may take the tuple */
#define DIST_GENERATION_MASK 0x7fff

/* A flow that has shown more than its first packet. Stays until it is idle. */
struct dist_flow {
	dist_pin pin; /* 0 = about to be removed */
	__u32 share; /* of its VIP: index into shares */
	__u32 acknowledged;
};
DIST_ASSERT_SIZE(struct dist_flow, 16);

/*
 * `acknowledged`, of TCP: the low bits of the last acknowledgement number from the client,
 * except that it stays one behind where the client then acknowledges exactly one byte more,
 * which may be the amphora's FIN. Of all others 0. Above it, in the high bit: both sides have
 * closed, as far as the client's packets show. The two change in one store.
 */
#define DIST_FLOW_ACKNOWLEDGED 0x7fffffffu
#define DIST_FLOW_OVER 0x80000000u

/*
 * A flow's first packet, in one of the places that its hash gives (opening.h), until another
 * one's takes it. `tag` is the hash, with a mark for its low 16 bits (for all but two of which
 * the place stands), xor `pin`: words of two writers do not match each other.
 */
struct dist_opening {
	__u64 tag;
	dist_pin pin;
};
DIST_ASSERT_SIZE(struct dist_opening, 16);

/*
 * The mark of a TCP SYN: this bit, and the high bits of its sequence number. Of other TCP
 * packets: the low bits of `acknowledged`. Of all others: 0.
 */
#define DIST_MARK_MASK 0xffffULL
#define DIST_MARK_SYN 0x8000
#define DIST_MARK_SEQUENCE_SHIFT 17
#define DIST_MARK_ACKNOWLEDGED 0x7fff

/*
 * How many flow entries a VIP has, and what the sweep needs to know of it. Element 0: how
 * many there are, and nothing else. The first two share one word, which changes in one step.
 */
struct dist_share {
	__u32 vip_id; /* whose share it is: flows of a VIP before it do not count */
	__u32 used;
	__u32 tcp_idle; /* s, as in dist_vip; so are the next two */
	__u32 other_idle;
	__u32 position_base;
	__u32 since; /* s, monotonic: when the VIP was plugged; not for the program */
	char port[16]; /* by which name the VIP knows its port; not for the program */
};
DIST_ASSERT_SIZE(struct dist_share, 40);

struct dist_fragment_key {
	struct dist_address source;
	__u32 vip_id;
	__u32 identification;
	__u8 protocol; /* IPv4; IPv6 tells datagrams apart without it (RFC 8200, 4.5) */
	__u8 reserved[3];
};
DIST_ASSERT_SIZE(struct dist_fragment_key, 28);

/* What the first fragment of a datagram said. */
struct dist_fragment {
	__u32 seen; /* s, monotonic */
	__u16 source_port; /* ICMP echo: identifier */
	__u16 destination_port;
	__u8 protocol;
	__u8 reserved[3];
};
DIST_ASSERT_SIZE(struct dist_fragment, 12);

#define DIST_FRAGMENT_LIFETIME 60 /* s: as long as hosts wait for the rest (RFC 8200, 4.5) */

/* Another station's claim to a VIP. Times are ns, monotonic; 0 = never. */
struct dist_claim {
	__u64 claimed;
	__u64 defended;
	__u64 mac; /* of the last one to claim it, as in dist_position */
};
DIST_ASSERT_SIZE(struct dist_claim, 24);

#define DIST_DEFENCE_INTERVAL 1000000000ULL /* ns */

/* What sweep_flows is given and gives back. */
struct dist_sweep {
	__u32 closing; /* s: a closing flow that is silent for longer is not counted */
	__u32 kept; /* out: flow entries that stay */
	__u32 removed; /* out */
};
DIST_ASSERT_SIZE(struct dist_sweep, 12);

/* The flows with an entry that a position has, as sweep_flows found them. */
struct dist_tally {
	__u32 tcp;
	__u32 udp;
	__u32 sctp;
	__u32 other;
	__u32 closing; /* of any protocol, and in none of the others */
	__u32 reserved[3];
};
DIST_ASSERT_SIZE(struct dist_tally, 32);

/* s: an entry is removed when it has not counted for so long that no packet can still use it. */
#define DIST_EXPIRY_MARGIN 8

/*
 * The ledger: what the daemon has to know of the maps to go on with them after it was away.
 * The program reads nothing of it but `carrying`. Each entry is written so that a daemon which
 * is killed between any two stores finds either what was there before or what was to come.
 */

struct dist_header {
	__u64 flow_secret; /* of the hash of openings */
	__u32 abi_version; /* of the program that the maps were last used by */
	__u32 last_vip_id;
	__u32 carrying; /* entries of flows may still be with another program, see carry-over.h */
	__u32 reserved;
};
DIST_ASSERT_SIZE(struct dist_header, 24);

/* A distributor's place in the maps, by its id. VIPs may still have a place before it. */
struct dist_table {
	__u32 slot_base;
	__u32 position_base;
	__u32 slots;
	__u32 assigned; /* 0 = slots are being given to other owners than dist_occupant says */
	__u32 idle; /* s: of VIPs that were unplugged, the longest that may be silent */
	__u32 reserved;
};
DIST_ASSERT_SIZE(struct dist_table, 24);

/*
 * Who is at a position, if it has a MAC and this generation: written before the position, so
 * that another generation tells that the position was not reached.
 */
struct dist_occupant {
	char amphora[256]; /* its id */
	struct dist_address ip;
	__u32 since; /* s, monotonic */
	__u16 generation;
	__u16 weight; /* what the slots were assigned by; of the position, occupied or not */
};
DIST_ASSERT_SIZE(struct dist_occupant, 280);

/* The layout of all maps, as text: see native/src/layout.h. */
struct dist_layout {
	char text[16384];
};

struct dist_vip_counters {
	__u64 packets[DIST_VERDICTS]; /* by verdict: their sum is what was received */
	__u64 bytes; /* of forwarded packets, from the Ethernet header on */
};

struct dist_position_counters {
	__u64 packets;
	__u64 bytes;
	/* Starts that a protocol marks, and new flows of others in unsettled slots. */
	__u64 new_flows;
	__u64 openings; /* packets of flows that have no entry after them, in unsettled slots */
};

/* Element 0 of vip_counters counts packets that are for no VIP. */
#define DIST_COUNTERS_NO_VIP 0

#endif
