/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Limits that hold over all nodes of a cluster, as one kernel enforces them: by this node's share. The cluster thread
 * (user/daemon/cluster.c, by user/datapath/shares.h) works shares out and writes them while packets flow; no packet ever waits.
 *
 * A rule marks such limits in weir_rule.cluster. Of a group limit the share is weir_rule.group[i] itself, of the side in use. Of a limit of
 * clients weir_rule.limit[i] is the even share that all clients have but the watched ones, who have a number in
 * this map of their own. Whoever uses up half of the even burst, or is refused, asks to be watched: struct weir_hot.
 *
 * Cost, burst and bucket are three words, changed one after the other so that whoever comes in between is judged by
 * less than either share: the bucket moves first when the share grows, last when it shrinks.
 */
#pragma once

#include "types.h"

#define WEIR_SHARES 1024 /* number 0: none */

/* Map weir_share (array of WEIR_SHARES, BPF_F_MMAPABLE) */
struct weir_share_limit {
	u64 cost, burst;     /* as in struct weir_limit; the daemon's */
	u64 passed, refused; /* units so far; the kernel's, atomically */
};
struct weir_share {
	u64 hash; /* of the client, as in core/client_table.h; 0: the number is free. Another's is not used */
	u32 generation; /* of the side it was made for: in any other it is not used */
	u32 reserved;
	u64 reserved2[6];
	struct weir_share_limit
		limit[WEIR_LIMITS]; /* only those marked in weir_rule.cluster are used */
};
weir_assert_size(struct weir_share, 192);

/*
 * Ring weir_hot: a client of a cluster limit that has no share of its own asks for one. Once for each client
 * (WEIR_CLIENT_ASKED), and at most WEIR_HOT_RATE a second on each processor: a flood of spoofed sources all ask.
 */
#define WEIR_HOT_RATE 1000
#define WEIR_HOT_BURST 100
struct weir_hot {
	u64 hash;
	u64 addr[2]; /* as in struct weir_client */
	u8 service, tier;
	u8 reserved[6];
};
weir_assert_size(struct weir_hot, 32);

/* weir_rule.cluster: bit i for limit[i], bit WEIR_LIMITS + i for group[i] */
#define WEIR_CLUSTER_LIMITS ((1U << WEIR_LIMITS) - 1)
#define WEIR_CLUSTER_GROUP(i) (1U << (WEIR_LIMITS + (i)))
