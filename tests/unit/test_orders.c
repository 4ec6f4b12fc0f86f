/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Books of several nodes over a twin of orders.lua. Each node has a clock of its own, and Redis has another. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/orders_twin.h"
#include "user/cluster/orders.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define SECRET "correct horse battery staple"

enum { NODES = 3, DONE = 4096 };

struct node {
	struct seal *seal;
	struct orders *orders;
	uint64_t began_ns; /* its clock at the beginning */
	bool away;	   /* Redis does not answer it */
	/* What it was told to do, since it was last looked at */
	struct order done[DONE];
	size_t dones;
};

struct world {
	struct orders_twin redis;
	uint64_t past_ns;  /* since the beginning */
	uint64_t redis_us; /* at the beginning */
	struct node node[NODES];
};

static uint64_t now_of(const struct world *world, const struct node *node)
{
	return node->began_ns + world->past_ns;
}

static void do_it(void *context, const struct order *order)
{
	struct node *node = context;

	assert_true(node->dones < DONE);
	node->done[node->dones++] = *order;
}

static void start(struct node *node, const char *name, const char *secret)
{
	node->seal = seal_new(secret);
	node->orders = orders_new("weir", name, node->seal);
	node->dones = 0;
	assert_non_null(node->orders);
}

static void stop(struct node *node)
{
	orders_free(node->orders);
	seal_free(node->seal);
	node->orders = NULL;
	node->seal = NULL;
}

static struct world *begin(const char *secret)
{
	static const char *const names[] = {"a", "b", "c"};
	struct world *world = calloc(1, sizeof(*world));

	world->redis_us = 1700000000000000;
	for (int i = 0; i < NODES; i++) {
		world->node[i].began_ns = (uint64_t)(i + 1) * 1000 * HOUR;
		start(&world->node[i], names[i], secret);
	}
	return world;
}

static void end(struct world *world)
{
	for (int i = 0; i < NODES; i++)
		stop(&world->node[i]);
	orders_twin_flush(&world->redis);
	free(world);
}

static void poll_redis(struct world *world, struct node *node)
{
	struct redis_command *command = orders_command(node->orders, now_of(world, node));
	int result;

	if (!command)
		return;
	if (node->away)
		command->state = REDIS_STATE_TIMEOUT;
	else
		orders_twin_run(&world->redis, command, world->redis_us + world->past_ns / 1000);
	result = orders_answer(node->orders, command, now_of(world, node), do_it, node);
	assert_int_equal(result, node->away ? -ENOTCONN : 0);
	orders_twin_clear(command);
}

static void pass(struct world *world, uint64_t ns)
{
	uint64_t until = world->past_ns + ns, step = ns > 10 * SECOND ? ns / 500 : 10 * MS;

	while (world->past_ns < until) {
		world->past_ns += step;
		for (int i = 0; i < NODES; i++)
			if (world->node[i].orders)
				poll_redis(world, &world->node[i]);
	}
}

/* ------------------------------------------------------------------------------------------ orders */

static struct order order_of(const struct world *world, int node, enum order_kind kind,
			     const char *subject, uint64_t seconds)
{
	uint64_t now = now_of(world, &world->node[node]);
	struct order order = {
		.kind = kind, .given_ns = now, .until_ns = seconds ? now + seconds * SECOND : 0};

	if (kind == ORDER_BAN || kind == ORDER_UNBAN)
		assert_int_equal(config_parse_prefix(subject, &order.prefix), 0);
	else
		sscanf(subject, "%31[^/]/%79s", order.upstream, order.endpoint);
	return order;
}

static void give(struct world *world, int node, enum order_kind kind, const char *subject,
		 uint64_t seconds)
{
	struct order order = order_of(world, node, kind, subject, seconds);

	assert_int_equal(orders_add(world->node[node].orders, &order), 0);
	world->past_ns += MS; /* which of two was the first can be told */
}

/* "ban 203.0.113.7 by a until 60, ..." by the node's own clock, whole seconds; and forgets it */
static const char *done(struct world *world, int number)
{
	static char text[4096];
	struct node *node = &world->node[number];
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < node->dones; i++) {
		const struct order *order = &node->done[i];
		char subject[ORDER_SUBJECT];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s by %s",
					 i ? ", " : "", order_word(order->kind),
					 order_subject(order, subject), order->node);
		if (order->until_ns)
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, " until %llu",
				(unsigned long long)((order->until_ns - node->began_ns +
						      SECOND / 2) /
						     SECOND));
	}
	node->dones = 0;
	return text;
}

static struct orders_figures figures(const struct world *world, int node)
{
	return orders_figures(world->node[node].orders);
}

/* ------------------------------------------------------------------------------------------- tests */

static void an_order_is_everywhere_within_a_second_and_only_once(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	pass(world, SECOND);
	give(world, 0, ORDER_BAN, "203.0.113.7", 60);
	give(world, 0, ORDER_BAN, "2001:db8::/64", 0);
	give(world, 1, ORDER_OPEN, "api/10.1.2.3:8443", 30);
	assert_int_equal(figures(world, 0).untold, 2);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "open api/10.1.2.3:8443 by b until 31");
	assert_string_equal(done(world, 1),
			    "ban 203.0.113.7 by a until 61, ban 2001:db8::/64 by a");
	assert_string_equal(done(world, 2),
			    "ban 203.0.113.7 by a until 61, ban 2001:db8::/64 by a, "
			    "open api/10.1.2.3:8443 by b until 31");
	assert_int_equal(figures(world, 0).untold, 0);
	pass(world, 5 * SECOND);
	for (int i = 0; i < NODES; i++)
		assert_string_equal(done(world, i), "");
	end(world);
}

static void nothing_in_redis_says_who_is_meant(void **state)
{
	static const char *const hidden[] = {"203", "2001", "db8", "api", "ban", "open", SECRET};
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 60);
	give(world, 0, ORDER_BAN, "2001:db8::/64", 60);
	give(world, 0, ORDER_OPEN, "api", 60);
	pass(world, SECOND);
	assert_int_equal(world->redis.orders, 3);
	assert_null(world->redis.secret);
	for (size_t i = 0; i < 3; i++)
		for (size_t h = 0; h < sizeof(hidden) / sizeof(hidden[0]); h++) {
			const struct orders_twin_order *order = &world->redis.order[i];

			/* Three digits or letters come up in random ones, too */
			if (strlen(hidden[h]) > 3)
				assert_null(strstr(order->text, hidden[h]));
			assert_int_equal(strlen(order->name), SEAL_NAME - 1);
			assert_int_equal(strspn(order->name, "0123456789abcdef"), SEAL_NAME - 1);
		}
	end(world);
}

static void what_is_lifted_is_lifted_everywhere_and_stays_so(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 0);
	give(world, 0, ORDER_OPEN, "api", 0);
	pass(world, SECOND);
	done(world, 1);
	give(world, 2, ORDER_UNBAN, "203.0.113.7", 0);
	give(world, 2, ORDER_AUTO, "api", 0);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "unban 203.0.113.7 by c, auto api by c");
	assert_string_equal(done(world, 1), "unban 203.0.113.7 by c, auto api by c");
	/* What lifted it is forgotten in the end, in Redis and here */
	pass(world, 2 * HOUR);
	assert_string_equal(done(world, 0), "");
	assert_string_equal(done(world, 1), "");
	assert_int_equal(world->redis.orders, 0);
	for (int i = 0; i < NODES; i++)
		assert_int_equal(figures(world, i).orders, 0);
	end(world);
}

static void what_is_over_is_gone_everywhere_and_is_no_news(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 5);
	pass(world, SECOND);
	assert_string_equal(done(world, 1), "ban 203.0.113.7 by a until 5");
	pass(world, 6 * SECOND);
	assert_int_equal(world->redis.orders, 0);
	for (int i = 0; i < NODES; i++) {
		assert_int_equal(figures(world, i).orders, 0);
		assert_string_equal(done(world, i == 1 ? 1 : 0), "");
	}
	end(world);
}

static void a_node_that_comes_later_has_everything_in_the_order_it_was_given(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	stop(&world->node[2]);
	pass(world, SECOND);
	give(world, 0, ORDER_OPEN, "api", 600);
	pass(world, SECOND);
	give(world, 1, ORDER_CLOSE, "api/10.1.2.3:8443", 0);
	pass(world, SECOND);
	give(world, 0, ORDER_AUTO, "api/10.1.2.4:8443", 0);
	/* What excepts an endpoint is kept for as long as what it is excepted from */
	pass(world, 50 * HOUR / 3600);
	start(&world->node[2], "c", SECRET);
	pass(world, SECOND);
	assert_string_equal(done(world, 2),
			    "open api by a until 601, close api/10.1.2.3:8443 by b, "
			    "auto api/10.1.2.4:8443 by a");
	end(world);
}

static void what_excepts_an_endpoint_lasts_as_long_as_what_it_is_excepted_from(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	stop(&world->node[2]);
	give(world, 0, ORDER_OPEN, "api", 0);
	pass(world, SECOND);
	give(world, 0, ORDER_AUTO, "api/10.1.2.4:8443", 0);
	pass(world, 5 * HOUR);
	start(&world->node[2], "c", SECRET);
	pass(world, SECOND);
	assert_string_equal(done(world, 2), "open api by a, auto api/10.1.2.4:8443 by a");
	give(world, 0, ORDER_AUTO, "api", 0);
	pass(world, 5 * HOUR);
	assert_int_equal(world->redis.orders, 0);
	assert_int_equal(figures(world, 0).orders, 0);
	end(world);
}

static void an_order_for_all_of_an_upstream_replaces_those_for_its_endpoints(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	stop(&world->node[2]);
	give(world, 0, ORDER_OPEN, "api/10.1.2.3:8443", 0);
	pass(world, SECOND);
	give(world, 1, ORDER_AUTO, "api", 0);
	pass(world, 3 * HOUR);
	start(&world->node[2], "c", SECRET);
	pass(world, SECOND);
	assert_string_equal(done(world, 2), "");
	end(world);
}

static void without_redis_orders_wait_and_count_from_when_they_were_given(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	pass(world, SECOND);
	world->node[0].away = true;
	give(world, 0, ORDER_BAN, "203.0.113.7", 100);
	give(world, 0, ORDER_BAN, "198.51.100.1", 0);
	give(world, 0, ORDER_BAN, "192.0.2.1", 5);
	pass(world, 5 * SECOND);
	assert_int_equal(figures(world, 0).untold, 3);
	/* Given later, though it is in Redis before */
	give(world, 1, ORDER_UNBAN, "198.51.100.1", 0);
	pass(world, 5 * SECOND);
	done(world, 1);
	done(world, 2);
	world->node[0].away = false;
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "unban 198.51.100.1 by b");
	assert_string_equal(done(world, 1), "ban 203.0.113.7 by a until 101");
	assert_string_equal(done(world, 2), "ban 203.0.113.7 by a until 101");
	assert_int_equal(figures(world, 0).untold, 0);
	end(world);
}

static void what_was_lifted_without_redis_is_lifted_however_long_it_was_away(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 0);
	pass(world, SECOND);
	done(world, 1);
	world->node[0].away = true;
	give(world, 0, ORDER_UNBAN, "203.0.113.7", 0);
	pass(world, 5 * HOUR);
	assert_string_equal(done(world, 1), "");
	world->node[0].away = false;
	pass(world, 60 * SECOND);
	assert_string_equal(done(world, 1), "unban 203.0.113.7 by a");
	end(world);
}

static void of_two_orders_the_latest_wins_on_all_nodes(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	pass(world, SECOND);
	give(world, 0, ORDER_OPEN, "api", 0);
	pass(world, 50 * MS);
	give(world, 1, ORDER_CLOSE, "api", 0);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "close api by b");
	/* It may have heard of the other one before it was told its own, or not */
	assert_null(strstr(done(world, 1), "close"));
	assert_non_null(strstr(done(world, 2), "close api by b"));
	for (int i = 0; i < NODES; i++) {
		bool told;

		assert_int_equal(figures(world, i).orders, 1);
		assert_int_equal(orders_at(world->node[i].orders, 0, &told)->kind, ORDER_CLOSE);
		assert_true(told);
	}
	end(world);
}

static void a_redis_that_has_lost_its_memory_is_told_again(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 100);
	give(world, 0, ORDER_BAN, "198.51.100.1", 0);
	pass(world, SECOND);
	give(world, 0, ORDER_UNBAN, "198.51.100.1", 0);
	pass(world, SECOND);
	for (int i = 0; i < NODES; i++)
		done(world, i);
	/* The one that gave them is not there any more */
	stop(&world->node[0]);
	orders_twin_flush(&world->redis);
	pass(world, SECOND);
	assert_int_equal(world->redis.orders, 2);
	assert_string_equal(done(world, 1), "");
	assert_string_equal(done(world, 2), "");
	start(&world->node[0], "a", SECRET);
	pass(world, SECOND);
	assert_string_equal(done(world, 0),
			    "ban 203.0.113.7 by a until 100, unban 198.51.100.1 by a");
	pass(world, 100 * SECOND);
	assert_int_equal(world->redis.orders, 1);
	end(world);
}

static void what_a_replica_had_not_heard_of_is_put_back(void **state)
{
	struct world *world = begin(SECRET);
	struct orders_twin replica;

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 100);
	give(world, 0, ORDER_BAN, "198.51.100.1", 0);
	pass(world, SECOND);
	replica = orders_twin_copy(&world->redis);
	give(world, 0, ORDER_BAN, "192.0.2.1", 100);
	give(world, 0, ORDER_UNBAN, "198.51.100.1", 0);
	pass(world, SECOND);
	for (int i = 0; i < NODES; i++)
		done(world, i);
	orders_twin_flush(&world->redis);
	world->redis = replica;
	/* Who has something to tell is the first there: the others find a later version, but not of the memory they know */
	give(world, 2, ORDER_BAN, "192.0.2.2", 100);
	poll_redis(world, &world->node[2]);
	pass(world, SECOND);
	assert_int_equal(world->redis.orders, 4);
	assert_string_equal(done(world, 0), "ban 192.0.2.2 by c until 102");
	assert_string_equal(done(world, 1), "ban 192.0.2.2 by c until 102");
	assert_string_equal(done(world, 2), "");
	stop(&world->node[2]);
	start(&world->node[2], "c", SECRET);
	pass(world, SECOND);
	assert_string_equal(done(world, 2),
			    "ban 203.0.113.7 by a until 100, ban 192.0.2.1 by a until 101, "
			    "unban 198.51.100.1 by a, ban 192.0.2.2 by c until 102");
	end(world);
}

static void who_was_away_for_long_believes_what_it_finds(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 0);
	give(world, 0, ORDER_OPEN, "api", 0);
	pass(world, SECOND);
	done(world, 2);
	world->node[2].away = true;
	give(world, 0, ORDER_UNBAN, "203.0.113.7", 0);
	give(world, 0, ORDER_AUTO, "api", 0);
	pass(world, 3 * HOUR);
	assert_int_equal(world->redis.orders, 0);
	world->node[2].away = false;
	pass(world, 60 * SECOND);
	assert_int_equal(world->node[2].dones, 2);
	assert_non_null(strstr(done(world, 2), "unban 203.0.113.7 by a"));
	assert_int_equal(figures(world, 2).orders, 0);
	assert_int_equal(world->redis.orders, 0);
	end(world);
}

static void an_order_without_end_outlasts_its_expiry_in_redis(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 0);
	pass(world, SECOND);
	done(world, 1);
	for (int i = 0; i < 100; i++)
		pass(world, 24 * HOUR);
	assert_int_equal(world->redis.orders, 1);
	for (int i = 0; i < NODES; i++) {
		assert_string_equal(done(world, i == 2 ? 1 : i), "");
		assert_int_equal(figures(world, i).orders, 1);
	}
	/* Even when nobody was there to renew it */
	for (int i = 0; i < NODES; i++)
		world->node[i].away = true;
	for (int i = 0; i < 40; i++)
		pass(world, 24 * HOUR);
	for (int i = 0; i < NODES; i++)
		world->node[i].away = false;
	pass(world, 4 * HOUR);
	assert_int_equal(world->redis.orders, 1);
	assert_string_equal(done(world, 1), "");
	assert_int_equal(figures(world, 1).orders, 1);
	end(world);
}

static void a_clock_of_redis_that_goes_back_does_not_make_old_orders_win(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	pass(world, SECOND);
	give(world, 0, ORDER_OPEN, "api", 0);
	pass(world, SECOND);
	/* The new master's is an hour behind */
	world->redis_us -= 3600000000;
	pass(world, SECOND);
	give(world, 1, ORDER_CLOSE, "api", 0);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "close api by b");
	assert_string_equal(done(world, 2), "open api by a, close api by b");
	end(world);
}

static void a_node_with_another_secret_says_so_once_and_does_no_harm(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	stop(&world->node[2]);
	start(&world->node[2], "c", "a secret of its own");
	give(world, 0, ORDER_BAN, "203.0.113.7", 60);
	give(world, 2, ORDER_BAN, "198.51.100.1", 60);
	pass(world, SECOND);
	assert_string_equal(done(world, 1), "ban 203.0.113.7 by a until 60");
	assert_string_equal(done(world, 2), "");
	for (int i = 0; i < NODES; i++) {
		assert_int_equal(figures(world, i).unreadable, 1);
		assert_non_null(strstr(orders_complaint(world->node[i].orders), "cannot be read"));
		assert_null(orders_complaint(world->node[i].orders));
	}
	pass(world, 5 * SECOND);
	assert_int_equal(world->redis.orders, 2);
	assert_null(orders_complaint(world->node[0].orders));
	/* The next order after they are over shows that all is well */
	pass(world, 60 * SECOND);
	give(world, 0, ORDER_BAN, "203.0.113.7", 60);
	pass(world, SECOND);
	assert_int_equal(figures(world, 1).unreadable, 0);
	end(world);
}

static void what_somebody_changes_in_redis_is_not_believed(void **state)
{
	struct world *world = begin(SECRET);
	struct orders_twin_order *order;

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 60);
	pass(world, SECOND);
	done(world, 1);
	order = &world->redis.order[0];
	order->expiry_ms += 1000000000;
	free(order->expiry);
	assert_true(asprintf(&order->expiry, "%" PRId64, order->expiry_ms) > 0);
	world->redis.version += 1000;
	pass(world, SECOND);
	assert_string_equal(done(world, 1), "");
	assert_int_equal(figures(world, 1).unreadable, 1);
	stop(&world->node[2]);
	start(&world->node[2], "c", SECRET);
	pass(world, SECOND);
	assert_string_equal(done(world, 2), "");
	/* And those that had it end it as it was given */
	pass(world, 60 * SECOND);
	assert_int_equal(figures(world, 1).orders, 0);
	end(world);
}

static void nodes_without_a_secret_make_one_and_keep_it_over_a_loss_of_memory(void **state)
{
	struct world *world = begin(NULL);
	char *secret;

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 100);
	pass(world, SECOND);
	assert_string_equal(done(world, 1), "ban 203.0.113.7 by a until 100");
	assert_string_equal(done(world, 2), "ban 203.0.113.7 by a until 100");
	secret = strdup(world->redis.secret);
	orders_twin_flush(&world->redis);
	pass(world, SECOND);
	assert_string_equal(world->redis.secret, secret);
	assert_int_equal(world->redis.orders, 1);
	/* Even where one that is new was quicker: all go on by its secret, and nothing is lost */
	orders_twin_flush(&world->redis);
	world->redis.secret = strdup("a secret that somebody else was quicker with");
	pass(world, 2 * SECOND);
	for (int i = 0; i < NODES; i++) {
		assert_string_equal(seal_offer(world->node[i].seal), world->redis.secret);
		assert_int_equal(figures(world, i).orders, 1);
		assert_int_equal(figures(world, i).unreadable, 0);
		assert_string_equal(done(world, i), "");
	}
	assert_int_equal(world->redis.orders, 1);
	free(secret);
	end(world);
}

static void a_secret_that_is_configured_anew_on_all_nodes_loses_nothing(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 100);
	give(world, 1, ORDER_OPEN, "api", 0);
	pass(world, SECOND);
	/* One after the other: for a while some cannot read what others say */
	for (int i = 0; i < NODES; i++) {
		struct seal *old = world->node[i].seal;

		done(world, i);
		world->node[i].seal = seal_new("the secret of next year");
		assert_int_equal(orders_use(world->node[i].orders, world->node[i].seal), 0);
		seal_free(old);
		pass(world, SECOND);
	}
	give(world, 0, ORDER_UNBAN, "203.0.113.7", 0);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "");
	for (int i = 1; i < NODES; i++)
		assert_string_equal(done(world, i), "unban 203.0.113.7 by a");
	for (int i = 0; i < NODES; i++)
		assert_int_equal(figures(world, i).orders, 2);
	end(world);
}

static void a_secret_in_redis_that_is_none_is_told_and_nothing_is_sealed_by_it(void **state)
{
	struct world *world = begin(NULL);
	struct redis_command *command;
	struct node *node = &world->node[0];

	(void)state;
	world->redis.secret = strdup("too short");
	give(world, 0, ORDER_BAN, "203.0.113.7", 100);
	for (int i = 0; i < 5; i++) {
		world->past_ns += SECOND;
		command = orders_command(node->orders, now_of(world, node));
		assert_non_null(command);
		orders_twin_run(&world->redis, command, world->redis_us + world->past_ns / 1000);
		assert_int_equal(orders_answer(node->orders, command, now_of(world, node), do_it,
					       node),
				 -EINVAL);
		orders_twin_clear(command);
	}
	assert_int_equal(world->redis.orders, 0);
	assert_non_null(strstr(orders_complaint(node->orders), "cluster.secret"));
	assert_null(orders_complaint(node->orders));
	end(world);
}

static void a_ban_that_an_earlier_daemon_left_holds_as_redis_says(void **state)
{
	struct world *world = begin(SECRET);
	struct order order;

	(void)state;
	/* An old memory: of what was lifted long ago nothing is left */
	pass(world, SECOND);
	give(world, 1, ORDER_BAN, "203.0.113.7", 0);
	pass(world, 2 * HOUR);
	stop(&world->node[0]);
	start(&world->node[0], "a", SECRET);
	order = order_of(world, 0, ORDER_BAN, "203.0.113.7", 0);
	assert_int_equal(orders_recall(world->node[0].orders, &order), 0);
	order = order_of(world, 0, ORDER_BAN, "198.51.100.1", 0);
	assert_int_equal(orders_recall(world->node[0].orders, &order), 0);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "ban 203.0.113.7 by b, unban 198.51.100.1 by a");
	assert_int_equal(world->redis.orders, 1);
	/* All daemons and Redis have been started anew: only the kernel knew */
	for (int i = 0; i < NODES; i++)
		stop(&world->node[i]);
	orders_twin_flush(&world->redis);
	start(&world->node[0], "a", SECRET);
	order = order_of(world, 0, ORDER_BAN, "203.0.113.7", 50);
	assert_int_equal(orders_recall(world->node[0].orders, &order), 0);
	start(&world->node[1], "b", SECRET);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "");
	assert_non_null(strstr(done(world, 1), "ban 203.0.113.7 by a until"));
	end(world);
}

static void a_full_redis_is_told_once_and_what_is_lifted_still_gets_through(void **state)
{
	struct world *world = begin(SECRET);
	char prefix[32], stored[ORDER_SUBJECT];

	(void)state;
	world->redis.most = 50;
	for (int i = 0; i < 250; i++) {
		snprintf(prefix, sizeof(prefix), "10.0.0.%d", i);
		give(world, 0, ORDER_BAN, prefix, 100);
	}
	pass(world, 3 * SECOND);
	assert_int_equal(figures(world, 0).untold, 200);
	assert_true(figures(world, 0).full);
	assert_non_null(strstr(orders_complaint(world->node[0].orders), "no more"));
	assert_null(orders_complaint(world->node[0].orders));
	/* One that found its place */
	assert_true(world->node[1].dones == 50);
	world->node[0].dones = 0;
	order_subject(&world->node[1].done[0], stored);
	world->node[1].dones = 0;
	give(world, 0, ORDER_UNBAN, stored, 0);
	pass(world, 3 * SECOND);
	assert_non_null(strstr(done(world, 1), "unban"));
	/* They end, and all have room */
	pass(world, 100 * SECOND);
	assert_int_equal(figures(world, 0).orders, 1);
	pass(world, 10 * SECOND);
	give(world, 0, ORDER_BAN, "203.0.113.7", 100);
	pass(world, SECOND);
	assert_false(figures(world, 0).full);
	assert_int_equal(figures(world, 0).untold, 0);
	end(world);
}

static void there_are_at_most_ten_thousand_and_many_are_told_in_batches(void **state)
{
	struct world *world = begin(SECRET);
	struct order order;
	char prefix[32];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(prefix, sizeof(prefix), "10.0.%d.%d", i / 250, i % 250);
		give(world, 0, ORDER_BAN, prefix, 1000);
	}
	pass(world, SECOND);
	assert_int_equal(world->node[1].dones, 2000);
	assert_int_equal(world->node[2].dones, 2000);
	for (int i = 2000; i < ORDERS_MOST; i++) {
		snprintf(prefix, sizeof(prefix), "10.0.%d.%d", i / 250, i % 250);
		order = order_of(world, 0, ORDER_BAN, prefix, 1000);
		assert_int_equal(orders_add(world->node[0].orders, &order), 0);
	}
	order = order_of(world, 0, ORDER_BAN, "192.0.2.1", 1000);
	assert_int_equal(orders_add(world->node[0].orders, &order), -ENOSPC);
	/* What is there already is not one more */
	order = order_of(world, 0, ORDER_BAN, "10.0.0.0", 2000);
	assert_int_equal(orders_add(world->node[0].orders, &order), 0);
	end(world);
}

static void many_are_read_in_pages_while_they_change(void **state)
{
	struct world *world = begin(SECRET);
	struct node *late = &world->node[2];
	char prefix[32];
	int answers = 0;

	(void)state;
	stop(late);
	for (int i = 0; i < 1000; i++) {
		snprintf(prefix, sizeof(prefix), "10.0.%d.%d", i / 250, i % 250);
		give(world, 0, ORDER_BAN, prefix, 1000);
	}
	pass(world, SECOND);
	start(late, "c", SECRET);
	while (late->dones < 1000 && answers++ < 100) {
		struct redis_command *command;

		world->past_ns += 10 * MS;
		poll_redis(world, &world->node[0]);
		command = orders_command(late->orders, now_of(world, late));
		if (!command)
			continue;
		orders_twin_run(&world->redis, command, world->redis_us + world->past_ns / 1000);
		assert_in_range(command->values, ORDERS_TWIN_HEAD,
				ORDERS_TWIN_HEAD + 2 * ORDERS_TWIN_PAGE);
		assert_int_equal(
			orders_answer(late->orders, command, now_of(world, late), do_it, late), 0);
		orders_twin_clear(command);
		/* One that was read, and one that was not */
		snprintf(prefix, sizeof(prefix), "10.0.%d.0", answers % 2 ? 3 : 0);
		give(world, 0, ORDER_BAN, prefix, (uint64_t)(2000 + answers));
	}
	pass(world, SECOND);
	assert_in_range(answers, 4, 20);
	assert_int_equal(figures(world, 2).orders, 1000);
	assert_int_equal(figures(world, 1).orders, 1000);
	for (size_t i = 0; i < late->dones; i++)
		assert_int_equal(late->done[i].kind, ORDER_BAN);
	end(world);
}

static void an_order_given_anew_while_one_is_under_way_is_told_too(void **state)
{
	struct world *world = begin(SECRET);
	struct node *node = &world->node[0];
	struct redis_command *command;

	(void)state;
	pass(world, SECOND);
	give(world, 0, ORDER_BAN, "203.0.113.7", 60);
	command = orders_command(node->orders, now_of(world, node));
	assert_int_equal(command->arguments, 3 + ORDERS_TWIN_FIXED + 4);
	give(world, 0, ORDER_UNBAN, "203.0.113.7", 0);
	give(world, 0, ORDER_BAN, "203.0.113.7", 90);
	assert_null(orders_command(node->orders, now_of(world, node) + SECOND));
	orders_twin_run(&world->redis, command, world->redis_us + world->past_ns / 1000);
	assert_int_equal(orders_answer(node->orders, command, now_of(world, node), do_it, node), 0);
	orders_twin_clear(command);
	assert_string_equal(done(world, 0), "");
	assert_int_equal(figures(world, 0).untold, 1);
	pass(world, SECOND);
	assert_string_equal(done(world, 0), "");
	assert_non_null(strstr(done(world, 1), "until 91"));
	end(world);
}

static void what_is_no_answer_changes_nothing(void **state)
{
	struct world *world = begin(SECRET);
	struct node *node = &world->node[0];

	(void)state;
	give(world, 1, ORDER_BAN, "203.0.113.7", 60);
	pass(world, SECOND);
	done(world, 0);
	for (size_t cut = 0; cut < ORDERS_TWIN_HEAD; cut++) {
		struct redis_command *command;
		size_t values;

		world->past_ns += SECOND;
		command = orders_command(node->orders, now_of(world, node));
		orders_twin_run(&world->redis, command, world->redis_us + world->past_ns / 1000);
		values = command->values;
		command->values = cut;
		assert_int_equal(orders_answer(node->orders, command, now_of(world, node), do_it,
					       node),
				 -EPROTO);
		command->values = values;
		orders_twin_clear(command);
	}
	assert_int_equal(figures(world, 0).orders, 1);
	assert_string_equal(done(world, 0), "");
	end(world);
}

static void all_overrides_can_be_done_again(void **state)
{
	struct world *world = begin(SECRET);

	(void)state;
	give(world, 0, ORDER_BAN, "203.0.113.7", 60);
	give(world, 0, ORDER_CLOSE, "api/10.1.2.3:8443", 0);
	pass(world, SECOND);
	give(world, 0, ORDER_OPEN, "web", 60);
	pass(world, SECOND);
	done(world, 1);
	orders_repeat(world->node[1].orders, do_it, &world->node[1]);
	assert_string_equal(done(world, 1), "close api/10.1.2.3:8443 by a, open web by a until 61");
	end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_everywhere_within_a_second_and_only_once),
		cmocka_unit_test(nothing_in_redis_says_who_is_meant),
		cmocka_unit_test(what_is_lifted_is_lifted_everywhere_and_stays_so),
		cmocka_unit_test(what_is_over_is_gone_everywhere_and_is_no_news),
		cmocka_unit_test(a_node_that_comes_later_has_everything_in_the_order_it_was_given),
		cmocka_unit_test(
			what_excepts_an_endpoint_lasts_as_long_as_what_it_is_excepted_from),
		cmocka_unit_test(an_order_for_all_of_an_upstream_replaces_those_for_its_endpoints),
		cmocka_unit_test(without_redis_orders_wait_and_count_from_when_they_were_given),
		cmocka_unit_test(what_was_lifted_without_redis_is_lifted_however_long_it_was_away),
		cmocka_unit_test(of_two_orders_the_latest_wins_on_all_nodes),
		cmocka_unit_test(a_redis_that_has_lost_its_memory_is_told_again),
		cmocka_unit_test(what_a_replica_had_not_heard_of_is_put_back),
		cmocka_unit_test(who_was_away_for_long_believes_what_it_finds),
		cmocka_unit_test(an_order_without_end_outlasts_its_expiry_in_redis),
		cmocka_unit_test(a_clock_of_redis_that_goes_back_does_not_make_old_orders_win),
		cmocka_unit_test(a_node_with_another_secret_says_so_once_and_does_no_harm),
		cmocka_unit_test(what_somebody_changes_in_redis_is_not_believed),
		cmocka_unit_test(nodes_without_a_secret_make_one_and_keep_it_over_a_loss_of_memory),
		cmocka_unit_test(a_secret_that_is_configured_anew_on_all_nodes_loses_nothing),
		cmocka_unit_test(
			a_secret_in_redis_that_is_none_is_told_and_nothing_is_sealed_by_it),
		cmocka_unit_test(a_ban_that_an_earlier_daemon_left_holds_as_redis_says),
		cmocka_unit_test(a_full_redis_is_told_once_and_what_is_lifted_still_gets_through),
		cmocka_unit_test(there_are_at_most_ten_thousand_and_many_are_told_in_batches),
		cmocka_unit_test(many_are_read_in_pages_while_they_change),
		cmocka_unit_test(an_order_given_anew_while_one_is_under_way_is_told_too),
		cmocka_unit_test(what_is_no_answer_changes_nothing),
		cmocka_unit_test(all_overrides_can_be_done_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
