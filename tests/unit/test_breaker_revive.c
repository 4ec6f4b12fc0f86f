/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon asks of a breaker beside outcomes: an early return, and the gate of what is only observed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "breaker_world.h"

static void an_open_endpoint_comes_back_early_and_no_other_does(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.consecutive_failures = 2;
	world_begin(&world, &config, 1);
	breaker_revive(world.breaker, 0, world.now);
	assert_state(&world, 0, CLOSED);
	world_fails(&world, 0, 2);
	assert_state(&world, 0, OPEN);
	breaker_revive(world.breaker, 0, world.now);
	assert_state(&world, 0, HALF_OPEN);
	assert_reason(&world, ANSWERS);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_PERMIT);
	breaker_force(world.breaker, 0, true, 0, world.now);
	breaker_revive(world.breaker, 0, world.now);
	assert_state(&world, 0, FORCED_OPEN);
	world_end(&world);
}

static void what_is_observed_has_the_gate_of_its_state_but_refuses_nobody(void **state)
{
	struct config_breaker config = quiet_config();
	struct breaker_gate gate;
	struct world world;

	(void)state;
	config.consecutive_failures = 2;
	config.mode = BREAKER_OBSERVE;
	world_begin(&world, &config, 1);
	world_fails(&world, 0, 2);
	assert_state(&world, 0, OPEN);
	assert_int_equal(world_gate(&world, 0).verdict, BREAKER_PASS);
	breaker_gate_of_state(world.breaker, 0, &gate);
	assert_int_equal(gate.verdict, BREAKER_REFUSE);
	assert_int_equal(gate.deadline_ns,
			 world_view(&world, 0).figures.retry_ns + BREAKER_GRACE_NS);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_endpoint_comes_back_early_and_no_other_does),
		cmocka_unit_test(what_is_observed_has_the_gate_of_its_state_but_refuses_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
