/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Families about circuit breakers. */
#include "user/base/breaker_words.h"
#include "user/metrics/writer.h"

/* Each endpoint in use, with the upstream it is of */
#define for_each_endpoint(endpoint, snapshot)                                 \
	for (const struct snapshot_endpoint *endpoint = (snapshot)->endpoint; \
	     endpoint < (snapshot)->endpoint + WEIR_ENDPOINTS; endpoint++)    \
		if (endpoint->name[0])

#define for_each_upstream(upstream, snapshot)                                 \
	for (const struct snapshot_upstream *upstream = (snapshot)->upstream; \
	     upstream < (snapshot)->upstream + WEIR_UPSTREAMS; upstream++)    \
		if (upstream->name[0])

static const struct snapshot_upstream *upstream_of(const struct metrics_input *input,
						   const struct snapshot_endpoint *endpoint)
{
	return &input->snapshot->upstream[endpoint->upstream];
}

void metrics_emit_breaker_state(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		for (unsigned int state = 0; state < BREAKER_STATE_COUNT; state++)
			metrics_number(writer, endpoint->breaker.state == state,
				       upstream_of(input, endpoint)->name, endpoint->name,
				       breaker_state_word(state));
}

/* What cannot happen has no series. */
void metrics_emit_breaker_transitions(struct metrics_writer *writer,
				      const struct metrics_input *input)
{
	for_each_upstream(upstream, input->snapshot)
		for (unsigned int to = 0; to < BREAKER_STATE_COUNT; to++)
			for (unsigned int reason = 0; reason < BREAKER_REASON_COUNT; reason++)
				if (breaker_reason_leads_to(reason, to))
					metrics_number(writer, upstream->transitions[to][reason],
						       upstream->name, breaker_state_word(to),
						       breaker_reason_word(reason));
}

void metrics_emit_breaker_rejections(struct metrics_writer *writer,
				     const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		metrics_number(writer, endpoint->calls.rejected, upstream_of(input, endpoint)->name,
			       endpoint->name);
}

void metrics_emit_breaker_ejections(struct metrics_writer *writer,
				    const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot)
		metrics_number(writer, endpoint->breaker.ejections,
			       upstream_of(input, endpoint)->name, endpoint->name);
}

void metrics_emit_breaker_reaction(struct metrics_writer *writer, const struct metrics_input *input)
{
	metrics_histogram(writer, &input->snapshot->breaker_reaction);
}

void metrics_emit_ejected_ratio(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_upstream(upstream, input->snapshot)
		metrics_real(writer,
			     upstream->endpoints ? (double)upstream->out / upstream->endpoints : 0,
			     upstream->name);
}

void metrics_emit_ejections_held(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_upstream(upstream, input->snapshot)
		metrics_number(writer, upstream->held, upstream->name);
}

void metrics_emit_probes(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_endpoint(endpoint, input->snapshot) {
		const struct snapshot_upstream *upstream = upstream_of(input, endpoint);

		if (!upstream->probed)
			continue;
		metrics_number(writer, endpoint->breaker.probes_ok, upstream->name, endpoint->name,
			       "ok");
		metrics_number(writer, endpoint->breaker.probes_failed, upstream->name,
			       endpoint->name, "failed");
	}
}
