/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What goes out: the gate for the kernel, the view for people, and the words. */
#include "user/breaker/internal.h"

const char *breaker_state_word(enum breaker_state state)
{
	static const char *const words[] = {
#define X(name, word) [BREAKER_##name] = word,
		BREAKER_STATES(X)
#undef X
	};

	return state < BREAKER_STATE_COUNT ? words[state] : "?";
}

const char *breaker_reason_word(enum breaker_reason reason)
{
	static const char *const words[] = {
#define X(name, word) [BREAKER_BY_##name] = word,
		BREAKER_REASONS(X)
#undef X
	};

	return reason < BREAKER_REASON_COUNT ? words[reason] : "?";
}

void breaker_gate(const struct breaker *breaker, unsigned int number, struct breaker_gate *out)
{
	const struct endpoint *endpoint = &breaker->endpoint[number];
	struct breaker_gate gate = {
		.verdict = BREAKER_PASS,
		.round = endpoint->round,
		.since_ns = endpoint->since_ns,
	};
	uint64_t until = endpoint->until_ns, lease = endpoint->lease_ns;

	if (!endpoint_is_enforced(breaker, endpoint)) {
		*out = gate;
		return;
	}
	if (endpoint->state == BREAKER_OPEN) {
		gate.verdict = BREAKER_REFUSE;
		gate.deadline_ns = endpoint->retry_ns + BREAKER_GRACE_NS;
	} else if (endpoint->state == BREAKER_FORCED_OPEN) {
		gate.verdict = BREAKER_REFUSE;
		gate.deadline_ns = until && until < lease ? until + BREAKER_GRACE_NS : lease;
	} else if (endpoint->state == BREAKER_HALF_OPEN) {
		gate.verdict = BREAKER_PERMIT;
		gate.permits = endpoint->permits;
		gate.deadline_ns = endpoint->round_ns + breaker->config.half_open_timeout_ns +
				   BREAKER_GRACE_NS;
	}
	*out = gate;
}

struct breaker_figures endpoint_figures(const struct endpoint *endpoint)
{
	return (struct breaker_figures){
		.streak = endpoint_streak(endpoint),
		.calls = endpoint->window.sum.calls,
		.failures = endpoint->window.sum.failures,
		.slow = endpoint->window.sum.slow,
		.connections = endpoint->connections,
		.waiting_syns = endpoint->waiting_syns,
		.ejections = endpoint->ejections,
		.retry_ns = endpoint->retry_ns,
		.until_ns = endpoint->until_ns,
	};
}

void breaker_view(const struct breaker *breaker, unsigned int number, struct breaker_view *out)
{
	const struct endpoint *endpoint = &breaker->endpoint[number];

	*out = (struct breaker_view){
		.state = endpoint->state,
		.enforced = endpoint_is_enforced(breaker, endpoint),
		.held = endpoint->held,
		.since_ns = endpoint->since_ns,
		.successes = endpoint->state == BREAKER_HALF_OPEN ? endpoint->successes : 0,
		.figures = endpoint_figures(endpoint),
	};
}

unsigned int breaker_out(const struct breaker *breaker)
{
	unsigned int out = 0;

	for (unsigned int i = 0; i < breaker->endpoints; i++)
		out += endpoint_is_out(&breaker->endpoint[i]);
	return out;
}

uint64_t breaker_held(const struct breaker *breaker)
{
	return breaker->held;
}

static uint64_t endpoint_next_ns(const struct breaker *breaker, const struct endpoint *endpoint)
{
	uint64_t until = endpoint->until_ns ? endpoint->until_ns : UINT64_MAX, renewal;

	switch (endpoint->state) {
	case BREAKER_OPEN:
		return endpoint->retry_ns;
	case BREAKER_HALF_OPEN:
		return endpoint->round_ns + breaker->config.half_open_timeout_ns;
	case BREAKER_FORCED_OPEN:
		renewal = endpoint->lease_ns - BREAKER_LEASE_NS / 2;
		return until < renewal ? until : renewal;
	case BREAKER_FORCED_CLOSED:
		return until;
	default:
		return UINT64_MAX;
	}
}

uint64_t breaker_next_ns(const struct breaker *breaker)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < breaker->endpoints; i++) {
		uint64_t mine = endpoint_next_ns(breaker, &breaker->endpoint[i]);

		next = mine < next ? mine : next;
	}
	return next;
}
