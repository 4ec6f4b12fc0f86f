/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Group limits that hold over a cluster, and what becomes of shares at a reload and with another daemon. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* before cmocka.h, which has another fail() */
#include "user/datapath/internal.h"
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/share_lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define GROUP_100 "group_limits: {default: [100/day packets burst 100]}"
#define ONE "ip4/udp"
#define OTHER "ip4 src=192.0.2.2/udp"

static uint32_t generation(const struct lab *lab)
{
	return datapath_generation(lab->datapath);
}

static void assert_counts(struct lab *lab, unsigned int index, uint64_t passed, uint64_t refused)
{
	struct shares_count count = share_lab_count_group(lab, index);

	assert_int_equal(count.passed, passed);
	assert_int_equal(count.refused, refused);
}

/* ---------------------------------------------------------------------------- charged and counted */

static void a_group_has_the_even_share_of_the_nodes_last_known(void **state)
{
	static const struct {
		uint32_t nodes;
		uint64_t passes;
	} cases[] = {{1, 100}, {4, 25}, {1000, 1}};
	uint64_t passed = 0;
	struct lab *lab = lab_open(1024, "");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		shares_set_nodes(lab->datapath, cases[i].nodes);
		share_lab_apply(lab, "limits: {}", ALL_LIMITS);
		share_lab_apply(lab, GROUP_100, ALL_LIMITS);
		assert_int_equal(share_lab_passes(lab, ONE, 100) +
					 share_lab_passes(lab, OTHER, 100),
				 cases[i].passes);
		passed += cases[i].passes;
		assert_counts(lab, 0, passed, 200 * (i + 1) - passed);
	}
	assert_int_equal(share_lab_asked(lab)->count, 0);
	lab_close(lab);
}

static const struct {
	const char *what, *limit, *frame;
	double rate, burst;
	uint64_t passes, unit;
} units[] = {
	{"packets", "1000/day packets burst 100", "ip4/udp", 0.01, 37, 37, 1},
	{"bytes", "256B/s bytes burst 100000", "ip4/udp/data n=958", 256, 50900, 50, 1000},
	{"connections", "1000/day connections burst 100", "ip4/tcp", 0.01, 12, 12, 1},
};

static void a_group_is_charged_and_counted_by_its_share(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		struct shares_value value = {.rate = units[i].rate, .burst = units[i].burst};
		char limits[128];
		struct lab *lab;

		snprintf(limits, sizeof(limits), "group_limits: {default: [%s]}", units[i].limit);
		lab = share_lab_open(limits, ALL_LIMITS);
		share_lab_set_group(lab, 0, value);
		if (share_lab_passes(lab, units[i].frame, 300) != units[i].passes)
			fail_msg("%s", units[i].what);
		assert_counts(lab, 0, units[i].passes * units[i].unit,
			      (300 - units[i].passes) * units[i].unit);
		lab_close(lab);
	}
}

static void a_group_limit_of_the_node_is_not_counted(void **state)
{
	struct lab *lab = share_lab_open(GROUP_100, 0);
	struct shares_value value = per_day(5, 5);

	(void)state;
	assert_int_equal(share_lab_passes(lab, ONE, 300), 100);
	assert_counts(lab, 0, 0, 0);
	assert_int_equal(shares_set_group(lab->datapath, generation(lab), LIMIT(0), &value),
			 -EINVAL);
	assert_int_equal(shares_set_even(lab->datapath, generation(lab), LIMIT(0), &value),
			 -EINVAL);
	assert_int_equal(share_lab_passes(lab, OTHER, 300), 0);
	lab_close(lab);
}

static void what_a_later_group_limit_refuses_counts_as_refused(void **state)
{
	struct lab *lab = share_lab_open("group_limits: {default: [1000/day packets, "
					 "5/day connections, 900/day packets]}",
					 ALL_LIMITS);

	(void)state;
	assert_int_equal(share_lab_passes(lab, "ip4/tcp", 100), 5);
	assert_counts(lab, 0, 5, 95);
	assert_counts(lab, 1, 5, 95);
	assert_counts(lab, 2, 5, 0); /* nobody asked it for more */
	assert_int_equal(share_lab_passes(lab, "ip4/tcp flags=A", 100), 100);
	assert_counts(lab, 0, 105, 95);
	assert_counts(lab, 1, 5, 95);
	lab_close(lab);
}

/* ------------------------------------------------------------------------------------- the level */

static const struct change {
	const char *what;
	struct {
		double rate, burst; /* a day */
	} before, after;
	unsigned int used;
	double credit;
	uint64_t passes;
} changes[] = {
	{"a share that grows is no gift", {50, 50}, {200, 200}, 20, 0, 30},
	{"nor is one that grows from nothing", {50, 50}, {200, 200}, 50, 0, 0},
	{"a share that shrinks takes nothing", {200, 200}, {50, 50}, 170, 0, 30},
	{"but what it can not hold", {200, 200}, {50, 50}, 100, 0, 50},
	{"credit adds exactly itself", {50, 50}, {50, 90}, 50, 17, 17},
	{"as the share grows", {50, 50}, {200, 200}, 20, 17, 47},
	{"as it shrinks", {200, 200}, {50, 50}, 170, 7, 37},
	{"at most up to the burst", {50, 50}, {50, 50}, 20, 40, 50},
	{"debit takes exactly itself", {50, 50}, {50, 50}, 20, -7, 23},
	{"debit takes all there is", {50, 50}, {200, 200}, 20, -70, 0},
	{"a share of nothing passes nothing", {50, 50}, {0, 0}, 0, 0, 0},
	{"whatever the credit", {50, 50}, {0, 0}, 0, 40, 0},
	{"after nothing it begins empty", {0, 0}, {50, 50}, 0, 0, 0},
};

static void the_level_of_a_group_is_carried_in_units(void **state)
{
	struct lab *lab = share_lab_open("group_limits: {default: [1000/day packets]}", ALL_LIMITS);

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const struct change *change = &changes[i];
		struct shares_value value = per_day(change->before.rate, change->before.burst);
		uint64_t passed;

		value.credit = 1000;
		share_lab_set_group(lab, 0, value);
		assert_int_equal(share_lab_passes(lab, ONE, change->used), change->used);
		value = per_day(change->after.rate, change->after.burst);
		value.credit = change->credit;
		share_lab_set_group(lab, 0, value);
		passed = share_lab_passes(lab, ONE, 300);
		if (passed != change->passes)
			fail_msg("%s: %llu", change->what, (unsigned long long)passed);
	}
	lab_close(lab);
}

static const struct weir_rule *rule(const struct lab *lab)
{
	return &datapath_side(lab->datapath)->rule[0];
}

/* On one processor: sends so many packets at once, which is less than credit lives. */
static uint64_t at_once(struct lab *lab, unsigned int packets)
{
	uint64_t before = lab_count(lab, WEIR_PASSED);
	struct frame frame;

	frame_build(&frame, ONE);
	lab_run(lab, LAB_TC, &frame, packets);
	return lab_count(lab, WEIR_PASSED) - before;
}

/* Fast enough for chunks. What a processor has bought stays as many units, and of a share of nothing it holds none. */
static void what_processors_hold_keeps_its_worth(void **state)
{
	struct lab *lab = share_lab_open(
		"group_limits: {default: [1000000/s packets burst 100000]}", ALL_LIMITS);
	struct shares_value fast = {.rate = 1e6, .burst = 1e5}, slow = {.rate = 1e-3, .burst = 1},
			    nothing = {}, empty = {.rate = 1e6, .burst = 1e5, .credit = -2e5};
	uint64_t passed = 0;

	(void)state;
	lab_pin_to_cpu(0);
	/* Held credit is forfeited after 10 ms: the best of some tries is when nothing came in between. */
	for (int try = 0; try < 20; try++) {
		uint32_t chunk;
		uint64_t now;

		fast.credit = 1e5;
		share_lab_set_group(lab, 0, fast);
		chunk = rule(lab)->chunk[0];
		assert_true(chunk > 100);
		at_once(lab, 1); /* buys */
		share_lab_set_group(lab, 0, empty);
		slow.credit = -1e5;
		share_lab_set_group(lab, 0, slow);
		assert_int_equal(rule(lab)->chunk[0], 1);
		now = at_once(lab, 10 * chunk);
		assert_true(now <= chunk);
		passed = now > passed ? now : passed;
		at_once(lab, 1);
		share_lab_set_group(lab, 0, fast);
		at_once(lab, 1);
		share_lab_set_group(lab, 0, nothing);
		assert_int_equal(at_once(lab, 1000), 0);
	}
	printf("# %llu of what a processor held were passed\n", (unsigned long long)passed);
	assert_true(passed > 100);
	lab_close(lab);
}

static void chunks_follow_the_share(void **state)
{
	static const struct shares_value values[] = {{1e6, 1e5, 0}, {1e5, 1e4, 0}, {10, 5, 0},
						     {1e3, 1e5, 0}, {0, 0, 0},	   {5e6, 1e6, 0}};
	struct lab *lab = share_lab_open(
		"group_limits: {default: [1000000/s packets burst 100000]}", ALL_LIMITS);

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct weir_limit whole;

		share_lab_set_group(lab, 0, values[i]);
		config_share_ticks(WEIR_UNIT_PACKETS, values[i].rate, values[i].burst, &whole);
		assert_int_equal(rule(lab)->group[0].cost, whole.cost);
		assert_true(rule(lab)->chunk[0] >= 1);
		if (rule(lab)->chunk[0] == 1)
			assert_true(rule(lab)->group[0].burst == whole.burst);
		else
			assert_true(rule(lab)->group[0].burst +
					    lab->cpus * rule(lab)->chunk[0] * whole.cost <=
				    whole.burst);
	}
	lab_close(lab);
}

/* -------------------------------------------------------------------------------------- a reload */

static void a_reload_keeps_the_share_and_level_of_what_is_as_it_was(void **state)
{
	static const struct {
		const char *what, *limits;
		unsigned int cluster;
		uint64_t passes;
	} cases[] = {
		{"nothing is another", GROUP_100, ALL_LIMITS, 20},
		{"there are limits of clients besides",
		 GROUP_100 ", limits: {default: [900/day packets]}", ALL_LIMITS, 20},
		/* its own even share, with the units that were in the bucket */
		{"another rate", "group_limits: {default: [200/day packets burst 100]}", ALL_LIMITS,
		 20},
		{"a smaller burst", "group_limits: {default: [100/day packets burst 12]}",
		 ALL_LIMITS, 12},
		{"another unit, and so another bucket",
		 "group_limits: {default: [256B/s bytes burst 4200]}", ALL_LIMITS, 100},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lab *lab = share_lab_open(GROUP_100, ALL_LIMITS);
		struct datapath_error error;
		struct shares_value share = per_day(30, 50);
		uint64_t passed;

		share_lab_set_group(lab, 0, share);
		assert_int_equal(share_lab_passes(lab, ONE, 30), 30);
		assert_int_equal(apply_again(lab->datapath, &error),
				 0); /* as an interface came back */
		share_lab_apply(lab, cases[i].limits, cases[i].cluster);
		passed = share_lab_passes(lab, ONE, 300);
		if (passed != cases[i].passes)
			fail_msg("%s: %llu", cases[i].what, (unsigned long long)passed);
		lab_close(lab);
	}
}

static void an_interface_that_comes_back_changes_no_share(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [500/day packets]}, "
					 "group_limits: {default: [10000/day packets]}",
					 ALL_LIMITS);
	struct datapath_error error;
	uint32_t number = share_lab_watch(lab, "ip6/udp", "2001:db8::"), before = generation(lab);
	struct shares_value even = per_day(70, 70);
	struct weir_rule was;

	(void)state;
	assert_int_equal(shares_set_even(lab->datapath, before, LIMIT(0), &even), 0);
	share_lab_set(lab, number, 0, per_day(7, 7));
	share_lab_set_group(lab, 0, per_day(30, 50));
	was = *rule(lab);
	assert_int_equal(apply_again(lab->datapath, &error), 0);
	assert_int_equal(generation(lab), before);
	assert_memory_equal(rule(lab), &was, sizeof(was));
	lab_forget(lab); /* the group's bucket as well */
	share_lab_passes(lab, "ip6/udp", 1);
	share_lab_set(lab, number, 0, per_day(7, 7));
	assert_int_equal(share_lab_passes(lab, "ip6/udp", 100), 7);
	lab_close(lab);
}

/* What was written for rules that are not in force any more must not reach those that are. */
static void what_is_of_another_generation_is_not_written(void **state)
{
	struct lab *lab = share_lab_open(GROUP_100, ALL_LIMITS);
	struct shares_value share = per_day(30, 30);
	uint32_t before = generation(lab);

	(void)state;
	share_lab_apply(lab, GROUP_100, ALL_LIMITS);
	assert_int_equal(shares_set_group(lab->datapath, before, LIMIT(0), &share), -ESTALE);
	assert_int_equal(share_lab_passes(lab, ONE, 300), 100);
	lab_close(lab);
}

static void limits_of_the_cluster_are_listed_with_their_numbers(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [1/day packets, 2/day packets]}, "
					 "group_limits: {default: [3/day packets]}",
					 2 | WEIR_CLUSTER_GROUP(0));
	struct config *other = share_lab_config("limits: {}", 0);
	struct shares_info info[2] = {};
	uint32_t at = 0;

	(void)state;
	assert_int_equal(shares_list(lab->datapath, lab->config, info, 2, &at), 2);
	assert_int_equal(at, generation(lab));
	assert_true(info[0].limit.group);
	assert_int_equal(info[0].limit.index, 0);
	assert_int_equal(info[0].config->amount, 3);
	assert_false(info[1].limit.group);
	assert_int_equal(info[1].limit.index, 1);
	assert_int_equal(info[1].config->amount, 2);
	assert_string_equal(info[1].service->name, "other");
	assert_string_equal(info[1].tier->name, "default");
	assert_int_equal(shares_list(lab->datapath, lab->config, NULL, 0, &at), 2);
	assert_int_equal(shares_list(lab->datapath, other, info, 2, &at), -ESTALE);
	config_unref(other);
	lab_close(lab);
}

/* ------------------------------------------------------------------------------- another daemon */

static void adopt(struct lab *lab)
{
	struct datapath_error error = {};

	datapath_close(lab->datapath);
	if (datapath_open(lab->config, &lab->datapath, &error))
		fail_msg("%s", error.text);
}

static void the_next_daemon_finds_shares_in_force_and_frees_the_numbers(void **state)
{
	static const char both[] = "limits: {default: [100/day packets]}, "
				   "group_limits: {default: [1000/day packets]}";
	struct lab *lab = share_lab_open(both, ALL_LIMITS);
	struct datapath_error error;
	struct shares_value share = per_day(400, 400);
	uint32_t number = share_lab_watch(lab, ONE, "192.0.2.1");
	struct weir_limit was;

	(void)state;
	shares_set_nodes(lab->datapath, 4);
	share_lab_set_group(lab, 0, per_day(200, 1000));
	was = rule(lab)->group[0];
	share.credit = 400;
	share_lab_set(lab, number, 0, share);
	assert_int_equal(share_lab_passes(lab, ONE, 370), 370);
	adopt(lab);
	for (uint32_t i = 0; i < WEIR_SHARES; i++)
		assert_int_equal(lab->datapath->share[i].hash, 0);
	/* in units what it had, by the even share that was in force */
	assert_int_equal(share_lab_client(lab, "192.0.2.1")->share, 0);
	assert_int_equal(share_lab_passes(lab, ONE, 300), 30);
	assert_int_equal(rule(lab)->group[0].cost, was.cost);
	/* applied: even shares of the nodes the one before has known */
	assert_int_equal(datapath_apply(lab->datapath, lab->config, &error), 0);
	assert_int_equal(rule(lab)->limit[0].cost, 4 * 86400 * WEIR_TICKS_PER_SEC / 100);
	assert_int_equal(rule(lab)->group[0].cost, 4 * 86400 * WEIR_TICKS_PER_SEC / 1000);
	/* 1000 had been in the group's bucket, and 400 of them were used; it holds 250 now */
	assert_int_equal(share_lab_passes(lab, "ip6/udp", 300), 25);
	for (int i = 0; i < 20; i++) {
		char text[64];

		snprintf(text, sizeof(text), "ip4 src=198.18.0.%d/udp", i + 1);
		share_lab_passes(lab, text, 25);
	}
	/* its counters go on */
	assert_int_equal(share_lab_count_group(lab, 0).passed, lab_count(lab, WEIR_PASSED));
	lab_close(lab);
}

static void who_has_asked_a_dead_daemon_asks_the_next(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [100/day packets]}", ALL_LIMITS);
	struct datapath_error error;

	(void)state;
	share_lab_passes(lab, ONE, 200);
	assert_int_equal(share_lab_asked(lab)->count, 1);
	adopt(lab);
	assert_int_equal(datapath_apply(lab->datapath, lab->config, &error), 0);
	share_lab_passes(lab, ONE, 10);
	assert_int_equal(share_lab_asked(lab)->count, 1);
	lab_close(lab);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(a_group_has_the_even_share_of_the_nodes_last_known),
		cmocka_unit_test(a_group_is_charged_and_counted_by_its_share),
		cmocka_unit_test(a_group_limit_of_the_node_is_not_counted),
		cmocka_unit_test(what_a_later_group_limit_refuses_counts_as_refused),
		cmocka_unit_test(the_level_of_a_group_is_carried_in_units),
		cmocka_unit_test(what_processors_hold_keeps_its_worth),
		cmocka_unit_test(chunks_follow_the_share),
		cmocka_unit_test(a_reload_keeps_the_share_and_level_of_what_is_as_it_was),
		cmocka_unit_test(an_interface_that_comes_back_changes_no_share),
		cmocka_unit_test(what_is_of_another_generation_is_not_written),
		cmocka_unit_test(limits_of_the_cluster_are_listed_with_their_numbers),
		cmocka_unit_test(the_next_daemon_finds_shares_in_force_and_frees_the_numbers),
		cmocka_unit_test(who_has_asked_a_dead_daemon_asks_the_next),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
