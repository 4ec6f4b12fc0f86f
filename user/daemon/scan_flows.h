/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One pass over the flow table, as memory: how many flows there are, how many connections each endpoint has open, the
 * busiest flows since the last pass, and the calls to upstreams that took too long. The kernel sees packets
 * and cannot see that one does not come; so a call that nobody answers is given up on here, each second: up to a second
 * after its time is over. What is under way in a flow (`since`) is taken by compare-and-swap, by the
 * kernel where a packet ends it, or else by this pass: each call is counted once.
 *
 * Races, all with the kernel and all bounded:
 *  - a flow changes while it is read: one odd line in `weir top --flows`, for a second.
 *  - a way gets another flow while it is read: `since` is then another, and the swap fails. Where the
 *    newcomer has not yet written its own, the call of the flow that went is counted both as given up on and as
 *    discarded: one for each processor and pass at most.
 *  - of several requests that wait in one flow only the oldest is given up on here; the others, three at most, when
 *    the kernel sees the next packet of the flow.
 *  - a daemon that is killed between the swap and the count loses that one.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi/flow.h"
#include "bpf/abi/latency.h"
#include "user/daemon/scan.h"
#include "user/metrics/snapshot.h"

struct scan_flows;

/* Memory for what the last pass saw: 8 bytes for each flow of the table. NULL without memory. */
struct scan_flows *scan_flows_new(uint32_t sets);
void scan_flows_free(struct scan_flows *scan);

/* How long the calls of an endpoint may take; 0: for ever */
struct scan_timeout {
	uint64_t connect_ns; /* SYN to SYN-ACK */
	uint64_t answer_ns;  /* request to answer */
};

/* What a pass reads, and writes: `since` of what it gives up on, and what it gave up on. */
struct scan_flows_input {
	struct weir_flow_set *set;
	uint32_t sets;
	struct weir_late *late;		    /* WEIR_ENDPOINTS, by number */
	const struct scan_timeout *timeout; /* WEIR_ENDPOINTS, by number */
	uint64_t now_ns;		    /* CLOCK_MONOTONIC */
	/* Called, if not NULL, for each call that is given up on: it began at since_ns. */
	void (*given_up)(void *context, uint32_t endpoint, bool connecting, uint64_t since_ns);
	void *context;
	struct scan_pause pause;
};

/*
 * Fills flows, flow_capacity, flow[], flow_tops, endpoint[].connections and .waiting_syns of *out. flow[].interface is the
 * interface's number, owner that of the service or endpoint.
 */
void scan_flows_run(struct scan_flows *scan, const struct scan_flows_input *input,
		    struct snapshot *out);
