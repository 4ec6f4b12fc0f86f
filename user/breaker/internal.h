/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of user/breaker share, and nobody else sees. */
#pragma once

#include "user/breaker/breaker.h"
#include "user/breaker/window.h"

struct endpoint {
	enum breaker_state state;
	uint64_t since_ns;    /* when it was entered */
	struct window window; /* closed: what was counted in the state */

	/*
	 * The kernel's streak goes on across states, and counts calls from before the present one. `before` of the
	 * failures in it are none of this state's.
	 */
	uint32_t streak, before;

	uint32_t connections, waiting_syns; /* in the last sample */

	uint32_t ejections;
	uint64_t step_ns; /* closed, ejections: when one is taken back */

	uint64_t retry_ns; /* open */
	uint64_t until_ns; /* forced; 0: no end */
	uint64_t lease_ns; /* forced open: how long the kernel may believe it */

	/* Half-open */
	uint32_t successes;
	uint32_t permits;  /* of the round */
	uint32_t decided;  /* outcomes in the round */
	uint32_t round;	   /* counts through all states */
	uint64_t round_ns; /* when it began */

	enum breaker_reason held; /* closed: why it would open if not too many were out */
};

struct breaker {
	struct config_breaker config;
	uint64_t now_ns; /* latest of all calls */
	uint64_t random;
	uint64_t held;
	breaker_changed *changed;
	void *context;
	unsigned int endpoints;
	struct endpoint endpoint[];
};

/* state.c */

/* The time of this call, see breaker.h */
void breaker_at(struct breaker *breaker, uint64_t now_ns);

/*
 * Into another state, or the same once more, and reports it. The caller has set what the state is about: retry_ns and
 * ejections, or until_ns.
 */
void breaker_enter(struct breaker *breaker, struct endpoint *endpoint, enum breaker_state state,
		   enum breaker_reason reason);

/* One ejection more: open until its retry */
void breaker_eject(struct breaker *breaker, struct endpoint *endpoint, enum breaker_reason reason);

/* The same for a closed endpoint, if there may be one more out */
void breaker_trip(struct breaker *breaker, struct endpoint *endpoint, enum breaker_reason reason);

/* Half-open: closes it after enough successes, and gives the next permits after the outcomes of the last */
void breaker_decide(struct breaker *breaker, struct endpoint *endpoint);

/* May this endpoint be out, besides those that are? */
bool breaker_may_be_out(const struct breaker *breaker, const struct endpoint *endpoint);

/* The latest time at which a wait that begins now may end */
uint64_t breaker_latest_retry_ns(const struct breaker *breaker);

/* What time has brought */
void breaker_settle(struct breaker *breaker, struct endpoint *endpoint);

/* override.c: ends an override */
void breaker_release(struct breaker *breaker, struct endpoint *endpoint,
		     enum breaker_reason reason);

/* show.c */
struct breaker_figures endpoint_figures(const struct endpoint *endpoint);

static inline bool endpoint_is_forced(const struct endpoint *endpoint)
{
	return endpoint->state == BREAKER_FORCED_OPEN || endpoint->state == BREAKER_FORCED_CLOSED;
}

static inline bool endpoint_is_out(const struct endpoint *endpoint)
{
	return endpoint->state == BREAKER_OPEN || endpoint->state == BREAKER_HALF_OPEN ||
	       endpoint->state == BREAKER_FORCED_OPEN;
}

/* Is anybody refused by its state? */
static inline bool endpoint_is_enforced(const struct breaker *breaker,
					const struct endpoint *endpoint)
{
	return endpoint_is_forced(endpoint) || breaker->config.mode == BREAKER_ENFORCE;
}

/* Where an endpoint rests when nothing speaks against it */
static inline enum breaker_state breaker_rest(const struct breaker *breaker)
{
	return breaker->config.mode == BREAKER_OFF ? BREAKER_DISABLED : BREAKER_CLOSED;
}

static inline uint32_t endpoint_streak(const struct endpoint *endpoint)
{
	return endpoint->streak - endpoint->before;
}
