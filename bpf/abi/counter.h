/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters, per CPU. Sum over libbpf_num_possible_cpus() values. Monotonic for the life of the pins.
 */
#pragma once

#include "types.h"
#include "verdict.h"

/* Map weir_series (per-CPU array of WEIR_SERIES): one (interface, service, tier) */
struct weir_count {
	u64 packets;
	u64 bytes; /* from the Ethernet header on */
};
struct weir_series {
	struct weir_count verdict[WEIR_VERDICT_SLOTS]; /* what became of it */
	u64 observed[WEIR_VERDICT_SLOTS]; /* passed because the service only observes; also in PASSED */
	u64 limit[2 * WEIR_LIMITS];	  /* refusals by each limit, then by each group limit */
};

/* Map weir_totals (per-CPU array of one) */
struct weir_totals {
	u64 inserts;
	u64 evictions_idle;
	u64 evictions_active;
	u64 contention;	  /* a compare-and-swap lost, before it was tried again */
	u64 events_lost;  /* the ring buffer was full */
	u64 events_muted; /* not sampled */
	u64 prefix_lookups;
	u64 event_tat; /* the sampler's own bucket, not a counter */
	/* Clients of cluster limits that asked to be watched (abi/share.h) in vain, for now: */
	u64 hot_lost;  /* the ring was full */
	u64 hot_muted; /* not sampled */
	u64 hot_tat;   /* as event_tat */
};
weir_assert_size(struct weir_totals, 88);
