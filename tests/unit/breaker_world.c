/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/unit/breaker_world.h"

#include <setjmp.h>
#include <stdarg.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

struct config_breaker quiet_config(void)
{
	struct config_breaker config;

	config_breaker_default(&config);
	config.consecutive_failures = 0;
	config.failure_ratio = 0;
	config.jitter = 0;
	config.half_open_permits = 1;
	config.half_open_successes = 1;
	return config;
}

static void changed(void *context, const struct breaker_change *change)
{
	struct world *world = context;

	assert_true(change->endpoint < world->endpoints);
	assert_int_equal(world->known[change->endpoint], change->from);
	world->known[change->endpoint] = change->to;
	world->last = *change;
	world->changes++;
	world->changes_of[change->endpoint]++;
	world->reason_of[change->endpoint] = change->reason;
}

void world_begin(struct world *world, const struct config_breaker *config, unsigned int endpoints)
{
	*world = (struct world){.endpoints = endpoints, .now = 1000 * SEC};
	world->breaker = breaker_new(config, endpoints, 1, world->now, changed, world);
	assert_non_null(world->breaker);
	for (unsigned int i = 0; i < endpoints; i++)
		world->known[i] = config->mode == BREAKER_OFF ? BREAKER_DISABLED : BREAKER_CLOSED;
}

void world_end(struct world *world)
{
	breaker_free(world->breaker);
}

void world_at(struct world *world, uint64_t now_ns)
{
	world->now = now_ns;
	breaker_tick(world->breaker, now_ns);
}

static void outcome(struct world *world, unsigned int endpoint, bool failed, bool slow)
{
	const struct breaker_outcome outcome = {
		.endpoint = endpoint,
		.failed = failed,
		.slow = slow,
		.began_ns = world->now,
	};

	breaker_outcome(world->breaker, &outcome, world->now);
}

void world_fail(struct world *world, unsigned int endpoint)
{
	outcome(world, endpoint, true, false);
}

void world_succeed(struct world *world, unsigned int endpoint)
{
	outcome(world, endpoint, false, false);
}

void world_slow(struct world *world, unsigned int endpoint)
{
	outcome(world, endpoint, false, true);
}

void world_fails(struct world *world, unsigned int endpoint, unsigned int times)
{
	while (times--)
		world_fail(world, endpoint);
}

void world_count(struct world *world, unsigned int endpoint, uint64_t calls, uint64_t failures,
		 uint64_t slow)
{
	const struct breaker_sample sample = {
		.from_ns = world->now,
		.calls = calls,
		.failures = failures,
		.slow = slow,
	};

	breaker_sample(world->breaker, endpoint, &sample, world->now);
}

enum breaker_state world_state(const struct world *world, unsigned int endpoint)
{
	struct breaker_view view = world_view(world, endpoint);

	assert_int_equal(view.state, world->known[endpoint]);
	return view.state;
}

struct breaker_gate world_gate(const struct world *world, unsigned int endpoint)
{
	struct breaker_gate gate;

	breaker_gate(world->breaker, endpoint, &gate);
	return gate;
}

struct breaker_view world_view(const struct world *world, unsigned int endpoint)
{
	struct breaker_view view;

	breaker_view(world->breaker, endpoint, &view);
	return view;
}
