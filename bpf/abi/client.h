/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The client table, as it lies in memory: one BPF array (BPF_F_MMAPABLE, pinned as weir_clients) of
 * sets. A set is one line of 8 slots and 8 entries ("ways") of one cache line each. XDP, TC and the
 * daemon's scan read the same header.
 *
 * Byte order: addresses as on the wire. Times in ticks (types.h).
 */
#pragma once

#include "types.h"

#define WEIR_WAYS 8

/*
 * A slot says who lives in a way and until when its state matters, in one word that is only ever
 * written by compare-and-swap or, by the processor that owns the claim, by one store:
 *   low 32 bits   tag: hash of the client, never 0 in use. 0: the way is free or being written
 *   high 32 bits  expiry: the coarse time after which every bucket of the client is full again.
 *                 Forgetting it then loses nothing. Rounded up; only ever late, never early
 */
#define WEIR_SLOT(tag, expiry) ((u64)(expiry) << 32 | (u32)(tag))
#define WEIR_SLOT_FREE 0ULL
#define WEIR_SLOT_BUSY WEIR_SLOT(0, 1) /* claimed, its way is being written */

/* Coarse time: 2^24 ns = 16.8 ms. Compared as a signed difference: holds for +-1.1 years. */
#define WEIR_COARSE_SHIFT (24 + WEIR_TICK_SHIFT)

/* In struct weir_client.service: a parent prefix, which stands for its unknown clients */
#define WEIR_CLIENT_PARENT 0x80

/* struct weir_client.flags: answers of the prefix trie, cached */
#define WEIR_CLIENT_UNLIMITED 0x10
#define WEIR_CLIENT_DENIED 0x20
#define WEIR_CLIENT_BANNED 0x40 /* until tat[3]; that bucket is full when the ban is over */
#define WEIR_CLIENT_ASKED 0x80	/* not of the trie: it has asked to be watched, see abi/share.h */
#define WEIR_CLIENT_CACHED (WEIR_CLIENT_UNLIMITED | WEIR_CLIENT_DENIED | WEIR_CLIENT_BANNED)

/*
 * Who a client is to the configuration of one epoch. One word, read and written whole, so that a packet never
 * sees the tier of one epoch with the rules of another. The daemon writes `share`, and both the flag ASKED, by compare-and-swap: who
 * loses looks again, the kernel with the client's next packet, the daemon when it next looks at the client.
 */
struct weir_standing {
	u8 service;   /* number of the service, or'ed with PARENT; with the address the key */
	u8 flags;     /* answer of the prefix trie in this epoch: WEIR_CLIENT_* */
	u16 tier : 4; /* the same */
	u16 share : 12; /* its number in weir_share, 0: none. Of use only if that has this client's hash */
	u32 epoch; /* low 32 bits of the epoch that this and tat[] were checked in */
};
weir_assert_size(struct weir_standing, 8);

struct weir_client {
	u64 addr[2]; /* cut to the client prefix; IPv4 as ::ffff:a.b.c.d */
	union {
		struct weir_standing standing;
		u64 standing_word;
		struct { /* the same, for who reads just one */
			u8 service, flags;
			u16 tier : 4, share : 12;
			u32 epoch;
		};
	};
	u64 tat[WEIR_LIMITS]; /* theoretical arrival time of each limit, ticks; see core/gcra.h */
	u32 passed;	      /* packets; wrap around */
	u32 refused;
};
weir_assert_size(struct weir_client, 64);

struct weir_client_set {
	u64 slot[WEIR_WAYS];
	struct weir_client way[WEIR_WAYS];
} __attribute__((aligned(64)));
weir_assert_size(struct weir_client_set, 576);
