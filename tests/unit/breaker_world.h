/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A breaker, the time, and what it last reported. Every call checks that reports and states agree. */
#pragma once

#include "user/breaker/breaker.h"

#define MS UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

struct world {
	struct breaker *breaker;
	unsigned int endpoints;
	uint64_t now; /* ns */
	unsigned int changes;
	struct breaker_change last;
	unsigned int changes_of[WEIR_ENDPOINTS];
	enum breaker_reason reason_of[WEIR_ENDPOINTS]; /* of the last change */
	enum breaker_state known[WEIR_ENDPOINTS];      /* by reports alone */
};

/* Every way to open is off, waits are exact, one call while half-open decides. */
struct config_breaker quiet_config(void);

void world_begin(struct world *world, const struct config_breaker *config, unsigned int endpoints);
void world_end(struct world *world);

/* Time goes on to that moment, with a tick. */
void world_at(struct world *world, uint64_t now_ns);

/* A call that begins and ends now. The streak is left to the breaker. */
void world_fail(struct world *world, unsigned int endpoint);
void world_succeed(struct world *world, unsigned int endpoint);
void world_slow(struct world *world, unsigned int endpoint);
void world_fails(struct world *world, unsigned int endpoint, unsigned int times);

/* What was counted since the last moment */
void world_count(struct world *world, unsigned int endpoint, uint64_t calls, uint64_t failures,
		 uint64_t slow);

enum breaker_state world_state(const struct world *world, unsigned int endpoint);
struct breaker_gate world_gate(const struct world *world, unsigned int endpoint);
struct breaker_view world_view(const struct world *world, unsigned int endpoint);

/* By name, so that a failure can be read */
#define assert_state(world, endpoint, name)                                       \
	assert_string_equal(breaker_state_word(world_state((world), (endpoint))), \
			    breaker_state_word(BREAKER_##name))
#define assert_reason(world, name)                                     \
	assert_string_equal(breaker_reason_word((world)->last.reason), \
			    breaker_reason_word(BREAKER_BY_##name))
