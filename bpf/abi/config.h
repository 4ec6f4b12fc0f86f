/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What can be configured at run time, as the kernel reads it. Everything exists twice: the map
 * weir_config has two values (sides), and there are two prefix tries and two destination tries. A
 * packet reads weir_control once and uses that side throughout. The daemon (user/datapath/apply.c, the only
 * writer) fills the idle side, flips the word, and waits out readers before it touches the old side.
 */
#pragma once

#include "latency.h"
#include "types.h"

/*
 * The word every packet reads first (map weir_control):
 *   bit 0     the active side
 *   bits 1..  the epoch: grows with each reload and each change of bans. A client entry checked in
 *             another epoch asks the prefix trie again
 */
struct weir_control {
	u64 word;
	u64 reserved[7];
};
weir_assert_size(struct weir_control, 64);

#define WEIR_SIDE(word) ((u32)(1 & (word)))
#define WEIR_EPOCH(word) ((u32)((word) >> 1))

/* Units. X(NAME, name) */
#define WEIR_UNITS(X)         \
	X(PACKETS, "packets") \
	X(BYTES, "bytes")     \
	X(CONNECTIONS, "connections") /* TCP segments with SYN and without ACK */

enum weir_unit {
#define X(name, text) WEIR_UNIT_##name,
	WEIR_UNITS(X)
#undef X
		WEIR_UNIT_COUNT,
};

/*
 * A rate and a burst, as GCRA wants them. cost is ticks per unit, for bytes in 1/2^20 ticks (a
 * limit of 20 MB/s is 800 ticks a byte; one of 10 GB/s 1.6): rounded up, so that a limit is never
 * exceeded. burst is burst x cost in ticks, so that exactly that many pass at once; at least the
 * cost of one packet.
 */
#define WEIR_BYTE_COST_SHIFT 20
struct weir_limit {
	u64 cost;
	u64 burst;
};

/* One (service, tier). First cache line: all that a client with up to two limits needs. */
struct weir_rule {
	u8 limits;	      /* how many of limit[] are in use */
	u8 groups;	      /* how many of group[] are in use */
	u8 flags;	      /* WEIR_RULE_* */
	u8 cluster;	      /* which of them hold over a cluster: see abi/share.h */
	u8 unit[WEIR_LIMITS]; /* enum weir_unit of limit[i] */
	u8 group_unit[WEIR_LIMITS];
	u32 reserved2;
	struct weir_limit limit[WEIR_LIMITS];
	struct weir_limit group[WEIR_LIMITS]; /* buckets: weir_group[weir_group_index()] */
	u32 chunk[WEIR_LIMITS];	     /* units a processor takes of group[i] at a time, at least 1 */
	u16 series[WEIR_INTERFACES]; /* counter series by interface number */
} __attribute__((aligned(64)));
weir_assert_size(struct weir_rule, 192);

#define WEIR_RULE_UNLIMITED 0x01

/* Modes and reactions of a service */
#define WEIR_SERVICE_OBSERVE 0x01   /* count what would have been refused, refuse nothing */
#define WEIR_SERVICE_REJECT 0x02    /* answer TCP over a limit with a RST */
#define WEIR_SERVICE_GUARD 0x04	    /* `guard` holds a limit */
#define WEIR_SERVICE_GROUPS 0x10    /* some tier has group limits */
#define WEIR_SERVICE_UNTRACKED 0x08 /* no limit in any tier: the table need not be asked */
#define WEIR_SERVICE_LATENCY 0x20   /* its flows are followed */

struct weir_service {
	u8 flags; /* WEIR_SERVICE_* */
	u8 reserved[7];
	u64 mask[2][2]; /* [is IPv6][word]: client prefix, wire order; IPv4 on ::ffff:a.b.c.d */
	u64 reserved2[3];
	u64 parent_mask[2][2];	 /* the same for parent prefixes */
	struct weir_limit guard; /* new clients; bucket weir_group[WEIR_GUARD + service] */
	u32 guard_chunk;
	u32 reserved3[3];
} __attribute__((aligned(64)));
weir_assert_size(struct weir_service, 128);

/*
 * Services by port. A port, or protocol number for what has no ports, belongs to a class; a class
 * stands for one set of services. Where no service is bound to destination prefixes the class is the
 * number of the service; otherwise the destination trie names the service of each class for that destination.
 */
#define WEIR_CLASS_PROTECTED 255

/* One endpoint of an upstream, by its number */
struct weir_endpoint {
	u8 flags; /* WEIR_ENDPOINT_*; 0: none */
	u8 upstream;
	u8 reserved[6];
	u64 slow_ns;	       /* a later answer is `slow` */
	u64 answer_timeout_ns; /* a later one is `no_answer` */
	u64 reserved2[5];
};
weir_assert_size(struct weir_endpoint, 64);
#define WEIR_ENDPOINT_USED 0x01
#define WEIR_ENDPOINT_HTTP 0x02	   /* read the status of HTTP/1 answers */
#define WEIR_ENDPOINT_BREAKER 0x04 /* it has a breaker: see abi/breaker.h */
#define WEIR_ENDPOINT_RESET 0x08   /* an open gate resets established connections too */
#define WEIR_ENDPOINT_OBSERVE 0x10 /* its gate only counts what it would have rejected */

struct weir_side {
	u32 flags;	/* WEIR_SIDE_* */
	u32 generation; /* counts successful reloads */
	u32 interfaces; /* how many of ifindex[] are in use */
	u32 reserved;
	u32 ifindex[WEIR_INTERFACES]; /* interface number -> ifindex, 0: free */
	u32 bounds;		      /* how many of bound_ns[] are in use */
	u32 latency_bank;	      /* 0 or 1: which histograms are counted in */
	u64 reserved2[5];
	struct weir_service service[WEIR_SERVICES];
	struct weir_rule rule[WEIR_SERVICES * WEIR_TIERS];
	struct weir_endpoint endpoint[WEIR_ENDPOINTS];
	u64 bound_ns[WEIR_SLOTS]; /* ascending, inclusive upper bounds of slots; the rest ~0 */
	u8 class_service[WEIR_CLASSES];
	u8 class_protocol[256]; /* by protocol number, all but TCP and UDP */
	u8 class_tcp[65536];	/* by destination port, host order */
	u8 class_udp[65536];
};
weir_assert_offset(struct weir_side, service, 128);

#define WEIR_SIDE_DESTINATIONS 0x01 /* some service is bound to destination prefixes */
#define WEIR_SIDE_PREFIXES 0x02	    /* the prefix trie is not empty, or may not be */
#define WEIR_SIDE_ENDPOINTS 0x04    /* there are upstreams */

/* Prefix tries weir_prefix_0/1 and destination tries weir_dst_0/1: key */
struct weir_prefix_key {
	u32 length;  /* bits, 0 .. 128; IPv4 prefixes are 96 longer */
	u8 addr[16]; /* wire order; IPv4 as ::ffff:a.b.c.d */
};
weir_assert_size(struct weir_prefix_key, 20);

/*
 * Value of a prefix trie. The daemon stores for each prefix the whole answer (tier by the longest
 * tier prefix, ban and denial by any that covers it), so that one look-up is enough.
 */
struct weir_prefix {
	u8 tier;
	u8 flags; /* WEIR_CLIENT_UNLIMITED or _DENIED, and WEIR_CLIENT_BANNED */
	u8 reserved[6];
	u64 ban_until; /* ticks, if BANNED; ~0: no end */
};
weir_assert_size(struct weir_prefix, 16);

/* Value of the map weir_ban, by weir_prefix_key */
struct weir_ban {
	u64 until; /* ticks; ~0: no end */
	u8 origin; /* enum weir_ban_origin */
	u8 reserved[7];
};

/* Who asked for it. X(NAME, word) */
#define WEIR_BANS_FROM(X)                                   \
	X(MANUAL, "manual") /* an operator, of this host */ \
	X(ESCALATION, "escalation")                         \
	X(CLUSTER, "cluster") /* an operator, of all nodes */

enum weir_ban_origin {
#define X(name, text) WEIR_BAN_##name,
	WEIR_BANS_FROM(X)
#undef X
		WEIR_BAN_ORIGINS,
};

/* Value of a destination trie: the service of each class at this destination */
struct weir_destination {
	u8 service[WEIR_CLASSES];
};

/* Group buckets and new-client guards: map weir_group, one cache line each */
#define WEIR_GUARD (WEIR_SERVICES * WEIR_TIERS * WEIR_LIMITS)
#define WEIR_PARENT_GUARD (WEIR_GUARD + WEIR_SERVICES)
#define WEIR_GROUPS (WEIR_PARENT_GUARD + WEIR_SERVICES)
struct weir_group {
	u64 tat;
	u64 reserved[7];
};
weir_assert_size(struct weir_group, 64);

static inline u32 weir_group_index(u32 service, u32 tier, u32 limit)
{
	return (service * WEIR_TIERS + tier) * WEIR_LIMITS + limit;
}

/* What one processor holds of a group bucket it has already paid for, and has counted: per-CPU map weir_chunk */
struct weir_chunk {
	u64 credit; /* ticks */
	u64 until;  /* ticks: unused credit is forfeited then */
	u64 cost;   /* ticks of a unit when it was bought */
	/* Units of a limit of a cluster (abi/share.h). What a later group limit refused counts as refused */
	u64 passed, refused;
};
weir_assert_size(struct weir_chunk, 40);
