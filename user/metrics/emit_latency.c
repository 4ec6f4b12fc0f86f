/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Families about latency: histograms, flows, and what became of calls to upstreams. */
#include "user/metrics/writer.h"

#include "user/base/words.h"

static const char *owner_name(const struct snapshot *snapshot, const struct snapshot_latency *of)
{
	return of->latency == WEIR_LATENCY_ROUND_TRIP || of->latency == WEIR_LATENCY_RESPONSE
		       ? snapshot->service[of->owner].name
		       : snapshot->upstream[of->owner].name;
}

static void emit_latency(struct metrics_writer *writer, const struct snapshot *snapshot,
			 enum weir_latency latency)
{
	for (size_t i = 0; i < snapshot->latencies; i++) {
		const struct snapshot_latency *of = &snapshot->latency[i];
		struct metrics_buckets buckets;

		if (of->latency != latency)
			continue;
		buckets_of_latency(&of->sum, snapshot->bound_ns, snapshot->bound_kind,
				   snapshot->bounds, &buckets);
		metrics_buckets(writer, &buckets, owner_name(snapshot, of));
	}
}

void metrics_emit_client_round_trip(struct metrics_writer *writer,
				    const struct metrics_input *input)
{
	emit_latency(writer, input->snapshot, WEIR_LATENCY_ROUND_TRIP);
}

void metrics_emit_response(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_latency(writer, input->snapshot, WEIR_LATENCY_RESPONSE);
}

void metrics_emit_upstream_connect(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_latency(writer, input->snapshot, WEIR_LATENCY_CONNECT);
}

void metrics_emit_upstream_response(struct metrics_writer *writer,
				    const struct metrics_input *input)
{
	emit_latency(writer, input->snapshot, WEIR_LATENCY_UPSTREAM_RESPONSE);
}

/* Where no flow is followed there is nothing to say about flows. */
void metrics_emit_samples_discarded(struct metrics_writer *writer,
				    const struct metrics_input *input)
{
	const struct weir_flow_sums *sums = &input->snapshot->flow_sums;

	for (u32 i = 0; input->snapshot->following && i < WEIR_DISCARD_COUNT; i++)
		metrics_number(writer, sums->discarded[i], discard_word(i));
}

static void emit_following(struct metrics_writer *writer, const struct snapshot *snapshot,
			   uint64_t number)
{
	if (snapshot->following)
		metrics_number(writer, number);
}

void metrics_emit_retransmissions(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_following(writer, input->snapshot, input->snapshot->flow_sums.retransmissions);
}

void metrics_emit_flows(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_following(writer, input->snapshot, input->snapshot->flows);
}

void metrics_emit_flow_capacity(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_following(writer, input->snapshot, input->snapshot->flow_capacity);
}

void metrics_emit_flow_inserts(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_following(writer, input->snapshot, input->snapshot->flow_sums.inserts);
}

void metrics_emit_flow_evictions(struct metrics_writer *writer, const struct metrics_input *input)
{
	const struct weir_flow_sums *sums = &input->snapshot->flow_sums;

	if (!input->snapshot->following)
		return;
	metrics_number(writer, sums->evictions_idle, "idle");
	metrics_number(writer, sums->evictions_active, "active");
}

/* Each endpoint in use */
#define for_each_endpoint(endpoint, snapshot)                                 \
	for (const struct snapshot_endpoint *endpoint = (snapshot)->endpoint; \
	     endpoint < (snapshot)->endpoint + WEIR_ENDPOINTS; endpoint++)    \
		if (endpoint->name[0])

static const char *upstream_name(const struct snapshot *snapshot,
				 const struct snapshot_endpoint *endpoint)
{
	return snapshot->upstream[endpoint->upstream].name;
}

void metrics_emit_upstream_calls(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		for (u32 i = 0; i < WEIR_RESULT_COUNT; i++)
			metrics_number(writer, endpoint->calls.result[i],
				       upstream_name(input->snapshot, endpoint), endpoint->name,
				       result_word(i));
}

void metrics_emit_upstream_http(struct metrics_writer *writer, const struct metrics_input *input)
{
	static const char *const class[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};

	for_each_endpoint(endpoint, input->snapshot)
		for (u32 i = 0; endpoint->http && i < 6; i++)
			metrics_number(writer, endpoint->calls.http[i],
				       upstream_name(input->snapshot, endpoint), endpoint->name,
				       class[i]);
}

void metrics_emit_upstream_connected(struct metrics_writer *writer,
				     const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		metrics_number(writer, endpoint->calls.connected,
			       upstream_name(input->snapshot, endpoint), endpoint->name);
}

void metrics_emit_upstream_connections(struct metrics_writer *writer,
				       const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		metrics_number(writer, endpoint->connections,
			       upstream_name(input->snapshot, endpoint), endpoint->name);
}

void metrics_emit_upstream_addresses(struct metrics_writer *writer,
				     const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		metrics_number(writer, endpoint->addresses,
			       upstream_name(input->snapshot, endpoint), endpoint->name);
}

void metrics_emit_upstream_stale(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		metrics_number(writer, endpoint->stale, upstream_name(input->snapshot, endpoint),
			       endpoint->name);
}
