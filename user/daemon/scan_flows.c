// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/scan_flows.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/core/flow_table.h"

/*
 * What a flow said at the last pass. Bytes in units of 64, so that 32 bits do not wrap around within a
 * second below 2 Tbit/s: less than 64 bytes of a flow show a second late.
 */
#define SEEN_SHIFT 6
struct seen {
	uint32_t tag, bytes;
};

struct scan_flows {
	struct seen *seen;
	uint64_t last_ns;
};

struct scan_flows *scan_flows_new(uint32_t sets)
{
	struct scan_flows *scan = calloc(1, sizeof(*scan));

	if (scan)
		scan->seen = calloc((size_t)sets * WEIR_WAYS, sizeof(*scan->seen));
	if (scan && !scan->seen) {
		free(scan);
		scan = NULL;
	}
	return scan;
}

void scan_flows_free(struct scan_flows *scan)
{
	if (scan)
		free(scan->seen);
	free(scan);
}

/* ------------------------------------------------------------------------------------- timeouts */

/* How long what is under way in this flow may take, and what it is; 0: for ever */
static uint64_t patience(const struct weir_flow *flow, const struct scan_timeout *timeout,
			 bool *connecting)
{
	uint8_t state = weir_read_once(flow->state);
	bool tcp = flow->protocol == IPPROTO_TCP;

	*connecting = tcp && state == WEIR_FLOW_ASKED;
	if (*connecting)
		return timeout->connect_ns;
	/* Between SYN-ACK and the ACK for it nothing is asked; over UDP the first packet asks. */
	if (state == WEIR_FLOW_OPEN || (!tcp && state != WEIR_FLOW_CLOSED))
		return timeout->answer_ns;
	return 0;
}

static void give_up_late(const struct scan_flows_input *input, const u64 *slot, u64 was,
			 struct weir_flow *flow)
{
	uint32_t endpoint = weir_read_once(flow->owner) % WEIR_ENDPOINTS;
	uint64_t since = weir_read_once(flow->since), limit;
	bool connecting;

	if (!since || since >= input->now_ns)
		return;
	limit = patience(flow, &input->timeout[endpoint], &connecting);
	if (!limit || input->now_ns - since <= limit)
		return;
	/* All of this was one flow's if that has the way still. */
	if ((uint32_t)__atomic_load_n(slot, __ATOMIC_ACQUIRE) != (uint32_t)was ||
	    weir_compare_and_swap(&flow->since, since, 0) != since)
		return;
	if (connecting) {
		__atomic_fetch_or(&flow->flags, WEIR_FLOW_TIMED_OUT, __ATOMIC_RELAXED);
		input->late[endpoint].connect_timeout++;
	} else {
		input->late[endpoint].no_answer++;
	}
	if (input->given_up)
		input->given_up(input->context, endpoint, connecting, since);
}

/* ------------------------------------------------------------------------------------------ top */

static void keep_busiest(struct snapshot *out, const struct snapshot_flow *flow)
{
	size_t at = out->flow_tops;

	if (at == SNAPSHOT_TOP)
		at--;
	else
		out->flow_tops++;
	while (at && out->flow[at - 1].rate < flow->rate) {
		out->flow[at] = out->flow[at - 1];
		at--;
	}
	out->flow[at] = *flow;
}

/* Since the flow's last packet, by the life that packet gave it */
static double silent_seconds(const struct weir_flow *flow, int32_t remaining)
{
	bool upstream = flow->flags & WEIR_FLOW_UPSTREAM;
	int64_t life = weir_flow_coarse(weir_flow_life_ns(flow->state, upstream));
	double coarse_seconds = (double)(1ULL << WEIR_COARSE_SHIFT) / (double)WEIR_TICKS_PER_SEC;

	return life > remaining ? (double)(life - remaining) * coarse_seconds : 0;
}

static void add_top(const struct weir_flow *flow, int32_t remaining, double rate,
		    struct snapshot *out)
{
	bool upstream = flow->flags & WEIR_FLOW_UPSTREAM;
	struct snapshot_flow busy = {
		.rport = flow->rport,
		.lport = flow->lport,
		.protocol = flow->protocol,
		.state = flow->state,
		.upstream = upstream,
		.owner = flow->owner % (upstream ? WEIR_ENDPOINTS : WEIR_SERVICES),
		.interface = flow->interface % WEIR_INTERFACES,
		/* the initiator of a call is this host */
		.bytes_in = flow->bytes[upstream],
		.bytes_out = flow->bytes[!upstream],
		.packets_in = flow->packets[upstream],
		.packets_out = flow->packets[!upstream],
		.rate = rate,
		.silent_seconds = silent_seconds(flow, remaining),
	};

	memcpy(busy.remote, flow->remote, sizeof(busy.remote));
	memcpy(busy.local, flow->local, sizeof(busy.local));
	keep_busiest(out, &busy);
}

/* ----------------------------------------------------------------------------------- one flow */

/* Bytes since the last pass, both ways */
static uint64_t news(struct seen *seen, uint32_t tag, const struct weir_flow *flow)
{
	uint32_t bytes =
		(uint32_t)((weir_read_once(flow->bytes[0]) + weir_read_once(flow->bytes[1])) >>
			   SEEN_SHIFT);
	uint32_t before = seen->tag == tag ? seen->bytes : 0;

	*seen = (struct seen){tag, bytes};
	return (uint64_t)(bytes - before) << SEEN_SHIFT;
}

static void count(const struct weir_flow *flow, struct snapshot *out)
{
	struct snapshot_endpoint *endpoint =
		&out->endpoint[weir_read_once(flow->owner) % WEIR_ENDPOINTS];
	uint8_t state = weir_read_once(flow->state);

	out->flows++;
	if (!(weir_read_once(flow->flags) & WEIR_FLOW_UPSTREAM) || flow->protocol != IPPROTO_TCP)
		return;
	if (state == WEIR_FLOW_ANSWERED || state == WEIR_FLOW_OPEN)
		endpoint->connections++;
	else if (state == WEIR_FLOW_ASKED && weir_read_once(flow->since))
		endpoint->waiting_syns++;
}

void scan_flows_run(struct scan_flows *scan, const struct scan_flows_input *input,
		    struct snapshot *out)
{
	double seconds = scan->last_ns ? (double)(input->now_ns - scan->last_ns) / 1e9 : 0;
	uint32_t now_coarse = weir_coarse(input->now_ns * WEIR_TICKS_PER_NS);

	out->flow_capacity = (uint64_t)input->sets * WEIR_WAYS;
	for (size_t i = 0; i < (size_t)input->sets * WEIR_WAYS; i++) {
		struct weir_flow_set *set = &input->set[i / WEIR_WAYS];
		struct weir_flow *flow = &set->way[i % WEIR_WAYS];
		const u64 *slot = &set->slot[i % WEIR_WAYS];
		u64 was = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		int32_t remaining = weir_remaining(was, now_coarse);
		uint64_t bytes;
		double rate;

		if (i % WEIR_WAYS == 0)
			scan_pause(&input->pause, i / WEIR_WAYS, sizeof(*set));
		if (!(uint32_t)was)
			continue;
		/* Also of flows that may be forgotten: a SYN that is sent again after a while is. */
		if (weir_read_once(flow->flags) & WEIR_FLOW_UPSTREAM)
			give_up_late(input, slot, was, flow);
		if (remaining > 0)
			count(flow, out);
		bytes = news(&scan->seen[i], (uint32_t)was, flow);
		rate = seconds > 0 ? (double)bytes / seconds : 0;
		if (bytes &&
		    (out->flow_tops < SNAPSHOT_TOP || rate > out->flow[SNAPSHOT_TOP - 1].rate))
			add_top(flow, remaining, rate, out);
	}
	scan->last_ns = input->now_ns;
}
