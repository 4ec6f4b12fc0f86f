/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The states: how one is entered, and what time does in it. */
#include "user/breaker/internal.h"
#include "user/breaker/recovery.h"

void breaker_at(struct breaker *breaker, uint64_t now_ns)
{
	if (now_ns > breaker->now_ns)
		breaker->now_ns = now_ns;
}

static void begin_round(struct breaker *breaker, struct endpoint *endpoint)
{
	uint32_t missing = breaker->config.half_open_successes - endpoint->successes;
	uint32_t permits = breaker->config.half_open_permits;

	endpoint->permits = permits < missing ? permits : missing;
	endpoint->decided = 0;
	endpoint->round++;
	endpoint->round_ns = breaker->now_ns;
}

static void begin(struct breaker *breaker, struct endpoint *endpoint)
{
	switch (endpoint->state) {
	case BREAKER_CLOSED:
		endpoint->step_ns = breaker->now_ns + breaker->config.window_ns;
		break;
	case BREAKER_HALF_OPEN:
		endpoint->successes = 0;
		begin_round(breaker, endpoint);
		break;
	case BREAKER_FORCED_OPEN:
		endpoint->lease_ns = breaker->now_ns + BREAKER_LEASE_NS;
		break;
	default:
		break;
	}
}

void breaker_enter(struct breaker *breaker, struct endpoint *endpoint, enum breaker_state state,
		   enum breaker_reason reason)
{
	struct breaker_change change = {
		.endpoint = (unsigned int)(endpoint - breaker->endpoint),
		.from = endpoint->state,
		.to = state,
		.reason = reason,
		.now_ns = breaker->now_ns,
		.figures = endpoint_figures(endpoint),
	};

	endpoint->state = state;
	endpoint->since_ns = breaker->now_ns;
	endpoint->held = BREAKER_BY_NONE;
	endpoint->before = endpoint->streak;
	if (!endpoint_is_forced(endpoint))
		endpoint->until_ns = 0;
	if (state != BREAKER_OPEN)
		endpoint->retry_ns = 0;
	window_reset(&endpoint->window, breaker->config.window_ns, breaker->now_ns);
	begin(breaker, endpoint);

	change.enforced = endpoint_is_enforced(breaker, endpoint);
	change.figures.retry_ns = endpoint->retry_ns;
	change.figures.until_ns = endpoint->until_ns;
	if (breaker->changed)
		breaker->changed(breaker->context, &change);
}

uint64_t breaker_latest_retry_ns(const struct breaker *breaker)
{
	const struct config_breaker *config = &breaker->config;

	return breaker->now_ns + config->recovery_max_ns +
	       (uint64_t)((unsigned __int128)config->recovery_max_ns * config->jitter /
			  CONFIG_RATIO);
}

void breaker_eject(struct breaker *breaker, struct endpoint *endpoint, enum breaker_reason reason)
{
	endpoint->ejections = recovery_eject(&breaker->config, endpoint->ejections);
	endpoint->retry_ns =
		breaker->now_ns +
		recovery_wait_ns(&breaker->config, endpoint->ejections, &breaker->random);
	breaker_enter(breaker, endpoint, BREAKER_OPEN, reason);
}

/* A half-open endpoint is still out: else another could take its place, and it could not open again. */
bool breaker_may_be_out(const struct breaker *breaker, const struct endpoint *endpoint)
{
	unsigned int others = breaker_out(breaker) - endpoint_is_out(endpoint);

	return others < recovery_most_out(&breaker->config, breaker->endpoints);
}

void breaker_trip(struct breaker *breaker, struct endpoint *endpoint, enum breaker_reason reason)
{
	if (breaker_may_be_out(breaker, endpoint)) {
		breaker_eject(breaker, endpoint, reason);
		return;
	}
	breaker->held += endpoint->held == BREAKER_BY_NONE;
	endpoint->held = reason;
}

/*
 * Outcomes may also be of calls that took no permit, on connections from before: they decide as well, and may
 * bring the next permits while some of the last are under way. No more than half_open_successes are given
 * all the same, for each round gives only what is missing.
 */
void breaker_decide(struct breaker *breaker, struct endpoint *endpoint)
{
	if (endpoint->permits > breaker->config.half_open_permits)
		endpoint->permits = breaker->config.half_open_permits;
	if (endpoint->successes >= breaker->config.half_open_successes)
		breaker_enter(breaker, endpoint, BREAKER_CLOSED, BREAKER_BY_PROBES_PASSED);
	else if (endpoint->decided >= endpoint->permits)
		begin_round(breaker, endpoint);
}

/* Envoy's backoff: one ejection is taken back for each interval without another */
static void step_down(const struct breaker *breaker, struct endpoint *endpoint)
{
	uint64_t interval_ns = breaker->config.window_ns, steps;

	if (breaker->now_ns < endpoint->step_ns)
		return;
	steps = (breaker->now_ns - endpoint->step_ns) / interval_ns + 1;
	endpoint->ejections -= steps < endpoint->ejections ? (uint32_t)steps : endpoint->ejections;
	endpoint->step_ns += steps * interval_ns;
}

void breaker_settle(struct breaker *breaker, struct endpoint *endpoint)
{
	uint64_t now = breaker->now_ns;

	switch (endpoint->state) {
	case BREAKER_CLOSED:
		window_advance(&endpoint->window, now);
		step_down(breaker, endpoint);
		break;
	case BREAKER_OPEN:
		if (now >= endpoint->retry_ns)
			breaker_enter(breaker, endpoint, BREAKER_HALF_OPEN, BREAKER_BY_RECOVERY);
		break;
	case BREAKER_HALF_OPEN:
		/* Whoever took the permits is gone, or nobody came. Silence is no failure. */
		if (now - endpoint->round_ns >= breaker->config.half_open_timeout_ns)
			begin_round(breaker, endpoint);
		break;
	case BREAKER_FORCED_OPEN:
	case BREAKER_FORCED_CLOSED:
		if (endpoint->until_ns && now >= endpoint->until_ns)
			breaker_release(breaker, endpoint, BREAKER_BY_OVERRIDE_ENDED);
		else if (endpoint->state == BREAKER_FORCED_OPEN &&
			 endpoint->lease_ns <= now + BREAKER_LEASE_NS / 2)
			endpoint->lease_ns = now + BREAKER_LEASE_NS;
		break;
	default:
		break;
	}
}
