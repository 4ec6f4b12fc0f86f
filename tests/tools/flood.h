/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What flood.c hands to flood.bpf.c before it is loaded, and what comes back. */
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
typedef u32 flood_u32;
typedef u64 flood_u64;
#else
#include <stdint.h>
typedef uint32_t flood_u32;
typedef uint64_t flood_u64;
#endif

/* Ethernet, IPv6 and TCP are 74 bytes; whole words are copied */
#define FLOOD_HEADERS 80
#define FLOOD_SOURCES_MAX (1U << 24)

/*
 * A frame whose variable fields are zero: the part of the source address at FLOOD_SOURCE, the source
 * port, the TCP sequence number and the checksums. The sums are over all the rest, 16-bit words as
 * they lie in memory, not folded: a one's complement sum does not mind the byte order (RFC 1071, 2B).
 */
struct flood_plan {
	flood_u64 header[FLOOD_HEADERS / 8];
	flood_u32 ipv6, tcp; /* 0 or 1 */
	flood_u32 ip_sum;    /* of the IPv4 header */
	flood_u32 l4_sum;    /* of the pseudo header and the transport, payload included */
	flood_u32 source;    /* host order: IPv4 the address, IPv6 its bytes 4 .. 7 */
	flood_u32 sources;   /* 1 .. FLOOD_SOURCES_MAX */
	flood_u32 stride;    /* odd: from one source to the next, modulo 2^24 */
	flood_u32 ifindex;
	flood_u32 heavy;       /* host order: a source of its own, as `source` */
	flood_u32 heavy_every; /* each so many packets one comes from there; 0: none */
	flood_u64 gap;	       /* between packets, 1/1024 ns; 0: none, as they come */
};

#define FLOOD_GAP_SHIFT 10
/* How late a packet may be and still be made up for. More would come as a burst. */
#define FLOOD_LATE (100000ULL << FLOOD_GAP_SHIFT)

/* IPv4: 14 + 12. IPv6: 14 + 8 + 4. So one place serves both. */
#define FLOOD_SOURCE 26

struct flood_state {
	flood_u64 packets; /* made so far */
	flood_u64 next;	   /* when the next is due, 1/1024 ns of the monotonic clock */
	flood_u32 which;   /* source of the next, 0 .. sources - 1 */
	flood_u32 lap;	   /* how often all sources have been through */
};
