/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the table of events does not show: several endpoints, streaks, permits, waits, and what survives. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/lib/random.h"
#include "tests/unit/breaker_world.h"
#include "user/breaker/recovery.h"
#include "user/breaker/window.h"

static struct config_breaker two_failures(void)
{
	struct config_breaker config = quiet_config();

	config.consecutive_failures = 2;
	return config;
}

/* ----------------------------------------------------------------------------- how many may be out */

static void as_many_are_out_as_are_configured(void **state)
{
	static const struct {
		unsigned int endpoints, percent;
		bool last;
		unsigned int most;
	} examples[] = {
		{1, 1, false, 1},	{1, 50, false, 1},     {1, 100, true, 1},
		{2, 50, false, 1},	{2, 100, false, 1},    {2, 100, true, 2},
		{2, 1, false, 1},	{3, 50, false, 1},     {3, 67, false, 2},
		{3, 100, false, 2},	{4, 50, false, 2},     {10, 10, false, 1},
		{10, 19, false, 1},	{10, 20, false, 2},    {10, 99, false, 9},
		{256, 100, false, 255}, {256, 100, true, 256}, {256, 50, true, 128},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct config_breaker config = quiet_config();

		config.max_ejection_percent = examples[i].percent;
		config.eject_last = examples[i].last;
		assert_int_equal(recovery_most_out(&config, examples[i].endpoints),
				 examples[i].most);
	}
}

static void the_last_endpoint_is_held_until_another_is_back(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	world_begin(&world, &config, 2);
	world_fails(&world, 0, 2);
	assert_state(&world, 0, OPEN);
	world_fails(&world, 1, 2);
	assert_state(&world, 1, CLOSED);
	assert_int_equal(world_view(&world, 1).held, BREAKER_BY_CONSECUTIVE);
	assert_int_equal(world_gate(&world, 1).verdict, BREAKER_PASS);
	world_fail(&world, 1);
	assert_int_equal(breaker_held(world.breaker), 1); /* once, however often it fails */
	world_at(&world, world.now + 30 * SEC);
	assert_state(&world, 0, HALF_OPEN);
	world_fail(&world, 1); /* half-open is still out */
	assert_state(&world, 1, CLOSED);
	world_succeed(&world, 0);
	assert_state(&world, 0, CLOSED);
	assert_state(&world, 1, CLOSED);
	world_fail(&world, 1);
	assert_state(&world, 1, OPEN);
	assert_int_equal(world.last.figures.streak, 5);
	assert_int_equal(world_view(&world, 1).held, BREAKER_BY_NONE);
	world_end(&world);
}

static void held_endpoints_are_let_go_when_they_recover(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	config.failure_ratio = 5000;
	config.min_calls = 2;
	world_begin(&world, &config, 2);
	world_fails(&world, 0, 2);
	world_fails(&world, 1, 2);
	world_count(&world, 1, 1, 0, 0); /* a success that only a sample tells */
	assert_int_equal(world_view(&world, 1).held, BREAKER_BY_NONE);
	world_count(&world, 1, 1, 1, 0);
	assert_int_equal(world_view(&world, 1).held, BREAKER_BY_FAILURE_RATIO);
	world_count(&world, 1, 5, 0, 0);
	assert_int_equal(world_view(&world, 1).held, BREAKER_BY_NONE);
	assert_int_equal(breaker_held(world.breaker), 2);
	assert_state(&world, 1, CLOSED);
	world_end(&world);
}

static void outliers_are_held_while_they_are_outliers(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	config.stdev_factor = 1900;
	config.max_ejection_percent = 20;
	world_begin(&world, &config, 6);
	breaker_force(world.breaker, 5, true, 0, world.now);
	for (unsigned int i = 0; i < 5; i++)
		world_count(&world, i, 100, i == 4 ? 100 : 0, 0);
	world_at(&world, world.now + 100 * MS);
	assert_state(&world, 4, CLOSED);
	assert_int_equal(world_view(&world, 4).held, BREAKER_BY_SUCCESS_RATE);
	world_count(&world, 4, 1, 0, 0);
	assert_int_equal(world_view(&world, 4).held, BREAKER_BY_SUCCESS_RATE);
	world_at(&world, world.now + 10 * SEC);
	assert_int_equal(world_view(&world, 4).held, BREAKER_BY_NONE);
	world_end(&world);
}

static void an_only_endpoint_opens(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	world_begin(&world, &config, 1);
	world_fails(&world, 0, 2);
	assert_state(&world, 0, OPEN);
	world_end(&world);
}

static void the_last_of_several_opens_if_told_so(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	config.max_ejection_percent = 100;
	config.eject_last = true;
	world_begin(&world, &config, 3);
	for (unsigned int i = 0; i < 3; i++)
		world_fails(&world, i, 2);
	assert_int_equal(breaker_out(world.breaker), 3);
	world_end(&world);
}

/* An operator may put out more than the limit; the machine then puts out none. */
static void what_is_forced_open_counts_as_out(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	world_begin(&world, &config, 4);
	breaker_force(world.breaker, 0, true, 0, world.now);
	world_fails(&world, 1, 2);
	assert_state(&world, 1, OPEN);
	world_fails(&world, 2, 2);
	assert_state(&world, 2, CLOSED);
	breaker_force(world.breaker, 2, true, 0, world.now);
	breaker_force(world.breaker, 3, true, 0, world.now);
	assert_int_equal(breaker_out(world.breaker), 4);
	/* back under the limit of two: half-open only where it allows it */
	breaker_auto(world.breaker, 3, world.now);
	assert_state(&world, 3, CLOSED);
	breaker_auto(world.breaker, 2, world.now);
	assert_state(&world, 2, CLOSED);
	breaker_auto(world.breaker, 0, world.now);
	assert_state(&world, 0, HALF_OPEN);
	world_end(&world);
}

/* ------------------------------------------------------------------------------------------ streaks */

static void report(struct world *world, uint32_t streak, uint64_t began_ns)
{
	const struct breaker_outcome outcome = {
		.failed = true, .streak = streak, .began_ns = began_ns};

	breaker_outcome(world->breaker, &outcome, world->now);
}

/* The kernel's streak goes on across states, the ours does not. */
static void failures_from_before_the_state_do_not_count_in_its_streak(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	config.consecutive_failures = 5;
	world_begin(&world, &config, 1);
	breaker_force(world.breaker, 0, false, 0, world.now);
	report(&world, 100, world.now);
	world.now += 1 * SEC;
	breaker_auto(world.breaker, 0, world.now);
	for (uint32_t streak = 101; streak <= 104; streak++)
		report(&world, streak, world.now);
	assert_state(&world, 0, CLOSED);
	report(&world, 105, world.now);
	assert_state(&world, 0, OPEN);
	assert_int_equal(world.last.figures.streak, 5);
	world_end(&world);
}

static void stragglers_lengthen_the_kernels_streak_alone(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;
	uint64_t before;

	(void)state;
	config.consecutive_failures = 3;
	world_begin(&world, &config, 1);
	before = world.now - 1;
	report(&world, 1, world.now);
	report(&world, 2, before);
	report(&world, 3, before);
	report(&world, 4, world.now);
	assert_state(&world, 0, CLOSED);
	report(&world, 5, world.now);
	assert_state(&world, 0, OPEN);
	world_end(&world);
}

static void a_success_nobody_told_of_begins_the_streak_anew(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	config.consecutive_failures = 3;
	world_begin(&world, &config, 1);
	report(&world, 1, world.now);
	report(&world, 2, world.now - 1); /* a straggler */
	report(&world, 1, world.now);	  /* after a success */
	report(&world, 2, world.now);
	assert_state(&world, 0, CLOSED);
	report(&world, 3, world.now);
	assert_state(&world, 0, OPEN);
	world_end(&world);
}

/* Events that were lost are in the streak of the next one. */
static void a_streak_counts_failures_nobody_told_of(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	config.consecutive_failures = 5;
	world_begin(&world, &config, 1);
	report(&world, 1, world.now);
	report(&world, 7, world.now);
	assert_state(&world, 0, OPEN);
	assert_int_equal(world.last.figures.streak, 7);
	world_end(&world);
}

/* ------------------------------------------------------------------------------------------ permits */

static void open_and_half_open(struct world *world, const struct config_breaker *config)
{
	world_begin(world, config, 1);
	world_fails(world, 0, 2);
	world_at(world, world_view(world, 0).figures.retry_ns);
	assert_state(world, 0, HALF_OPEN);
}

static void rounds_give_the_permits_that_are_missing_and_no_more(void **state)
{
	static const uint32_t rounds[] = {2, 2, 1};
	struct config_breaker config = two_failures();
	struct world world;
	uint32_t given = 0;

	(void)state;
	config.half_open_permits = 2;
	config.half_open_successes = 5;
	open_and_half_open(&world, &config);
	for (unsigned int i = 0; i < 3; i++) {
		struct breaker_gate gate = world_gate(&world, 0);

		assert_int_equal(gate.permits, rounds[i]);
		given += gate.permits;
		for (unsigned int j = 0; j < rounds[i]; j++) {
			assert_int_equal(world_gate(&world, 0).round, gate.round);
			world_succeed(&world, 0);
		}
	}
	assert_int_equal(given, 5);
	assert_state(&world, 0, CLOSED);
	world_end(&world);
}

/* Callers died: the next ones may try after the timeout, and successes so far still count. */
static void permits_nobody_answers_for_are_given_anew(void **state)
{
	struct config_breaker config = two_failures();
	struct breaker_gate first, second;
	struct world world;

	(void)state;
	config.half_open_permits = config.half_open_successes = 3;
	open_and_half_open(&world, &config);
	first = world_gate(&world, 0);
	assert_int_equal(first.permits, 3);
	world_succeed(&world, 0);
	world_at(&world, world.now + config.half_open_timeout_ns - 1);
	assert_int_equal(world_gate(&world, 0).round, first.round);
	world_at(&world, world.now + 1);
	second = world_gate(&world, 0);
	assert_int_not_equal(second.round, first.round);
	assert_int_equal(second.permits, 2);
	assert_int_equal(second.since_ns, first.since_ns);
	assert_int_equal(second.deadline_ns, first.deadline_ns + config.half_open_timeout_ns);
	world_succeed(&world, 0);
	world_succeed(&world, 0);
	assert_state(&world, 0, CLOSED);
	world_end(&world);
}

/* Nobody calls for a day: it does not open again, and whoever comes then may try. */
static void idle_upstreams_stay_half_open(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;
	unsigned int changes;

	(void)state;
	open_and_half_open(&world, &config);
	changes = world.changes;
	for (unsigned int i = 0; i < 86400; i++) {
		world_at(&world, world.now + SEC);
		assert_true(world_gate(&world, 0).deadline_ns > world.now);
	}
	assert_int_equal(world.changes, changes);
	world_succeed(&world, 0);
	assert_state(&world, 0, CLOSED);
	world_end(&world);
}

static void fewer_successes_may_be_asked_for_meanwhile(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	config.half_open_permits = config.half_open_successes = 5;
	open_and_half_open(&world, &config);
	world_succeed(&world, 0);
	config.half_open_permits = 2;
	breaker_configure(world.breaker, &config, world.now);
	assert_int_equal(world_gate(&world, 0).permits, 2);
	world_succeed(&world, 0);
	assert_state(&world, 0, HALF_OPEN);
	config.half_open_successes = 2;
	breaker_configure(world.breaker, &config, world.now);
	assert_state(&world, 0, CLOSED);
	assert_reason(&world, PROBES_PASSED);
	world_end(&world);
}

/* -------------------------------------------------------------------------------------------- waits */

static void waits_spread_by_the_jitter_and_are_the_same_for_a_seed(void **state)
{
	struct config_breaker config = quiet_config();
	uint64_t random = 7, again = 7, other = 8, sum = 0, least = UINT64_MAX, most = 0;
	bool differs = false;

	(void)state;
	config.jitter = 5000;
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t wait = recovery_wait_ns(&config, 1, &random);

		assert_int_equal(recovery_wait_ns(&config, 1, &again), wait);
		differs |= recovery_wait_ns(&config, 1, &other) != wait;
		sum += wait;
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	assert_true(differs);
	assert_in_range(least, 15 * SEC, 15 * SEC + 10 * MS);
	assert_in_range(most, 45 * SEC - 10 * MS, 45 * SEC);
	/* the mean of 100,000 of them: 30 s, 27 ms is a standard deviation */
	assert_in_range(sum / 100000, 30 * SEC - 140 * MS, 30 * SEC + 140 * MS);
}

static void no_jitter_is_exact_and_the_longest_stays_in_64_bits(void **state)
{
	struct config_breaker config = quiet_config();
	uint64_t random = 1;

	(void)state;
	assert_int_equal(recovery_wait_ns(&config, 1, &random), 30 * SEC);
	assert_int_equal(recovery_wait_ns(&config, 3, &random), 90 * SEC);
	assert_int_equal(recovery_wait_ns(&config, 11, &random), 300 * SEC);
	config.recovery_ns = 1;
	config.recovery_max_ns = 86400 * SEC;
	config.jitter = 9000;
	assert_true(recovery_wait_ns(&config, UINT32_MAX, &random) <= 86400 * SEC * 19 / 10);
	assert_true(recovery_wait_ns(&config, 1, &random) >= 1);
	config.recovery_ns = config.recovery_max_ns = 3600 * SEC;
	assert_true(recovery_wait_ns(&config, UINT32_MAX, &random) >= 360 * SEC);
	assert_int_equal(recovery_eject(&config, 0), 1);
	assert_int_equal(recovery_eject(&config, 1), 1);
	config.recovery_ns = 1000 * SEC;
	assert_int_equal(recovery_eject(&config, 3), 4);
	assert_int_equal(recovery_eject(&config, 4), 4);
}

/* Whoever shortens recovery_max need not wait as long as before. */
static void a_wait_is_no_longer_than_another_configuration_allows(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	world_begin(&world, &config, 1);
	world_fails(&world, 0, 2);
	assert_int_equal(world_view(&world, 0).figures.retry_ns, world.now + 30 * SEC);
	config.recovery_ns = 1 * SEC;
	config.recovery_max_ns = 10 * SEC;
	config.jitter = 5000;
	breaker_configure(world.breaker, &config, world.now);
	assert_int_equal(world_view(&world, 0).figures.retry_ns, world.now + 15 * SEC);
	config.recovery_max_ns = 300 * SEC;
	breaker_configure(world.breaker, &config, world.now);
	assert_int_equal(world_view(&world, 0).figures.retry_ns, world.now + 15 * SEC);
	world_end(&world);
}

/* Reset forgets ejections, and everything else. */
static void reset_forgets_what_it_was_ejected_for(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	open_and_half_open(&world, &config);
	world_fail(&world, 0);
	assert_int_equal(world.last.figures.ejections, 2);
	assert_int_equal(world.last.figures.retry_ns, world.now + 60 * SEC);
	breaker_reset(world.breaker, 0, world.now);
	assert_int_equal(world_view(&world, 0).figures.ejections, 0);
	assert_int_equal(world_view(&world, 0).figures.retry_ns, 0);
	world_fails(&world, 0, 2);
	assert_int_equal(world.last.figures.retry_ns, world.now + 30 * SEC);
	world_end(&world);
}

/* A daemon that is alive renews what it has forced; one that is gone is outlived by a minute at most. */
static void overrides_are_leased_to_the_kernel(void **state)
{
	struct config_breaker config = quiet_config();
	struct world world;

	(void)state;
	world_begin(&world, &config, 1);
	breaker_force(world.breaker, 0, true, world.now + 300 * SEC, world.now);
	for (unsigned int i = 0; i < 2999; i++) {
		struct breaker_gate gate;

		world_at(&world, world.now + 100 * MS);
		gate = world_gate(&world, 0);
		assert_int_equal(gate.verdict, BREAKER_REFUSE);
		assert_in_range(gate.deadline_ns, world.now + 1,
				world.now + BREAKER_LEASE_NS + BREAKER_GRACE_NS);
		assert_true(gate.deadline_ns <=
			    world_view(&world, 0).figures.until_ns + BREAKER_GRACE_NS);
	}
	world_at(&world, world.now + 100 * MS);
	assert_state(&world, 0, HALF_OPEN);
	world_end(&world);
}

static void time_that_goes_back_is_the_latest_there_was(void **state)
{
	struct config_breaker config = two_failures();
	struct world world;
	uint64_t retry;

	(void)state;
	world_begin(&world, &config, 1);
	world_at(&world, world.now + 10 * SEC);
	world.now -= 5 * SEC;
	report(&world, 2, world.now + 5 * SEC);
	assert_state(&world, 0, OPEN);
	assert_int_equal(world.last.now_ns, world.now + 5 * SEC);
	retry = world_view(&world, 0).figures.retry_ns;
	assert_int_equal(retry, world.now + 35 * SEC);
	breaker_tick(world.breaker, 0);
	assert_state(&world, 0, OPEN);
	world_end(&world);
}

/* A timer set by breaker_next_ns() alone finds each change when a tick in each millisecond does. */
static void what_time_brings_happens_when_it_was_announced(void **state)
{
	struct config_breaker config = two_failures();
	struct world often, seldom;

	(void)state;
	config.window_ns = 1 * SEC;
	config.half_open_timeout_ns = 3 * SEC;
	config.recovery_ns = 2 * SEC;
	world_begin(&often, &config, 4);
	world_begin(&seldom, &config, 4);
	for (unsigned int i = 0; i < 2; i++) {
		struct world *world = i ? &often : &seldom;

		world_fails(world, 0, 2);
		breaker_force(world->breaker, 1, true, world->now + 7 * SEC, world->now);
		breaker_force(world->breaker, 2, false, world->now + 8500 * MS, world->now);
	}
	for (unsigned int ms = 1; ms <= 100000; ms++) {
		world_at(&often, often.now + 1 * MS);
		while (breaker_next_ns(seldom.breaker) <= often.now)
			world_at(&seldom, breaker_next_ns(seldom.breaker));
		for (unsigned int i = 0; i < 4; i++) {
			struct breaker_gate a = world_gate(&often, i), b = world_gate(&seldom, i);

			assert_memory_equal(&a, &b, sizeof(a));
			assert_int_equal(world_state(&often, i), world_state(&seldom, i));
		}
	}
	assert_state(&often, 0, HALF_OPEN);
	assert_state(&often, 1, HALF_OPEN);
	assert_state(&often, 2, CLOSED);
	world_end(&often);
	world_end(&seldom);
}

/* ------------------------------------------------------------------------------------------- window */

struct entry {
	uint64_t part; /* since the beginning */
	struct window_counts counts;
};

/* Against a list that forgets nothing */
static void windows_hold_the_last_ten_parts(void **state)
{
	static struct entry entries[20000];
	struct random random = random_begin();
	uint64_t now = 12345, begin = now;
	struct window window;

	(void)state;
	window_reset(&window, 10 * SEC, now);
	for (unsigned int i = 0; i < 20000; i++) {
		struct window_counts sum = {};
		uint64_t calls = random_below(&random, 1000);
		uint64_t failures = random_below(&random, calls + 1),
			 slow = random_below(&random, calls + 1);

		now += random_below(&random, random_below(&random, 50) ? 2 * SEC : 15 * SEC);
		entries[i] = (struct entry){(now - begin) / SEC, {calls, failures, slow}};
		window_add(&window, &entries[i].counts, now);
		for (unsigned int j = i + 1; j-- > 0 && entries[j].part + 10 > entries[i].part;) {
			sum.calls += entries[j].counts.calls;
			sum.failures += entries[j].counts.failures;
			sum.slow += entries[j].counts.slow;
		}
		assert_memory_equal(&window.sum, &sum, sizeof(sum));
	}
}

/* Counters that are read one after the other may say so. */
static void no_more_failures_than_calls_are_counted(void **state)
{
	struct window window;

	(void)state;
	window_reset(&window, 10 * SEC, 0);
	window_add(&window, &(struct window_counts){2, 3, UINT64_MAX}, 0);
	assert_int_equal(window.sum.calls, 2);
	assert_int_equal(window.sum.failures, 2);
	assert_int_equal(window.sum.slow, 2);
	window_add(&window, &(struct window_counts){UINT64_MAX, UINT64_MAX, UINT64_MAX}, 0);
	assert_int_equal(window.sum.failures, window.sum.calls);
	assert_true(window_reaches(&window, window.sum.failures, CONFIG_RATIO, 20));
	window_advance(&window, UINT64_MAX);
	assert_int_equal(window.sum.calls, 0);
	assert_false(window_reaches(&window, 0, 0, 0));
}

/* ------------------------------------------------------------------------------- save and restore */

static void into_state(struct world *world, enum breaker_state state)
{
	if (state == BREAKER_OPEN || state == BREAKER_HALF_OPEN)
		world_fails(world, 0, 2);
	if (state == BREAKER_HALF_OPEN)
		world_at(world, world->now + 30 * SEC);
	if (state == BREAKER_FORCED_OPEN || state == BREAKER_FORCED_CLOSED)
		breaker_force(world->breaker, 0, state == BREAKER_FORCED_OPEN,
			      world->now + 60 * SEC, world->now);
	assert_int_equal(world_state(world, 0), state);
}

/* Saves the first endpoint in that state, and restores it some time later into a new breaker. */
static void restore_after(enum breaker_state state, uint64_t later_ns,
			  const struct config_breaker *config, struct world *world)
{
	struct config_breaker old_config = two_failures();
	struct breaker_saved saved;
	struct world old;

	old_config.mode = state == BREAKER_DISABLED ? BREAKER_OFF : BREAKER_ENFORCE;
	world_begin(&old, &old_config, 2);
	into_state(&old, state);
	breaker_save(old.breaker, 0, &saved);
	world_begin(world, config, 2);
	world->now = old.now + later_ns;
	assert_int_equal(breaker_restore(world->breaker, 0, &saved, world->now), 0);
	world_end(&old);
}

static void states_survive_a_restart(void **state)
{
	struct config_breaker config = two_failures();

	(void)state;
	for (unsigned int i = 0; i < BREAKER_DISABLED; i++) {
		struct world world;
		bool waits = i == BREAKER_OPEN, forced = i >= BREAKER_FORCED_OPEN;

		restore_after(i, 10 * SEC, &config, &world);
		assert_int_equal(world_state(&world, 0), i);
		assert_int_equal(world.changes, i != BREAKER_CLOSED);
		assert_int_equal(world_view(&world, 0).figures.ejections,
				 i == BREAKER_OPEN || i == BREAKER_HALF_OPEN);
		/* as much is left of each wait as there would have been */
		assert_int_equal(world_view(&world, 0).figures.retry_ns,
				 waits ? world.now + 20 * SEC : 0);
		assert_int_equal(world_view(&world, 0).figures.until_ns,
				 forced ? world.now + 50 * SEC : 0);
		world_end(&world);
	}
}

static void states_whose_time_is_over_are_not_restored(void **state)
{
	static const enum breaker_state after[BREAKER_STATE_COUNT] = {
		[BREAKER_CLOSED] = BREAKER_CLOSED,	  [BREAKER_OPEN] = BREAKER_HALF_OPEN,
		[BREAKER_HALF_OPEN] = BREAKER_HALF_OPEN,  [BREAKER_FORCED_OPEN] = BREAKER_HALF_OPEN,
		[BREAKER_FORCED_CLOSED] = BREAKER_CLOSED, [BREAKER_DISABLED] = BREAKER_CLOSED,
	};
	struct config_breaker config = two_failures();

	(void)state;
	for (unsigned int i = 0; i < BREAKER_STATE_COUNT; i++) {
		struct world world;

		restore_after(i, 3600 * SEC, &config, &world);
		assert_int_equal(world_state(&world, 0), after[i]);
		world_end(&world);
	}
}

static void a_breaker_that_is_off_now_restores_overrides_alone(void **state)
{
	struct config_breaker config = two_failures();

	(void)state;
	config.mode = BREAKER_OFF;
	for (unsigned int i = 0; i < BREAKER_STATE_COUNT; i++) {
		bool forced = i == BREAKER_FORCED_OPEN || i == BREAKER_FORCED_CLOSED;
		struct world world;

		restore_after(i, 10 * SEC, &config, &world);
		assert_int_equal(world_state(&world, 0), forced ? i : BREAKER_DISABLED);
		world_end(&world);
	}
}

static void what_is_restored_keeps_to_the_limit_and_the_longest_wait(void **state)
{
	const struct breaker_saved open = {
		.state = BREAKER_OPEN, .ejections = UINT32_MAX, .retry_ns = UINT64_MAX};
	const struct breaker_saved odd = {.state = BREAKER_STATE_COUNT};
	struct config_breaker config = two_failures();
	struct world world;

	(void)state;
	config.jitter = 5000;
	world_begin(&world, &config, 3);
	assert_int_equal(breaker_restore(world.breaker, 0, &odd, world.now), -EINVAL);
	assert_int_equal(world.changes, 0);
	assert_int_equal(breaker_restore(world.breaker, 0, &open, world.now), 0);
	assert_int_equal(breaker_restore(world.breaker, 1, &open, world.now), 0);
	assert_state(&world, 0, OPEN);
	assert_state(&world, 1, CLOSED); /* one of three may be out */
	assert_int_equal(world_view(&world, 0).figures.retry_ns, world.now + 450 * SEC);
	assert_int_equal(world_view(&world, 0).figures.ejections, 10);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_are_out_as_are_configured),
		cmocka_unit_test(the_last_endpoint_is_held_until_another_is_back),
		cmocka_unit_test(held_endpoints_are_let_go_when_they_recover),
		cmocka_unit_test(outliers_are_held_while_they_are_outliers),
		cmocka_unit_test(an_only_endpoint_opens),
		cmocka_unit_test(the_last_of_several_opens_if_told_so),
		cmocka_unit_test(what_is_forced_open_counts_as_out),
		cmocka_unit_test(failures_from_before_the_state_do_not_count_in_its_streak),
		cmocka_unit_test(stragglers_lengthen_the_kernels_streak_alone),
		cmocka_unit_test(a_success_nobody_told_of_begins_the_streak_anew),
		cmocka_unit_test(a_streak_counts_failures_nobody_told_of),
		cmocka_unit_test(rounds_give_the_permits_that_are_missing_and_no_more),
		cmocka_unit_test(permits_nobody_answers_for_are_given_anew),
		cmocka_unit_test(idle_upstreams_stay_half_open),
		cmocka_unit_test(fewer_successes_may_be_asked_for_meanwhile),
		cmocka_unit_test(waits_spread_by_the_jitter_and_are_the_same_for_a_seed),
		cmocka_unit_test(no_jitter_is_exact_and_the_longest_stays_in_64_bits),
		cmocka_unit_test(a_wait_is_no_longer_than_another_configuration_allows),
		cmocka_unit_test(reset_forgets_what_it_was_ejected_for),
		cmocka_unit_test(overrides_are_leased_to_the_kernel),
		cmocka_unit_test(time_that_goes_back_is_the_latest_there_was),
		cmocka_unit_test(what_time_brings_happens_when_it_was_announced),
		cmocka_unit_test(windows_hold_the_last_ten_parts),
		cmocka_unit_test(no_more_failures_than_calls_are_counted),
		cmocka_unit_test(states_survive_a_restart),
		cmocka_unit_test(states_whose_time_is_over_are_not_restored),
		cmocka_unit_test(a_breaker_that_is_off_now_restores_overrides_alone),
		cmocka_unit_test(what_is_restored_keeps_to_the_limit_and_the_longest_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
