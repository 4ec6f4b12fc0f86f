// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/gather_latency.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/bounds.h"

/* ------------------------------------------------------------------------------------- upstreams */

/* Their number; WEIR_UPSTREAMS, WEIR_ENDPOINTS: none */
static uint32_t upstream_number(const struct weir_state *names, const char *name)
{
	uint32_t n = 0;

	while (n < WEIR_UPSTREAMS && strncmp(names->upstream[n], name, WEIR_NAME))
		n++;
	return n;
}

static uint32_t endpoint_number(const struct weir_state *names, const char *upstream,
				const char *name)
{
	for (uint32_t n = 0; n < WEIR_ENDPOINTS; n++)
		if (!strncmp(names->endpoint[n].upstream, upstream, WEIR_NAME) &&
		    !strncmp(names->endpoint[n].name, name, WEIR_ENDPOINT_NAME))
			return n;
	return WEIR_ENDPOINTS;
}

/* Counted by the kernel, and given up on by the scan: each call is in one of the two. */
static void add_calls(const struct gather *gather, uint32_t endpoint, struct weir_calls *out)
{
	const struct datapath_flows flows = datapath_flows(gather->datapath);
	const struct weir_late *late = &flows.late[endpoint];

	if (datapath_calls(gather->datapath, endpoint, out))
		return;
	out->result[WEIR_RESULT_CONNECT_TIMEOUT] += late->connect_timeout;
	out->result[WEIR_RESULT_NO_ANSWER] += late->no_answer;
}

static void add_upstream(const struct gather *gather, size_t index,
			 struct scan_timeout timeouts[WEIR_ENDPOINTS], struct snapshot *out)
{
	const struct config_upstream *upstream = &gather->config->upstream[index];
	const struct weir_state *names = datapath_names(gather->datapath);
	uint32_t number = upstream_number(names, upstream->name);

	if (number == WEIR_UPSTREAMS)
		return;
	memcpy(out->upstream[number].name, names->upstream[number], WEIR_NAME);
	for (size_t i = 0; i < upstream->endpoints; i++) {
		uint32_t n = endpoint_number(names, upstream->name, upstream->endpoint[i].name);
		struct snapshot_endpoint *to;

		if (n == WEIR_ENDPOINTS)
			continue;
		to = &out->endpoint[n];
		memcpy(to->name, names->endpoint[n].name, WEIR_ENDPOINT_NAME);
		to->upstream = (uint16_t)number;
		to->http = upstream->http;
		add_calls(gather, n, &to->calls);
		resolve_status(gather->resolve, index, i, &to->addresses, &to->stale);
		timeouts[n] = (struct scan_timeout){upstream->connect_timeout_ns,
						    upstream->answer_timeout_ns};
	}
}

/* ------------------------------------------------------------------------------------ histograms */

static void add_histogram(const struct gather *gather, enum weir_latency latency, uint32_t owner,
			  struct snapshot *out)
{
	struct snapshot_latency *to = &out->latency[out->latencies];

	if (datapath_histogram(gather->datapath, latency, owner, &to->sum))
		return;
	to->latency = latency;
	to->owner = (uint16_t)owner;
	for (int i = 0; i < WEIR_SLOTS; i++)
		to->count += to->sum.slot[i];
	out->latencies++;
}

/* Where a slot is cut: as the kernel was told by the same function of the same configuration */
static void add_bounds(const struct config *config, struct snapshot *out)
{
	struct bounds bounds;

	bounds_make(config->bucket_ns, config->buckets, &bounds);
	out->bounds = bounds.count;
	memcpy(out->bound_ns, bounds.ns, sizeof(out->bound_ns));
	memcpy(out->bound_kind, bounds.kind, sizeof(out->bound_kind));
}

static bool is_followed(const struct config *config, const char *service)
{
	for (size_t i = 0; i < config->services; i++)
		if (!strcmp(config->service[i].name, service))
			return config->service[i].latency;
	return false;
}

static void add_histograms(const struct gather *gather, struct snapshot *out)
{
	const struct config *config = gather->config;

	out->latency = calloc(WEIR_HISTOGRAMS, sizeof(*out->latency));
	if (!out->latency || !config->latency)
		return;
	for (uint32_t n = 0; n < WEIR_SERVICES; n++) {
		if (!is_followed(config, out->service[n].name))
			continue;
		add_histogram(gather, WEIR_LATENCY_ROUND_TRIP, n, out);
		add_histogram(gather, WEIR_LATENCY_RESPONSE, n, out);
	}
	for (uint32_t n = 0; n < WEIR_UPSTREAMS; n++) {
		if (!out->upstream[n].name[0])
			continue;
		add_histogram(gather, WEIR_LATENCY_CONNECT, n, out);
		add_histogram(gather, WEIR_LATENCY_UPSTREAM_RESPONSE, n, out);
	}
}

/* ----------------------------------------------------------------------------------------- flows */

/* A flow keeps the number of its interface; in the snapshot that is a position. One that is gone has none. */
static void place_flows(const struct weir_state *names, struct snapshot *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->flow_tops; i++) {
		size_t at = 0;

		while (at < out->interfaces &&
		       strncmp(out->interface[at].name, names->interface[out->flow[i].interface],
			       IFNAMSIZ))
			at++;
		if (at == out->interfaces)
			continue;
		out->flow[kept] = out->flow[i];
		out->flow[kept++].interface = (uint16_t)at;
	}
	out->flow_tops = kept;
}

static void as_before(const struct snapshot *previous, struct snapshot *out)
{
	out->flows = previous->flows;
	out->flow_capacity = previous->flow_capacity;
	memcpy(out->flow, previous->flow, previous->flow_tops * sizeof(out->flow[0]));
	out->flow_tops = previous->flow_tops;
	for (int n = 0; n < WEIR_ENDPOINTS; n++)
		out->endpoint[n].connections = previous->endpoint[n].connections;
}

void gather_latency(struct gather *gather, const struct snapshot *previous, struct snapshot *out)
{
	const struct config *config = gather->config;
	struct datapath_flows flows = datapath_flows(gather->datapath);
	struct scan_timeout timeouts[WEIR_ENDPOINTS] = {};
	const struct scan_flows_input input = {flows.set, flows.sets, flows.late, timeouts,
					       out->time_ns};

	out->following = config->latency;
	add_bounds(config, out);
	for (size_t i = 0; i < config->upstreams; i++)
		add_upstream(gather, i, timeouts, out);
	add_histograms(gather, out);
	datapath_flow_sums(gather->datapath, &out->flow_sums);
	if (previous) {
		as_before(previous, out);
		return;
	}
	scan_flows_run(gather->scan_flows, &input, out);
	place_flows(datapath_names(gather->datapath), out);
}
