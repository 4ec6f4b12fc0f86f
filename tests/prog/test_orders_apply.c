/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir-test: alone */
/*
 * Orders of the cluster on their way: given at a node, by its box and its book to Redis (its twin), and from there by the book and the box of
 * this node into the kernel.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/lib/orders_twin.h"
#include "tests/prog/lab.h"
#include "user/base/clock.h"
#include "user/base/words.h"
#include "user/daemon/orders_apply.h"

#define SECOND 1000000000ULL
#define SECRET "correct horse battery staple"

static const char config[] =
	"services: [{name: web, match: [tcp/80]}]\n"
	"upstreams: [{name: api, endpoints: ['10.1.2.3:80', '10.1.2.4:80']}]\n";

/* This node as a whole, and the book of another */
struct world {
	struct lab *lab;
	struct control control;
	struct seal *seal, *others_seal;
	struct orders *book, *others;
	struct orders_twin redis;
	uint64_t ahead_ns; /* of the clock, so that no poll has to wait for its time */
};

static struct world *begin(void)
{
	struct world *world = calloc(1, sizeof(*world));
	struct control *control = &world->control;

	world->lab = lab_open(1024, config);
	world->lab->config->cluster.enabled = true;
	control->config = world->lab->config;
	control->gather.config = world->lab->config;
	control->gather.datapath = world->lab->datapath;
	control->feed = feed_new();
	control->orders = order_box_new();
	control->gather.breakers =
		breakers_new(world->lab->datapath, world->lab->config, control->feed);
	world->seal = seal_new(SECRET);
	world->others_seal = seal_new(SECRET);
	world->book = orders_new("weir", "here", world->seal);
	world->others = orders_new("weir", "there", world->others_seal);
	assert_non_null(control->orders);
	assert_non_null(control->gather.breakers);
	return world;
}

static void end(struct world *world)
{
	orders_free(world->book);
	orders_free(world->others);
	seal_free(world->seal);
	seal_free(world->others_seal);
	orders_twin_flush(&world->redis);
	breakers_free(world->control.gather.breakers);
	order_box_free(world->control.orders);
	feed_free(world->control.feed);
	lab_close(world->lab);
	free(world);
}

static void ignore(void *context, const struct order *order)
{
}

/* One command of a book and its answer. Redis' clock is this one, a year later. */
static void poll_redis(struct world *world, struct orders *orders, orders_apply *apply)
{
	uint64_t now = clock_monotonic_ns() + world->ahead_ns;
	struct redis_command *command;

	world->ahead_ns += 1000000;
	while ((command = orders_command(orders, now))) {
		orders_twin_run(&world->redis, command, 31557600000000 + now / 1000);
		assert_int_equal(orders_answer(orders, command, now, apply, world->control.orders),
				 0);
		orders_twin_clear(command);
	}
}

/* All that is to be heard of is; returns how often this node had something to do. */
static int exchange(struct world *world)
{
	int turns = 0;

	for (int i = 0; i < 4; i++) {
		world->ahead_ns += ORDERS_INTERVAL_NS;
		assert_int_equal(order_box_enter(world->control.orders, world->book, true), 0);
		poll_redis(world, world->book, order_box_apply);
		poll_redis(world, world->others, ignore);
		while (cluster_take_orders(&world->control))
			turns++;
	}
	assert_int_equal(order_box_lost(world->control.orders), 0);
	return turns;
}

static struct order order_of(const struct world *world, enum order_kind kind, const char *subject,
			     uint64_t seconds)
{
	uint64_t now = clock_monotonic_ns() + world->ahead_ns;
	struct order order = {
		.kind = kind, .given_ns = now, .until_ns = seconds ? now + seconds * SECOND : 0};

	if (kind == ORDER_BAN || kind == ORDER_UNBAN)
		assert_int_equal(config_parse_prefix(subject, &order.prefix), 0);
	else
		sscanf(subject, "%31[^/]/%79s", order.upstream, order.endpoint);
	return order;
}

static void give_there(struct world *world, enum order_kind kind, const char *subject,
		       uint64_t seconds)
{
	struct order order = order_of(world, kind, subject, seconds);

	assert_int_equal(orders_add(world->others, &order), 0);
}

static void ban_here(struct world *world, const char *prefix, uint64_t until_ns,
		     enum weir_ban_origin origin)
{
	struct datapath_ban ban = {.until_ns = until_ns, .origin = origin};
	struct datapath_error error;

	assert_int_equal(config_parse_prefix(prefix, &ban.prefix), 0);
	assert_true(datapath_ban(world->lab->datapath, &ban, &error) >= 0);
}

/* "manual 60", "cluster": who asked for it and how many seconds are left; "": there is none */
static const char *ban_of(const struct world *world, const char *text)
{
	static char line[64];
	const struct datapath_ban *bans;
	size_t count = datapath_bans(world->lab->datapath, &bans);
	struct config_prefix prefix;

	line[0] = 0;
	assert_int_equal(config_parse_prefix(text, &prefix), 0);
	for (size_t i = 0; i < count; i++)
		if (!memcmp(&bans[i].prefix, &prefix, sizeof(prefix)) &&
		    bans[i].until_ns == UINT64_MAX)
			snprintf(line, sizeof(line), "%s",
				 ban_origin_word((enum weir_ban_origin)bans[i].origin));
		else if (!memcmp(&bans[i].prefix, &prefix, sizeof(prefix)))
			snprintf(line, sizeof(line), "%s %.0f",
				 ban_origin_word((enum weir_ban_origin)bans[i].origin),
				 ((double)bans[i].until_ns - (double)clock_monotonic_ns() -
				  (double)world->ahead_ns) /
					 60e9);
	return line;
}

static const char *sent(struct world *world)
{
	static char line[160];
	struct lab_outcome outcome;
	struct frame frame;

	assert_int_equal(frame_build(&frame, "ip4/tcp"), 0);
	outcome = lab_send(world->lab, LAB_XDP, &frame);
	strcpy(line, lab_describe(&outcome));
	return line;
}

/* "forced_open closed": of the two endpoints */
static const char *breakers_now(const struct world *world)
{
	static char line[64];
	struct snapshot *snapshot = snapshot_new();
	const struct weir_state *names = datapath_names(world->lab->datapath);
	size_t used = 0;

	breakers_show(world->control.gather.breakers, snapshot);
	for (int i = 0; i < WEIR_ENDPOINTS; i++)
		if (names->endpoint[i].name[0])
			used += (size_t)snprintf(
				line + used, sizeof(line) - used, "%s%s", used ? " " : "",
				breaker_state_word(snapshot->endpoint[i].breaker.state));
	snapshot_unref(snapshot);
	return line;
}

/* ------------------------------------------------------------------------------------------- tests */

static void a_ban_of_another_node_drops_packets_here_until_it_is_lifted_there(void **state)
{
	struct world *world = begin();

	(void)state;
	assert_string_equal(sent(world), "pass passed web/default");
	give_there(world, ORDER_BAN, "192.0.2.1", 3600);
	assert_int_equal(exchange(world), 1);
	assert_string_equal(sent(world), "drop banned web/default");
	assert_string_equal(ban_of(world, "192.0.2.1"), "cluster 60");
	give_there(world, ORDER_UNBAN, "192.0.2.1", 0);
	exchange(world);
	assert_string_equal(sent(world), "pass passed web/default");
	assert_string_equal(ban_of(world, "192.0.2.1"), "");
	end(world);
}

static void what_is_ordered_here_is_known_there(void **state)
{
	struct world *world = begin();
	struct order order = order_of(world, ORDER_BAN, "192.0.2.1", 600);
	bool told = true;

	(void)state;
	assert_int_equal(cluster_may_order(&world->control), 0);
	assert_int_equal(cluster_order(&world->control, &order, &told), 0);
	assert_false(told); /* Redis has not answered yet */
	exchange(world);
	assert_non_null(orders_at(world->others, 0, &told));
	assert_string_equal(orders_at(world->others, 0, &told)->node, "here");
	assert_int_equal(cluster_order(&world->control, &order, &told), 0);
	assert_true(told);
	order_box_enter(world->control.orders, world->book, false);
	assert_int_equal(cluster_order(&world->control, &order, &told), 0);
	assert_false(told);
	world->lab->config->cluster.enabled = false;
	assert_int_equal(cluster_may_order(&world->control), -ENOTSUP);
	end(world);
}

static void a_ban_of_this_nodes_own_is_neither_shortened_nor_lifted(void **state)
{
	struct world *world = begin();

	(void)state;
	ban_here(world, "192.0.2.1", UINT64_MAX, WEIR_BAN_MANUAL);
	ban_here(world, "192.0.2.2", clock_monotonic_ns() + 60 * SECOND, WEIR_BAN_ESCALATION);
	give_there(world, ORDER_BAN, "192.0.2.1", 3600);
	give_there(world, ORDER_BAN, "192.0.2.2", 3600);
	exchange(world);
	assert_string_equal(ban_of(world, "192.0.2.1"), "manual");
	assert_string_equal(ban_of(world, "192.0.2.2"), "cluster 60");
	give_there(world, ORDER_UNBAN, "192.0.2.1", 0);
	give_there(world, ORDER_UNBAN, "192.0.2.2", 0);
	exchange(world);
	assert_string_equal(ban_of(world, "192.0.2.1"), "manual");
	assert_string_equal(ban_of(world, "192.0.2.2"), "");
	end(world);
}

static void a_ban_that_was_lifted_while_no_daemon_ran_does_not_stay_in_the_kernel(void **state)
{
	struct world *world = begin();

	(void)state;
	give_there(world, ORDER_BAN, "192.0.2.1", 0);
	poll_redis(world, world->others, ignore);
	world->ahead_ns += 7200 * SECOND; /* an old memory of Redis */
	poll_redis(world, world->others, ignore);
	ban_here(world, "192.0.2.1", UINT64_MAX, WEIR_BAN_CLUSTER);
	ban_here(world, "192.0.2.2", UINT64_MAX, WEIR_BAN_CLUSTER);
	ban_here(world, "192.0.2.3", UINT64_MAX, WEIR_BAN_MANUAL);
	cluster_recall_bans(&world->control);
	exchange(world);
	assert_string_equal(ban_of(world, "192.0.2.1"), "cluster");
	assert_string_equal(ban_of(world, "192.0.2.2"), "");
	assert_string_equal(ban_of(world, "192.0.2.3"), "manual");
	end(world);
}

static void overrides_of_another_node_hold_here(void **state)
{
	struct world *world = begin();

	(void)state;
	give_there(world, ORDER_OPEN, "api", 600);
	give_there(world, ORDER_CLOSE, "api/10.1.2.4:80", 0);
	give_there(world, ORDER_OPEN, "nobody/10.1.2.4:80", 0);
	exchange(world);
	assert_string_equal(breakers_now(world), "forced_open forced_closed");
	give_there(world, ORDER_AUTO, "api/10.1.2.4:80", 0);
	exchange(world);
	assert_string_equal(breakers_now(world), "forced_open disabled");
	give_there(world, ORDER_RESET, "api", 0);
	exchange(world);
	assert_string_equal(breakers_now(world), "disabled disabled");
	end(world);
}

static void who_decided_later_here_is_not_overruled_by_what_was_ordered_before(void **state)
{
	struct world *world = begin();
	struct breakers *breakers = world->control.gather.breakers;
	uint64_t before = clock_monotonic_ns();

	(void)state;
	assert_int_equal(breakers_override(breakers, "api", "10.1.2.3:80", BREAKERS_CLOSE, 0), 1);
	assert_int_equal(breakers_order(breakers, "api", NULL, BREAKERS_OPEN, 0, before), 2);
	assert_string_equal(breakers_now(world), "forced_closed forced_open");
	/* Not even one that says it was given in the future, where a clock went back */
	breakers_order(breakers, "api", NULL, BREAKERS_OPEN, 0,
		       clock_monotonic_ns() + 3600 * SECOND);
	assert_string_equal(breakers_now(world), "forced_open forced_open");
	breakers_override(breakers, "api", NULL, BREAKERS_AUTO, 0);
	assert_string_equal(breakers_now(world), "disabled disabled");
	breakers_order(breakers, "api", NULL, BREAKERS_CLOSE, 0, before);
	assert_string_equal(breakers_now(world), "disabled disabled");
	/* The next daemon knows it from the pins */
	breakers_override(breakers, "api", NULL, BREAKERS_CLOSE, 0);
	breakers_free(breakers);
	breakers = breakers_new(world->lab->datapath, world->lab->config, world->control.feed);
	world->control.gather.breakers = breakers;
	breakers_order(breakers, "api", NULL, BREAKERS_AUTO, 0, before);
	assert_string_equal(breakers_now(world), "forced_closed forced_closed");
	breakers_order(breakers, "api", NULL, BREAKERS_AUTO, 0, clock_monotonic_ns());
	assert_string_equal(breakers_now(world), "disabled disabled");
	end(world);
}

/* Each alone would sort all of them anew */
static void thousands_of_bans_do_not_keep_the_control_thread(void **state)
{
	struct world *world = begin();
	uint64_t begun, longest = 0;
	char prefix[32];
	size_t turns = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(prefix, sizeof(prefix), "10.%d.%d.0/24", i / 250, i % 250);
		give_there(world, ORDER_BAN, prefix, 3600);
	}
	for (int i = 0; i < 100; i++) {
		world->ahead_ns += ORDERS_INTERVAL_NS;
		poll_redis(world, world->others, ignore);
		poll_redis(world, world->book, order_box_apply);
	}
	for (bool done = true; done; turns++) {
		begun = clock_monotonic_ns();
		done = cluster_take_orders(&world->control);
		if (clock_monotonic_ns() - begun > longest)
			longest = clock_monotonic_ns() - begun;
	}
	printf("# 5000 bans in %zu turns, the longest took %.1f ms\n", turns,
	       (double)longest / 1e6);
	assert_string_equal(ban_of(world, "10.19.249.0/24"), "cluster 60");
	assert_true(longest < SECOND);
	end(world);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(a_ban_of_another_node_drops_packets_here_until_it_is_lifted_there),
		cmocka_unit_test(what_is_ordered_here_is_known_there),
		cmocka_unit_test(a_ban_of_this_nodes_own_is_neither_shortened_nor_lifted),
		cmocka_unit_test(
			a_ban_that_was_lifted_while_no_daemon_ran_does_not_stay_in_the_kernel),
		cmocka_unit_test(overrides_of_another_node_hold_here),
		cmocka_unit_test(
			who_decided_later_here_is_not_overruled_by_what_was_ordered_before),
		cmocka_unit_test(thousands_of_bans_do_not_keep_the_control_thread),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
