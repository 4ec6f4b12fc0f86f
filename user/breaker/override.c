/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What operators say, and what outlives the breaker. */
#include <errno.h>

#include "user/breaker/internal.h"
#include "user/breaker/recovery.h"

void breaker_force(struct breaker *breaker, unsigned int number, bool open, uint64_t until_ns,
		   uint64_t now_ns)
{
	struct endpoint *endpoint = &breaker->endpoint[number];

	breaker_at(breaker, now_ns);
	breaker_settle(breaker, endpoint);
	if (until_ns && until_ns <= breaker->now_ns)
		return;
	endpoint->until_ns = until_ns;
	breaker_enter(breaker, endpoint, open ? BREAKER_FORCED_OPEN : BREAKER_FORCED_CLOSED,
		      BREAKER_BY_MANUAL);
}

void breaker_release(struct breaker *breaker, struct endpoint *endpoint, enum breaker_reason reason)
{
	enum breaker_state state = breaker_rest(breaker);

	if (state == BREAKER_CLOSED && endpoint->state == BREAKER_FORCED_OPEN &&
	    breaker_may_be_out(breaker, endpoint))
		state = BREAKER_HALF_OPEN;
	breaker_enter(breaker, endpoint, state, reason);
}

void breaker_auto(struct breaker *breaker, unsigned int number, uint64_t now_ns)
{
	struct endpoint *endpoint = &breaker->endpoint[number];

	breaker_at(breaker, now_ns);
	breaker_settle(breaker, endpoint);
	if (endpoint_is_forced(endpoint))
		breaker_release(breaker, endpoint, BREAKER_BY_MANUAL);
}

void breaker_reset(struct breaker *breaker, unsigned int number, uint64_t now_ns)
{
	struct endpoint *endpoint = &breaker->endpoint[number];

	breaker_at(breaker, now_ns);
	endpoint->ejections = 0;
	breaker_enter(breaker, endpoint, breaker_rest(breaker), BREAKER_BY_RESET);
}

void breaker_save(const struct breaker *breaker, unsigned int number, struct breaker_saved *out)
{
	const struct endpoint *endpoint = &breaker->endpoint[number];

	*out = (struct breaker_saved){
		.state = (uint8_t)endpoint->state,
		.ejections = endpoint->ejections,
		.retry_ns = endpoint->retry_ns,
		.until_ns = endpoint->until_ns,
	};
}

static void restore_out(struct breaker *breaker, struct endpoint *endpoint, uint64_t retry_ns)
{
	uint64_t latest = breaker_latest_retry_ns(breaker);

	if (breaker->config.mode == BREAKER_OFF || !breaker_may_be_out(breaker, endpoint))
		return;
	endpoint->retry_ns = retry_ns < latest ? retry_ns : latest;
	breaker_enter(breaker, endpoint,
		      retry_ns > breaker->now_ns ? BREAKER_OPEN : BREAKER_HALF_OPEN,
		      BREAKER_BY_RESTORED);
}

int breaker_restore(struct breaker *breaker, unsigned int number, const struct breaker_saved *saved,
		    uint64_t now_ns)
{
	struct endpoint *endpoint = &breaker->endpoint[number];
	enum breaker_state state = (enum breaker_state)saved->state;
	uint32_t most = recovery_most_ejections(&breaker->config);

	if (saved->state >= BREAKER_STATE_COUNT)
		return -EINVAL;
	breaker_at(breaker, now_ns);
	endpoint->ejections = saved->ejections < most ? saved->ejections : most;
	if (state == BREAKER_FORCED_OPEN || state == BREAKER_FORCED_CLOSED) {
		endpoint->until_ns = saved->until_ns;
		if (!saved->until_ns || saved->until_ns > breaker->now_ns)
			breaker_enter(breaker, endpoint, state, BREAKER_BY_RESTORED);
		else if (state == BREAKER_FORCED_OPEN)
			restore_out(breaker, endpoint, 0);
	} else if (state == BREAKER_OPEN || state == BREAKER_HALF_OPEN) {
		restore_out(breaker, endpoint, state == BREAKER_OPEN ? saved->retry_ns : 0);
	}
	return 0;
}
