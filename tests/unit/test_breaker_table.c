/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every event in every state: where it leads, and why; and what the kernel is told in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/unit/breaker_world.h"

#define OVERRIDE (600 * SEC)

static struct config_breaker table_config(void)
{
	struct config_breaker config = quiet_config();

	config.consecutive_failures = 2;
	config.failure_ratio = 5000;
	config.slow_ratio = 5000;
	config.min_calls = 4;
	config.max_connections = 100;
	config.waiting_syns = 5;
	config.half_open_permits = config.half_open_successes = 2;
	return config;
}

static void configure(struct world *world, enum config_breaker_mode mode)
{
	struct config_breaker config = table_config();

	config.mode = mode;
	breaker_configure(world->breaker, &config, world->now);
}

/* The first of two endpoints into that state, some time after it all began. Overrides end after ten minutes. */
static void world_in(struct world *world, enum breaker_state state)
{
	struct config_breaker config = table_config();

	config.mode = state == BREAKER_DISABLED ? BREAKER_OFF : BREAKER_ENFORCE;
	world_begin(world, &config, 2);
	world_at(world, world->now + 10 * MS);
	if (state == BREAKER_OPEN || state == BREAKER_HALF_OPEN)
		world_fails(world, 0, 2);
	if (state == BREAKER_HALF_OPEN)
		world_at(world, world->now + 30 * SEC);
	if (state == BREAKER_FORCED_OPEN || state == BREAKER_FORCED_CLOSED)
		breaker_force(world->breaker, 0, state == BREAKER_FORCED_OPEN,
			      world->now + OVERRIDE, world->now);
	assert_int_equal(world_state(world, 0), state);
	world_at(world, world->now + 1 * MS);
	assert_int_equal(world_state(world, 0), state);
	world->changes_of[0] = 0;
}

/* ------------------------------------------------------------------------------------- the events */

static void a_success(struct world *world)
{
	world_succeed(world, 0);
}

static void two_successes(struct world *world)
{
	world_succeed(world, 0);
	world_succeed(world, 0);
}

static void a_slow_success(struct world *world)
{
	world_slow(world, 0);
}

static void outcome_with(struct world *world, bool failed, uint32_t streak, uint64_t began_ns)
{
	const struct breaker_outcome outcome = {
		.failed = failed, .streak = streak, .began_ns = began_ns};

	breaker_outcome(world->breaker, &outcome, world->now);
}

static void a_first_failure(struct world *world)
{
	outcome_with(world, true, 1, world->now);
}

static void a_second_failure(struct world *world)
{
	outcome_with(world, true, 2, world->now);
}

static void a_late_failure(struct world *world)
{
	outcome_with(world, true, 9, world_view(world, 0).since_ns - 1);
}

static void two_late_successes(struct world *world)
{
	outcome_with(world, false, 0, world_view(world, 0).since_ns - 1);
	outcome_with(world, false, 0, world_view(world, 0).since_ns - 1);
}

static void sample_with(struct world *world, struct breaker_sample sample)
{
	sample.from_ns = world->now;
	breaker_sample(world->breaker, 0, &sample, world->now);
}

static void a_healthy_sample(struct world *world)
{
	sample_with(world, (struct breaker_sample){100, 100, 49, 49, 84, 4});
}

static void half_failed(struct world *world)
{
	sample_with(world, (struct breaker_sample){.calls = 4, .failures = 2});
}

static void all_of_too_few_failed(struct world *world)
{
	sample_with(world, (struct breaker_sample){.calls = 3, .failures = 3, .slow = 3});
}

static void half_slow(struct world *world)
{
	sample_with(world, (struct breaker_sample){.calls = 4, .slow = 2});
}

static void counted_before_the_state(struct world *world)
{
	const struct breaker_sample sample = {
		.from_ns = world_view(world, 0).since_ns - 1, .calls = 4, .failures = 4, .slow = 4};

	breaker_sample(world->breaker, 0, &sample, world->now);
}

static void connections_at_85_percent(struct world *world)
{
	sample_with(world, (struct breaker_sample){.connections = 85});
}

static void syns_waiting(struct world *world)
{
	sample_with(world, (struct breaker_sample){.waiting_syns = 5});
}

static void recovery_not_over(struct world *world)
{
	world_at(world, world_view(world, 0).since_ns + 30 * SEC - 1);
}

static void recovery_over(struct world *world)
{
	world_at(world, world_view(world, 0).since_ns + 30 * SEC);
}

static void half_open_timeout_over(struct world *world)
{
	world_at(world, world_view(world, 0).since_ns + 33 * SEC);
}

static void override_not_over(struct world *world)
{
	world_at(world, world_view(world, 0).since_ns + OVERRIDE - 1);
}

static void override_over(struct world *world)
{
	world_at(world, world_view(world, 0).since_ns + OVERRIDE);
}

static void forced_open(struct world *world)
{
	breaker_force(world->breaker, 0, true, 0, world->now);
}

static void forced_closed(struct world *world)
{
	breaker_force(world->breaker, 0, false, world->now + 1, world->now);
}

static void forced_too_late(struct world *world)
{
	breaker_force(world->breaker, 0, true, world->now, world->now);
}

static void automatic(struct world *world)
{
	breaker_auto(world->breaker, 0, world->now);
}

static void reset(struct world *world)
{
	breaker_reset(world->breaker, 0, world->now);
}

static void mode_off(struct world *world)
{
	configure(world, BREAKER_OFF);
}

static void mode_enforce(struct world *world)
{
	configure(world, BREAKER_ENFORCE);
}

static void mode_observe(struct world *world)
{
	configure(world, BREAKER_OBSERVE);
}

/* -------------------------------------------------------------------------------------- the table */

#define STAYS                                        \
	{                                            \
		BREAKER_STATE_COUNT, BREAKER_BY_NONE \
	}
#define TO(state, reason)                            \
	{                                            \
		BREAKER_##state, BREAKER_BY_##reason \
	}

static const struct {
	const char *name;
	void (*event)(struct world *world);
	struct {
		enum breaker_state state;
		enum breaker_reason reason;
	} leads[BREAKER_STATE_COUNT];
} table[] = {
/* clang-format off */
#define E(event, closed, open, half_open, forced_open, forced_closed, disabled) \
	{#event, event, {closed, open, half_open, forced_open, forced_closed, disabled}}
#define _ STAYS
	/*                        closed                     open                       half-open                  forced open                      forced closed                    disabled */
	E(a_success,              _,                         _,                         _,                         _,                               _,                               _),
	E(two_successes,          _,                         _,                         TO(CLOSED, PROBES_PASSED), _,                               _,                               _),
	E(a_slow_success,         _,                         _,                         TO(OPEN, PROBE_SLOW),      _,                               _,                               _),
	E(a_first_failure,        _,                         _,                         TO(OPEN, PROBE_FAILED),    _,                               _,                               _),
	E(a_second_failure,       TO(OPEN, CONSECUTIVE),     _,                         TO(OPEN, PROBE_FAILED),    _,                               _,                               _),
	E(a_late_failure,         _,                         _,                         _,                         _,                               _,                               _),
	E(two_late_successes,     _,                         _,                         _,                         _,                               _,                               _),
	E(a_healthy_sample,       _,                         _,                         _,                         _,                               _,                               _),
	E(half_failed,            TO(OPEN, FAILURE_RATIO),   _,                         _,                         _,                               _,                               _),
	E(all_of_too_few_failed,  _,                         _,                         _,                         _,                               _,                               _),
	E(half_slow,              TO(OPEN, SLOW_RATIO),      _,                         _,                         _,                               _,                               _),
	E(counted_before_the_state, _,                       _,                         _,                         _,                               _,                               _),
	E(connections_at_85_percent, TO(OPEN, CONNECTIONS),  _,                         TO(OPEN, CONNECTIONS),     _,                               _,                               _),
	E(syns_waiting,           TO(OPEN, WAITING_SYNS),    _,                         _,                         _,                               _,                               _),
	E(recovery_not_over,      _,                         _,                         _,                         _,                               _,                               _),
	E(recovery_over,          _,                         TO(HALF_OPEN, RECOVERY),   _,                         _,                               _,                               _),
	E(half_open_timeout_over, _,                         TO(HALF_OPEN, RECOVERY),   _,                         _,                               _,                               _),
	E(override_not_over,      _,                         TO(HALF_OPEN, RECOVERY),   _,                         _,                               _,                               _),
	E(override_over,          _,                         TO(HALF_OPEN, RECOVERY),   _,                         TO(HALF_OPEN, OVERRIDE_ENDED),   TO(CLOSED, OVERRIDE_ENDED),      _),
	E(forced_open,            TO(FORCED_OPEN, MANUAL),   TO(FORCED_OPEN, MANUAL),   TO(FORCED_OPEN, MANUAL),   TO(FORCED_OPEN, MANUAL),         TO(FORCED_OPEN, MANUAL),         TO(FORCED_OPEN, MANUAL)),
	E(forced_closed,          TO(FORCED_CLOSED, MANUAL), TO(FORCED_CLOSED, MANUAL), TO(FORCED_CLOSED, MANUAL), TO(FORCED_CLOSED, MANUAL),       TO(FORCED_CLOSED, MANUAL),       TO(FORCED_CLOSED, MANUAL)),
	E(forced_too_late,        _,                         _,                         _,                         _,                               _,                               _),
	E(automatic,              _,                         _,                         _,                         TO(HALF_OPEN, MANUAL),           TO(CLOSED, MANUAL),              _),
	E(reset,                  TO(CLOSED, RESET),         TO(CLOSED, RESET),         TO(CLOSED, RESET),         TO(CLOSED, RESET),               TO(CLOSED, RESET),               TO(DISABLED, RESET)),
	E(mode_off,               TO(DISABLED, CONFIGURED),  TO(DISABLED, CONFIGURED),  TO(DISABLED, CONFIGURED),  _,                               _,                               _),
	E(mode_enforce,           _,                         _,                         _,                         _,                               _,                               TO(CLOSED, CONFIGURED)),
	E(mode_observe,           _,                         _,                         _,                         _,                               _,                               TO(CLOSED, CONFIGURED)),
#undef _
	/* clang-format on */
};

static void assert_leads(unsigned int row, enum breaker_state from)
{
	enum breaker_state to = table[row].leads[from].state;
	enum breaker_reason reason = table[row].leads[from].reason;
	bool stays = to == BREAKER_STATE_COUNT;
	struct world world;

	world_in(&world, from);
	table[row].event(&world);
	if (world_state(&world, 0) != (stays ? from : to) || world.changes_of[0] != !stays ||
	    (!stays && world.reason_of[0] != reason))
		fail_msg("%s when %s: %s after %u changes, the last by %s", table[row].name,
			 breaker_state_word(from), breaker_state_word(world_state(&world, 0)),
			 world.changes_of[0], breaker_reason_word(world.reason_of[0]));
	/* the other endpoint knows nothing of it, but of the mode */
	assert_int_equal(world_state(&world, 1),
			 table[row].event == mode_off ? BREAKER_DISABLED
			 : table[row].event == mode_enforce || table[row].event == mode_observe
				 ? BREAKER_CLOSED
			 : from == BREAKER_DISABLED ? BREAKER_DISABLED
						    : BREAKER_CLOSED);
	world_end(&world);
}

static void every_event_in_every_state(void **state)
{
	(void)state;
	for (unsigned int row = 0; row < sizeof(table) / sizeof(table[0]); row++)
		for (unsigned int from = 0; from < BREAKER_STATE_COUNT; from++)
			assert_leads(row, from);
}

static void every_state_as_the_kernel_sees_it(void **state)
{
	static const struct {
		enum breaker_verdict verdict;
		uint32_t permits;
		uint64_t lasts_ns; /* from the beginning of the state to the deadline */
	} expected[BREAKER_STATE_COUNT] = {
		[BREAKER_CLOSED] = {BREAKER_PASS, 0, 0},
		[BREAKER_OPEN] = {BREAKER_REFUSE, 0, 31 * SEC},
		[BREAKER_HALF_OPEN] = {BREAKER_PERMIT, 2, 34 * SEC},
		[BREAKER_FORCED_OPEN] = {BREAKER_REFUSE, 0, 60 * SEC},
		[BREAKER_FORCED_CLOSED] = {BREAKER_PASS, 0, 0},
		[BREAKER_DISABLED] = {BREAKER_PASS, 0, 0},
	};

	(void)state;
	for (unsigned int i = 0; i < BREAKER_STATE_COUNT; i++) {
		struct world world;
		struct breaker_gate gate;

		world_in(&world, i);
		gate = world_gate(&world, 0);
		assert_int_equal(gate.verdict, expected[i].verdict);
		assert_int_equal(gate.permits, expected[i].permits);
		assert_int_equal(gate.since_ns, world_view(&world, 0).since_ns);
		assert_int_equal(gate.deadline_ns,
				 expected[i].lasts_ns ? gate.since_ns + expected[i].lasts_ns : 0);
		world_end(&world);
	}
}

/* One state refuses less in mode observe; nothing else differs. */
static void observing_refuses_nothing_but_what_is_forced(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < BREAKER_STATE_COUNT; i++) {
		bool forced = i == BREAKER_FORCED_OPEN || i == BREAKER_FORCED_CLOSED;
		struct world world;

		world_in(&world, i);
		mode_observe(&world);
		assert_int_equal(world_gate(&world, 0).verdict,
				 i == BREAKER_FORCED_OPEN ? BREAKER_REFUSE : BREAKER_PASS);
		assert_int_equal(world_view(&world, 0).enforced, forced);
		world_end(&world);
	}
}

static void states_and_reasons_have_names_of_their_own(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < BREAKER_STATE_COUNT; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(breaker_state_word(i), breaker_state_word(j));
	for (unsigned int i = 0; i < BREAKER_REASON_COUNT; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(breaker_reason_word(i), breaker_reason_word(j));
	assert_string_equal(breaker_state_word(BREAKER_STATE_COUNT), "?");
	assert_string_equal(breaker_reason_word(BREAKER_REASON_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_in_every_state),
		cmocka_unit_test(every_state_as_the_kernel_sees_it),
		cmocka_unit_test(observing_refuses_nothing_but_what_is_forced),
		cmocka_unit_test(states_and_reasons_have_names_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
