/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "user/cluster/pace.h"

#define T 100000000ULL

static void places_spread_over_the_middle_of_an_epoch_by_name(void **state)
{
	unsigned int tenth[10] = {0};
	char name[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t place;

		snprintf(name, sizeof(name), "web-%d.example", i);
		place = pace_place_ns(name, T);
		assert_int_equal(place, pace_place_ns(name, T));
		tenth[place * 10 / T]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenth[i], i < 2 || i > 6 ? 0 : 120, i < 2 || i > 6 ? 0 : 280);
	assert_int_equal(pace_place_ns("", 1), 0);
}

static void rounds_go_by_the_clock_of_redis(void **state)
{
	struct pace_clock clock = {0};
	uint64_t now = 1000 * T, redis = 17000000000 * T + T / 3;

	(void)state;
	assert_int_equal(pace_phase_of(&clock, T, 70), 70);
	pace_heard(&clock, now, redis, T);
	/* It said T/3 then, so 40 % are T/15 later */
	assert_int_equal(pace_phase_of(&clock, T, 4 * T / 10), now % T + 4 * T / 10 - T / 3);
	assert_int_equal(pace_phase_of(&clock, T, T / 10), T + T / 10 - T / 3);
	assert_int_equal(pace_epoch_ns(&clock, 17000000000, T, 4 * T / 10),
			 now + 4 * T / 10 - T / 3);
	assert_int_equal(pace_epoch_ns(&clock, 17000000002, T, 0), now + 2 * T - T / 3);
	/* One that is behind */
	clock.known = false;
	pace_heard(&clock, redis, now, T);
	assert_int_equal(pace_epoch_ns(&clock, 1001, T, 0), redis + T);
	assert_int_equal(pace_phase_of(&clock, T, 0), T / 3);
}

static void what_is_late_moves_rounds_little(void **state)
{
	struct pace_clock clock = {0};
	uint64_t now = 1000 * T, ahead = 17000000000 * T, late = T / 2;

	(void)state;
	pace_heard(&clock, now, now + ahead, T);
	pace_heard(&clock, now, now + ahead + late, T);
	assert_int_equal(clock.ahead_ns, ahead + T / 20);
	pace_heard(&clock, now, now + ahead, T);
	assert_int_equal(clock.ahead_ns, ahead);
	/* If it stays so it is the clock, and ten rounds later rounds are where they should be */
	for (int i = 0; i < 10; i++)
		pace_heard(&clock, now, now + ahead + late, T);
	assert_int_equal(clock.ahead_ns, ahead + late);
	/* Another one, after a failover */
	pace_heard(&clock, now, now + ahead + late + T + 1, T);
	assert_int_equal(clock.ahead_ns, ahead + late + T + 1);
	pace_heard(&clock, now, now + 5, T);
	assert_int_equal(clock.ahead_ns, 5);
}

static void rounds_come_at_the_phase_and_after_now(void **state)
{
	(void)state;
	assert_int_equal(pace_next_ns(1000, 100, 30), 1030);
	assert_int_equal(pace_next_ns(1029, 100, 30), 1030);
	assert_int_equal(pace_next_ns(1030, 100, 30), 1130);
	assert_int_equal(pace_next_ns(1099, 100, 0), 1100);
	assert_int_equal(pace_next_ns(0, 100, 0), 100);
}

static void waits_grow_spread_and_stay_within_bounds(void **state)
{
	uint64_t longest = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct pace_backoff backoff = pace_backoff_begin(seed), same = backoff;
		uint64_t last = PACE_LEAST_NS;

		for (int i = 0; i < 30; i++) {
			uint64_t wait = pace_backoff_ns(&backoff, UINT64_MAX);

			assert_in_range(wait, PACE_LEAST_NS, PACE_MOST_NS);
			assert_true(wait <= 3 * last);
			assert_int_equal(wait, pace_backoff_ns(&same, UINT64_MAX));
			last = wait;
			longest = wait > longest ? wait : longest;
		}
		pace_backoff_reset(&backoff);
		assert_in_range(pace_backoff_ns(&backoff, UINT64_MAX), PACE_LEAST_NS,
				3 * PACE_LEAST_NS);
	}
	assert_int_equal(longest, PACE_MOST_NS);
}

static void the_most_may_be_less_for_a_few_nodes(void **state)
{
	struct pace_backoff backoff = pace_backoff_begin(1);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_in_range(pace_backoff_ns(&backoff, 2 * T), PACE_LEAST_NS, 2 * T);
	assert_int_equal(pace_backoff_ns(&backoff, 0), PACE_LEAST_NS);
}

static void nodes_that_fail_together_do_not_come_back_together(void **state)
{
	struct pace_backoff one = pace_backoff_begin(1), other = pace_backoff_begin(2);
	int same = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t a = pace_backoff_ns(&one, UINT64_MAX),
			 b = pace_backoff_ns(&other, UINT64_MAX);

		/* Both at the most is chance */
		same += a == b && a != PACE_MOST_NS;
	}
	assert_int_equal(same, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_spread_over_the_middle_of_an_epoch_by_name),
		cmocka_unit_test(rounds_go_by_the_clock_of_redis),
		cmocka_unit_test(what_is_late_moves_rounds_little),
		cmocka_unit_test(rounds_come_at_the_phase_and_after_now),
		cmocka_unit_test(waits_grow_spread_and_stay_within_bounds),
		cmocka_unit_test(the_most_may_be_less_for_a_few_nodes),
		cmocka_unit_test(nodes_that_fail_together_do_not_come_back_together),
	};

	return cmocka_run_group_tests_name("cluster_pace", tests, NULL, NULL);
}
