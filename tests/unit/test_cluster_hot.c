/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/random.h"
#include "user/cluster/hot.h"

enum { CLIENTS = 400, MOST = 16 };

static void only_clients_over_half_an_even_share_are_chosen(void **state)
{
	/* R/N is 100 */
	const struct hot_client clients[] = {{1, 50, 1000, false},  {2, 50.1, 1000, false},
					     {3, 900, 1000, false}, {4, 0, 1000, false},
					     {5, 25.1, 1000, true}, {6, 25, 1000, true}};
	size_t chosen[6];

	(void)state;
	assert_int_equal(hot_choose(clients, 6, 10, chosen, 6), 3);
	assert_int_equal(chosen[0], 2);
	assert_int_equal(chosen[1], 1);
	assert_int_equal(chosen[2], 4);
	assert_int_equal(hot_choose(clients, 6, 10, chosen, 1), 1);
	assert_int_equal(chosen[0], 2);
	assert_int_equal(hot_choose(clients, 6, 10, chosen, 0), 0);
	assert_int_equal(hot_choose(clients, 0, 10, chosen, 6), 0);
	/* One node alone: R is the share; N not known is one node */
	assert_int_equal(hot_choose(clients, 6, 1, chosen, 6), 1);
	assert_int_equal(hot_choose(clients, 6, 0, chosen, 6), 1);
}

/* How many of all are hotter, or as hot with a lesser key */
static size_t place_of(const struct hot_client *clients, size_t count, size_t i)
{
	double heat = clients[i].demand / clients[i].rate;
	size_t place = 0;

	for (size_t j = 0; j < count; j++) {
		double other = clients[j].demand / clients[j].rate;

		place += other > heat || (other == heat && clients[j].key < clients[i].key);
	}
	return place;
}

static void the_hottest_are_chosen_in_order(void **state)
{
	struct random random = random_begin();
	struct hot_client clients[CLIENTS];
	size_t chosen[CLIENTS];

	(void)state;
	for (int run = 0; run < 300; run++) {
		size_t count = random_below(&random, CLIENTS + 1), found;
		size_t most = 1 + random_below(&random, run % 2 ? MOST : CLIENTS), hot = 0;

		for (size_t i = 0; i < count; i++) {
			/* Few values, so that many are equal */
			clients[i] = (struct hot_client){i * 0x9e3779b97f4a7c15ULL,
							 (double)random_below(&random, 50),
							 run % 3 ? 100 : 250, false};
			hot += clients[i].demand / clients[i].rate > 0.5 / 4;
		}
		found = hot_choose(clients, count, 4, chosen, most);
		assert_int_equal(found, hot < most ? hot : most);
		for (size_t i = 0; i < found; i++)
			assert_int_equal(place_of(clients, count, chosen[i]), i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_clients_over_half_an_even_share_are_chosen),
		cmocka_unit_test(the_hottest_are_chosen_in_order),
	};

	return cmocka_run_group_tests_name("cluster_hot", tests, NULL, NULL);
}
