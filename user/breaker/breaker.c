/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What comes in: outcomes, samples, ticks, and another configuration. */
#include "user/breaker/breaker.h"

#include <stdlib.h>

#include "user/breaker/internal.h"
#include "user/breaker/outlier.h"

struct breaker *breaker_new(const struct config_breaker *config, unsigned int endpoints,
			    uint64_t seed, uint64_t now_ns, breaker_changed *changed, void *context)
{
	struct breaker *breaker =
		calloc(1, sizeof(*breaker) + endpoints * sizeof(breaker->endpoint[0]));

	if (!breaker)
		return NULL;
	*breaker = (struct breaker){
		.config = *config,
		.now_ns = now_ns,
		.random = seed,
		.changed = changed,
		.context = context,
		.endpoints = endpoints,
	};
	for (unsigned int i = 0; i < endpoints; i++) {
		struct endpoint *endpoint = &breaker->endpoint[i];

		endpoint->state = breaker_rest(breaker);
		endpoint->since_ns = now_ns;
		endpoint->step_ns = now_ns + config->window_ns;
		window_reset(&endpoint->window, config->window_ns, now_ns);
	}
	return breaker;
}

void breaker_free(struct breaker *breaker)
{
	free(breaker);
}

static void configure_endpoint(struct breaker *breaker, struct endpoint *endpoint,
			       bool other_window)
{
	uint64_t latest = breaker_latest_retry_ns(breaker);

	if (endpoint_is_forced(endpoint))
		return;
	if ((breaker->config.mode == BREAKER_OFF) != (endpoint->state == BREAKER_DISABLED)) {
		breaker_enter(breaker, endpoint, breaker_rest(breaker), BREAKER_BY_CONFIGURED);
		return;
	}
	if (endpoint->state == BREAKER_OPEN && endpoint->retry_ns > latest)
		endpoint->retry_ns = latest;
	else if (endpoint->state == BREAKER_HALF_OPEN)
		breaker_decide(breaker, endpoint);
	else if (endpoint->state == BREAKER_CLOSED && other_window)
		window_reset(&endpoint->window, breaker->config.window_ns, breaker->now_ns);
}

void breaker_configure(struct breaker *breaker, const struct config_breaker *config,
		       uint64_t now_ns)
{
	bool other_window = config->window_ns != breaker->config.window_ns;

	breaker_at(breaker, now_ns);
	breaker->config = *config;
	for (unsigned int i = 0; i < breaker->endpoints; i++)
		configure_endpoint(breaker, &breaker->endpoint[i], other_window);
}

/*
 * A streak that is no longer than it was has begun anew, with a success in between. Events of two processors may
 * change places: then `before` is forgotten early, and what it stood for counts in the present state.
 */
static void note_streak(struct endpoint *endpoint, const struct breaker_outcome *outcome,
			bool present)
{
	uint32_t last = endpoint->streak;

	endpoint->streak = !outcome->failed    ? 0
			   : outcome->streak   ? outcome->streak
			   : last < UINT32_MAX ? last + 1
					       : last;
	if (endpoint->streak <= last)
		endpoint->before = 0;
	if (outcome->failed && !present && endpoint->before < endpoint->streak)
		endpoint->before++;
}

/* It is not held any more, if it was for that. */
static void let_go(struct endpoint *endpoint, enum breaker_reason reason)
{
	if (endpoint->held == reason)
		endpoint->held = BREAKER_BY_NONE;
}

static void judge_closed(struct breaker *breaker, struct endpoint *endpoint, bool failed)
{
	uint32_t most = breaker->config.consecutive_failures;

	if (!failed)
		let_go(endpoint, BREAKER_BY_CONSECUTIVE);
	else if (most && endpoint_streak(endpoint) >= most)
		breaker_trip(breaker, endpoint, BREAKER_BY_CONSECUTIVE);
}

static void judge_probe(struct breaker *breaker, struct endpoint *endpoint,
			const struct breaker_outcome *outcome)
{
	if (outcome->failed) {
		breaker_eject(breaker, endpoint, BREAKER_BY_PROBE_FAILED);
		return;
	}
	if (outcome->slow && breaker->config.slow_ratio) {
		breaker_eject(breaker, endpoint, BREAKER_BY_PROBE_SLOW);
		return;
	}
	endpoint->successes++;
	endpoint->decided++;
	breaker_decide(breaker, endpoint);
}

void breaker_outcome(struct breaker *breaker, const struct breaker_outcome *outcome,
		     uint64_t now_ns)
{
	struct endpoint *endpoint = &breaker->endpoint[outcome->endpoint];
	bool present;

	breaker_at(breaker, now_ns);
	breaker_settle(breaker, endpoint);
	present = outcome->began_ns >= endpoint->since_ns;
	note_streak(endpoint, outcome, present);
	if (!present)
		return;
	if (endpoint->state == BREAKER_CLOSED)
		judge_closed(breaker, endpoint, outcome->failed);
	else if (endpoint->state == BREAKER_HALF_OPEN)
		judge_probe(breaker, endpoint, outcome);
}

static bool too_many_connections(const struct config_breaker *config,
				 const struct endpoint *endpoint)
{
	return config->max_connections &&
	       (uint64_t)endpoint->connections * CONFIG_RATIO >=
		       (uint64_t)config->max_connections * config->saturation;
}

/* Why the endpoint, closed, should open by what a sample says; BREAKER_BY_NONE: nothing */
static enum breaker_reason find_reason(const struct config_breaker *config,
				       const struct endpoint *endpoint)
{
	const struct window *window = &endpoint->window;

	if (too_many_connections(config, endpoint))
		return BREAKER_BY_CONNECTIONS;
	if (config->waiting_syns && endpoint->waiting_syns >= config->waiting_syns)
		return BREAKER_BY_WAITING_SYNS;
	if (config->failure_ratio &&
	    window_reaches(window, window->sum.failures, config->failure_ratio, config->min_calls))
		return BREAKER_BY_FAILURE_RATIO;
	if (config->slow_ratio &&
	    window_reaches(window, window->sum.slow, config->slow_ratio, config->min_calls))
		return BREAKER_BY_SLOW_RATIO;
	return BREAKER_BY_NONE;
}

static void sample_closed(struct breaker *breaker, struct endpoint *endpoint,
			  const struct breaker_sample *sample)
{
	const struct window_counts counts = {sample->calls, sample->failures, sample->slow};
	enum breaker_reason reason;

	if (sample->from_ns >= endpoint->since_ns)
		window_add(&endpoint->window, &counts, breaker->now_ns);
	reason = find_reason(&breaker->config, endpoint);
	if (sample->calls > sample->failures)
		let_go(endpoint, BREAKER_BY_CONSECUTIVE);
	if (reason != BREAKER_BY_NONE)
		breaker_trip(breaker, endpoint, reason);
	else if (endpoint->held != BREAKER_BY_CONSECUTIVE &&
		 endpoint->held != BREAKER_BY_SUCCESS_RATE)
		endpoint->held = BREAKER_BY_NONE;
}

/*
 * Half-open looks at connections only: as many SYNs as there are permits wait because they are probes, and outcomes
 * come one by one.
 */
void breaker_sample(struct breaker *breaker, unsigned int number,
		    const struct breaker_sample *sample, uint64_t now_ns)
{
	struct endpoint *endpoint = &breaker->endpoint[number];

	breaker_at(breaker, now_ns);
	breaker_settle(breaker, endpoint);
	endpoint->connections = sample->connections;
	endpoint->waiting_syns = sample->waiting_syns;
	if (endpoint->state == BREAKER_CLOSED)
		sample_closed(breaker, endpoint, sample);
	else if (endpoint->state == BREAKER_HALF_OPEN &&
		 too_many_connections(&breaker->config, endpoint))
		breaker_eject(breaker, endpoint, BREAKER_BY_CONNECTIONS);
}

/* Its rate counts in the comparison, and is this. Only closed endpoints have calls in their window. */
static bool success_rate(const struct breaker *breaker, const struct endpoint *endpoint,
			 uint32_t *rate)
{
	const struct window_counts *sum = &endpoint->window.sum;

	if (sum->calls == 0 || sum->calls < breaker->config.request_volume)
		return false;
	*rate = outlier_rate(sum->calls - sum->failures, sum->calls);
	return true;
}

static void compare_rates(struct breaker *breaker)
{
	struct outlier_rates rates = {};
	uint32_t rate;

	for (unsigned int i = 0; i < breaker->endpoints; i++)
		if (success_rate(breaker, &breaker->endpoint[i], &rate))
			outlier_add(&rates, rate);
	for (unsigned int i = 0; i < breaker->endpoints; i++) {
		struct endpoint *endpoint = &breaker->endpoint[i];

		if (rates.count >= breaker->config.minimum_endpoints &&
		    success_rate(breaker, endpoint, &rate) &&
		    outlier_is(&rates, rate, breaker->config.stdev_factor))
			breaker_trip(breaker, endpoint, BREAKER_BY_SUCCESS_RATE);
		else
			let_go(endpoint, BREAKER_BY_SUCCESS_RATE);
	}
}

void breaker_tick(struct breaker *breaker, uint64_t now_ns)
{
	breaker_at(breaker, now_ns);
	for (unsigned int i = 0; i < breaker->endpoints; i++)
		breaker_settle(breaker, &breaker->endpoint[i]);
	if (breaker->config.stdev_factor)
		compare_rates(breaker);
}
