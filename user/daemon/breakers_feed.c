/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What goes into the breakers: outcomes at once, counts each 100 ms, what flows and probes show, and time. */
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/number.h"
#include "user/base/words.h"
#include "user/daemon/breakers_internal.h"

#define SAMPLE_NS (NS_PER_SEC / 10)

/* ---------------------------------------------------------------------------------------- outcomes */

/* A failure that the kernel has not seen: it goes on counting from this one. */
static uint32_t add_to_streak(const struct breakers *breakers, uint32_t number, bool failed)
{
	u32 *streak = &datapath_breakers(breakers->datapath).at[number].streak;

	if (failed)
		return __atomic_add_fetch(streak, 1, __ATOMIC_RELAXED);
	__atomic_store_n(streak, 0, __ATOMIC_RELAXED);
	return 0;
}

static void feed(struct breakers_upstream *upstream, const struct breaker_outcome *outcome,
		 uint64_t now_ns)
{
	breaker_outcome(upstream->breaker, outcome, now_ns);
	breakers_settle_endpoint(upstream, outcome->endpoint);
}

/*
 * A handshake says that somebody listens, not that they work: what decides while half-open is an answer, or a probe. A call
 * whose beginning nobody knows is older than Weir: it speaks of a closed breaker only.
 */
static void on_outcome(void *context, const struct weir_outcome *told)
{
	struct breakers *breakers = context;
	uint32_t number = told->endpoint % WEIR_ENDPOINTS;
	struct breakers_upstream *upstream = breakers->owner[number].upstream;
	struct breaker_outcome outcome = {
		.endpoint = breakers->owner[number].endpoint,
		.failed = result_is_failure(told->result),
		.slow = told->result == WEIR_RESULT_SLOW,
		.streak = told->streak,
		.began_ns = told->began_ns,
	};
	struct breaker_view view;

	if (!upstream || told->connected)
		return;
	breaker_view(upstream->breaker, outcome.endpoint, &view);
	if (!outcome.began_ns && view.state == BREAKER_CLOSED)
		outcome.began_ns = told->time_ns;
	breakers->outcome_ns = told->time_ns;
	feed(upstream, &outcome, clock_monotonic_ns());
	breakers->outcome_ns = 0;
}

void breakers_on_outcomes(void *context)
{
	struct breakers *breakers = context;

	datapath_outcomes(breakers->datapath, on_outcome, breakers);
}

void breakers_gave_up(void *context, uint32_t number, bool connecting, uint64_t since_ns)
{
	struct breakers *breakers = context;
	struct breakers_upstream *upstream = breakers ? breakers->owner[number].upstream : NULL;
	struct breaker_outcome outcome = {.failed = true, .began_ns = since_ns};

	(void)connecting;
	if (!upstream)
		return;
	outcome.endpoint = breakers->owner[number].endpoint;
	outcome.streak = add_to_streak(breakers, number, true);
	feed(upstream, &outcome, clock_monotonic_ns());
}

/* ------------------------------------------------------------------------------------------- flows */

void breakers_note_flows(struct breakers *breakers, const struct snapshot *found)
{
	for (uint32_t n = 0; breakers && n < WEIR_ENDPOINTS; n++) {
		struct breakers_upstream *upstream = breakers->owner[n].upstream;
		struct breakers_endpoint *endpoint;

		if (!upstream)
			continue;
		endpoint = &upstream->endpoint[breakers->owner[n].endpoint];
		endpoint->connections = (uint32_t)found->endpoint[n].connections;
		endpoint->waiting_syns = (uint32_t)found->endpoint[n].waiting_syns;
	}
}

/* ------------------------------------------------------------------------------------------ probes */

static void say_probe(const struct breakers_upstream *upstream,
		      const struct breakers_endpoint *endpoint, const struct probe_result *result)
{
	if (result->ok)
		log_debug("breakers", "%s %s: probe: works, %.1f ms", upstream->name,
			  endpoint->name, (double)(result->ended_ns - result->began_ns) / 1e6);
	else
		log_debug("breakers", "%s %s: probe: %s", upstream->name, endpoint->name,
			  result->why);
}

/* As many good ones in a row as half-open asks for successes bring an open endpoint back early. */
static void on_probe(struct breakers *breakers, const struct probe_result *result)
{
	struct breakers_upstream *upstream = breakers->owner[result->number].upstream;
	unsigned int number = breakers->owner[result->number].endpoint;
	struct breaker_outcome outcome = {
		.endpoint = number, .failed = !result->ok, .began_ns = result->began_ns};
	struct breakers_endpoint *endpoint;

	if (!upstream || upstream->config->probe.type == PROBE_OFF)
		return;
	endpoint = &upstream->endpoint[number];
	say_probe(upstream, endpoint, result);
	endpoint->probes_ok += result->ok;
	endpoint->probes_failed += !result->ok;
	endpoint->probed.calls++;
	endpoint->probed.failures += !result->ok;
	if (result->began_ns >= endpoint->since_ns || !result->ok)
		endpoint->probes_in_a_row = result->ok ? endpoint->probes_in_a_row + 1 : 0;
	outcome.streak = add_to_streak(breakers, result->number, outcome.failed);
	breaker_outcome(upstream->breaker, &outcome, clock_monotonic_ns());
	if (endpoint->probes_in_a_row >= upstream->config->breaker.half_open_successes)
		breaker_revive(upstream->breaker, number, clock_monotonic_ns());
	breakers_settle_endpoint(upstream, number);
}

void breakers_on_probes(struct breakers *breakers)
{
	struct probe_result result;

	while (probes_take(breakers->probes, &result))
		on_probe(breakers, &result);
}

/* ----------------------------------------------------------------------------------- counts, time */

void breakers_count(const struct breakers *breakers, uint32_t number, struct breakers_counts *out)
{
	const struct datapath_flows flows = datapath_flows(breakers->datapath);
	const struct weir_late *late = &flows.late[number];
	struct breakers_counts counts = {};
	struct weir_calls calls;

	if (datapath_calls(breakers->datapath, number, &calls))
		return;
	calls.result[WEIR_RESULT_CONNECT_TIMEOUT] += late->connect_timeout;
	calls.result[WEIR_RESULT_NO_ANSWER] += late->no_answer;
	for (u32 i = 0; i < WEIR_RESULT_COUNT; i++) {
		counts.calls += calls.result[i];
		counts.failures += result_is_failure(i) ? calls.result[i] : 0;
	}
	counts.slow = calls.result[WEIR_RESULT_SLOW];
	*out = counts;
}

static void sample(struct breakers_upstream *upstream, unsigned int number, uint64_t now_ns)
{
	struct breakers_endpoint *endpoint = &upstream->endpoint[number];
	struct breakers_counts before = endpoint->seen, probed = endpoint->probed;

	if (endpoint->number == WEIR_ENDPOINTS)
		return;
	breakers_count(upstream->all, endpoint->number, &endpoint->seen);
	endpoint->probed = (struct breakers_counts){};
	breaker_sample(upstream->breaker, number,
		       &(struct breaker_sample){
			       .from_ns = upstream->all->sampled_ns,
			       .calls = endpoint->seen.calls - before.calls + probed.calls,
			       .failures =
				       endpoint->seen.failures - before.failures + probed.failures,
			       .slow = endpoint->seen.slow - before.slow,
			       .connections = endpoint->connections,
			       .waiting_syns = endpoint->waiting_syns,
		       },
		       now_ns);
}

/* The next sample, or what time brings before. Without upstreams there is neither. */
static void set_timer(struct breakers *breakers)
{
	uint64_t next = breakers->upstreams ? breakers->sampled_ns + SAMPLE_NS : 0;
	struct itimerspec at = {};

	for (size_t i = 0; i < breakers->upstreams; i++) {
		uint64_t mine = breaker_next_ns(breakers->upstream[i]->breaker);

		next = mine < next ? mine : next;
	}
	at.it_value.tv_sec = (time_t)(next / NS_PER_SEC);
	at.it_value.tv_nsec = (long)(next % NS_PER_SEC);
	timerfd_settime(breakers->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

void breakers_on_timer(struct breakers *breakers)
{
	uint64_t now = clock_monotonic_ns(), count;
	bool due = now - breakers->sampled_ns >= SAMPLE_NS;

	if (read(breakers->timer, &count, sizeof(count)) < 0) {
		/* not the timer but something else has called */
	}
	for (size_t u = 0; u < breakers->upstreams; u++) {
		struct breakers_upstream *upstream = breakers->upstream[u];

		for (unsigned int i = 0; due && i < upstream->endpoints; i++)
			if (upstream->config->breaker.mode != BREAKER_OFF)
				sample(upstream, i, now);
		breaker_tick(upstream->breaker, now);
		breakers_settle(upstream);
	}
	if (due)
		breakers->sampled_ns = now;
	set_timer(breakers);
}
