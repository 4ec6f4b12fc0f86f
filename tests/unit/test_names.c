// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers for names: buckets and counters are indexed by them, so they may not move */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/datapath/names.h"

/* One interface, and services with these names; "" ends them */
static struct config *services(const char *const *names)
{
	struct config *config = calloc(1, sizeof(*config));

	assert_non_null(config);
	strcpy(config->interface[0].name, "eth0");
	config->interfaces = 1;
	strcpy(config->tier[0].name, "default");
	config->tiers = 1;
	strcpy(config->service[0].name, "other");
	config->services = 1;
	for (size_t i = 0; names[i][0]; i++)
		strcpy(config->service[config->services++].name, names[i]);
	return config;
}

#define SERVICES(...) services((const char *const[]){__VA_ARGS__, ""})

static struct numbers assign(struct weir_state *state, struct config *config)
{
	struct numbers numbers = {};

	names_assign(state, config, &numbers);
	for (size_t i = 0; i < config->services; i++) {
		assert_string_equal(state->service[numbers.service[i]], config->service[i].name);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(numbers.service[i], numbers.service[k]);
	}
	return numbers;
}

static struct weir_state *new_state(void)
{
	struct weir_state *state = calloc(1, sizeof(*state));

	assert_non_null(state);
	return state;
}

static void a_name_keeps_its_number_wherever_it_stands(void **unused)
{
	struct weir_state *state = new_state();
	struct config *first = SERVICES("web", "dns"), *second = SERVICES("mail", "dns", "web");
	struct numbers before = assign(state, first), after = assign(state, second);

	(void)unused;
	assert_int_equal(before.service[0], WEIR_SERVICE_OTHER);
	assert_int_equal(after.service[3], before.service[1]);
	assert_int_equal(after.service[2], before.service[2]);
	free(first);
	free(second);
	free(state);
}

static void a_name_that_was_gone_finds_its_number_again(void **unused)
{
	struct weir_state *state = new_state();
	struct config *with = SERVICES("web", "dns"), *without = SERVICES("dns");
	uint32_t web = assign(state, with).service[1];

	(void)unused;
	assign(state, without);
	assert_int_equal(assign(state, with).service[1], web);
	free(with);
	free(without);
	free(state);
}

/* 63 names come and go; a new one takes the number of one that is gone, never of one that is there. */
static void numbers_are_reused_when_there_are_no_others(void **unused)
{
	struct weir_state *state = new_state();
	struct config *full = SERVICES(""), *changed;
	struct numbers before, after;

	(void)unused;
	for (; full->services < WEIR_SERVICES; full->services++)
		snprintf(full->service[full->services].name, WEIR_NAME, "s%zu", full->services);
	before = assign(state, full);
	changed = malloc(sizeof(*changed));
	assert_non_null(changed);
	memcpy(changed, full, sizeof(*changed));
	strcpy(changed->service[17].name, "new");
	after = assign(state, changed);
	assert_int_equal(after.service[17], before.service[17]);
	for (size_t i = 0; i < full->services; i++)
		assert_int_equal(after.service[i], before.service[i]);
	free(changed);
	free(full);
	free(state);
}

static void the_default_tier_is_number_0_whatever_it_is_called(void **unused)
{
	struct weir_state *state = new_state();
	struct config *config = SERVICES("web");
	struct numbers numbers;

	(void)unused;
	strcpy(config->tier[1].name, "gold");
	config->tiers = 2;
	numbers = assign(state, config);
	assert_int_equal(numbers.tier[0], WEIR_TIER_DEFAULT);
	assert_int_not_equal(numbers.tier[1], WEIR_TIER_DEFAULT);
	/* the default is renamed, and the other takes the old name */
	strcpy(config->tier[0].name, "anonymous");
	strcpy(config->tier[1].name, "default");
	numbers = assign(state, config);
	assert_int_equal(numbers.tier[0], WEIR_TIER_DEFAULT);
	assert_int_not_equal(numbers.tier[1], WEIR_TIER_DEFAULT);
	assert_string_equal(state->tier[0], "anonymous");
	free(config);
	free(state);
}

static void names_of_full_width_are_told_apart(void **unused)
{
	struct weir_state *state = new_state();
	struct config *config = SERVICES("a23456789012345678901234567890x",
					 "a23456789012345678901234567890y", "a2345678901234567890");

	(void)unused;
	assign(state, config);
	free(config);
	free(state);
}

static void a_series_is_found_again_and_a_new_one_is_fresh(void **unused)
{
	struct weir_state *state = new_state();
	uint8_t fresh[WEIR_SERIES] = {};
	uint32_t first = names_series(state, 1, 2, 3, fresh);

	(void)unused;
	assert_int_not_equal(first, 0);
	assert_int_equal(fresh[first], 1);
	fresh[first] = 0;
	assert_int_equal(names_series(state, 1, 2, 3, fresh), first);
	assert_int_equal(fresh[first], 0);
	assert_int_not_equal(names_series(state, 1, 2, 4, fresh), first);
	assert_int_not_equal(names_series(state, 2, 2, 3, fresh), first);
	free(state);
}

static void there_are_1023_series_and_then_none(void **unused)
{
	struct weir_state *state = new_state();
	uint8_t fresh[WEIR_SERIES] = {}, seen[WEIR_SERIES] = {};

	(void)unused;
	for (uint32_t i = 0; i < WEIR_SERIES - 1; i++) {
		uint32_t series = names_series(state, 0, i / WEIR_TIERS, i % WEIR_TIERS, fresh);

		assert_in_range(series, 1, WEIR_SERIES - 1);
		assert_int_equal(seen[series]++, 0);
	}
	assert_int_equal(names_series(state, 1, 0, 0, fresh), 0);
	assert_int_not_equal(names_series(state, 0, 0, 5, fresh), 0);
	free(state);
}

static void series_of_what_is_gone_are_forgotten_and_given_again(void **unused)
{
	struct weir_state *state = new_state();
	struct config *with = SERVICES("web", "dns"), *without = SERVICES("dns");
	struct numbers numbers = assign(state, with);
	uint8_t fresh[WEIR_SERIES] = {};
	uint32_t web = names_series(state, numbers.interface[0], numbers.service[1], 0, fresh);
	uint32_t dns = names_series(state, numbers.interface[0], numbers.service[2], 0, fresh);

	(void)unused;
	numbers = assign(state, without);
	names_forget_series(state, without, &numbers);
	assert_int_equal(state->series[web].used, 0);
	assert_int_equal(state->series[dns].used, 1);
	memset(fresh, 0, sizeof(fresh));
	assert_int_equal(names_series(state, numbers.interface[0], 9, 0, fresh), web);
	assert_int_equal(fresh[web], 1); /* whoever had it left counts in it */
	free(with);
	free(without);
	free(state);
}

/* One upstream after the other: its name, its endpoints, ""; and "" again */
static struct config *upstreams(const char *const *words)
{
	struct config *config = SERVICES("");

	config->upstream = calloc(WEIR_UPSTREAMS, sizeof(*config->upstream));
	assert_non_null(config->upstream);
	for (; *words[0]; words++) {
		struct config_upstream *upstream = &config->upstream[config->upstreams++];

		strcpy(upstream->name, *words++);
		upstream->endpoint = calloc(WEIR_ENDPOINTS, sizeof(*upstream->endpoint));
		assert_non_null(upstream->endpoint);
		for (; *words[0]; words++)
			strcpy(upstream->endpoint[upstream->endpoints++].name, *words);
	}
	return config;
}

#define UPSTREAMS(...) upstreams((const char *const[]){__VA_ARGS__, "", ""})

static void free_upstreams(struct config *config)
{
	for (size_t i = 0; i < config->upstreams; i++)
		free(config->upstream[i].endpoint);
	free(config->upstream);
	free(config);
}

static size_t count(const bool *fresh, size_t size)
{
	size_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += fresh[i];
	return sum;
}

static void upstreams_and_endpoints_keep_their_numbers(void **unused)
{
	struct weir_state *state = new_state();
	struct config *first = UPSTREAMS("api", "a:1", "b:1", "", "db", "a:1", "c:5432");
	struct config *second =
		UPSTREAMS("db", "c:5432", "a:1", "", "web", "a:1", "", "api", "b:1");
	struct numbers before = assign(state, first), after = assign(state, second);

	(void)unused;
	assert_int_equal(after.upstream[0], before.upstream[1]);
	assert_int_equal(after.upstream[2], before.upstream[0]);
	assert_int_equal(after.endpoint[0], before.endpoint[3]); /* db c:5432 */
	assert_int_equal(after.endpoint[1], before.endpoint[2]); /* db a:1 */
	assert_int_equal(after.endpoint[3], before.endpoint[1]); /* api b:1 */
	/* the same endpoint of three upstreams is three */
	for (size_t i = 0; i < 4; i++)
		assert_int_not_equal(after.endpoint[2], before.endpoint[i]);
	assert_string_equal(state->endpoint[after.endpoint[2]].upstream, "web");
	assert_string_equal(state->endpoint[after.endpoint[2]].name, "a:1");
	assert_int_equal(names_endpoint(state, "web", "a:1"), after.endpoint[2]);
	assert_int_equal(names_endpoint(state, "web", "b:1"), WEIR_ENDPOINTS);
	/* gone from the configuration, but not forgotten */
	assert_int_equal(names_endpoint(state, "api", "a:1"), before.endpoint[0]);
	free_upstreams(first);
	free_upstreams(second);
	free(state);
}

static void a_number_is_fresh_only_for_the_name_that_gets_it(void **unused)
{
	struct weir_state *state = new_state();
	struct config *with = UPSTREAMS("api", "a:1", "b:1"), *without = UPSTREAMS("db", "a:1");
	struct numbers numbers = assign(state, with);

	(void)unused;
	assert_int_equal(count(numbers.fresh_upstream, WEIR_UPSTREAMS), 1);
	assert_int_equal(count(numbers.fresh_endpoint, WEIR_ENDPOINTS), 2);
	assert_true(numbers.fresh_endpoint[numbers.endpoint[0]]);
	assert_true(numbers.fresh_endpoint[numbers.endpoint[1]]);
	assert_true(numbers.fresh_upstream[numbers.upstream[0]]);
	numbers = assign(state, without);
	assert_true(numbers.fresh_upstream[numbers.upstream[0]]);
	assert_true(numbers.fresh_endpoint[numbers.endpoint[0]]);
	assert_int_equal(count(numbers.fresh_endpoint, WEIR_ENDPOINTS), 1);
	/* what was there before still counts */
	numbers = assign(state, with);
	assert_int_equal(count(numbers.fresh_upstream, WEIR_UPSTREAMS), 0);
	assert_int_equal(count(numbers.fresh_endpoint, WEIR_ENDPOINTS), 0);
	free_upstreams(with);
	free_upstreams(without);
	free(state);
}

static void a_service_is_fresh_when_it_gets_a_number(void **unused)
{
	struct weir_state *state = new_state();
	struct config *first = SERVICES("web"), *second = SERVICES("web", "dns");
	struct numbers numbers = assign(state, first);

	(void)unused;
	assert_true(numbers.fresh_service[numbers.service[1]]);
	assert_false(numbers.fresh_service[WEIR_SERVICE_OTHER]);
	numbers = assign(state, second);
	assert_false(numbers.fresh_service[numbers.service[1]]);
	assert_true(numbers.fresh_service[numbers.service[2]]);
	free(first);
	free(second);
	free(state);
}

/* All 256 are taken: a new endpoint gets the number of the one that is gone, and is fresh there. */
static void numbers_of_endpoints_are_reused_when_there_are_no_others(void **unused)
{
	struct weir_state *state = new_state();
	struct config *full = UPSTREAMS("api", "x:1");
	struct config_upstream *api = &full->upstream[0];
	struct numbers before, after;

	(void)unused;
	for (; api->endpoints < WEIR_ENDPOINTS; api->endpoints++)
		snprintf(api->endpoint[api->endpoints].name, WEIR_ENDPOINT_NAME, "h:%zu",
			 api->endpoints + 1);
	before = assign(state, full);
	assert_int_equal(count(before.fresh_endpoint, WEIR_ENDPOINTS), WEIR_ENDPOINTS);
	strcpy(api->endpoint[100].name, "new:1");
	after = assign(state, full);
	for (size_t i = 0; i < WEIR_ENDPOINTS; i++)
		assert_int_equal(after.endpoint[i], before.endpoint[i]);
	assert_int_equal(count(after.fresh_endpoint, WEIR_ENDPOINTS), 1);
	assert_true(after.fresh_endpoint[after.endpoint[100]]);
	free_upstreams(full);
	free(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_keeps_its_number_wherever_it_stands),
		cmocka_unit_test(a_name_that_was_gone_finds_its_number_again),
		cmocka_unit_test(numbers_are_reused_when_there_are_no_others),
		cmocka_unit_test(the_default_tier_is_number_0_whatever_it_is_called),
		cmocka_unit_test(names_of_full_width_are_told_apart),
		cmocka_unit_test(a_series_is_found_again_and_a_new_one_is_fresh),
		cmocka_unit_test(there_are_1023_series_and_then_none),
		cmocka_unit_test(series_of_what_is_gone_are_forgotten_and_given_again),
		cmocka_unit_test(upstreams_and_endpoints_keep_their_numbers),
		cmocka_unit_test(a_number_is_fresh_only_for_the_name_that_gets_it),
		cmocka_unit_test(a_service_is_fresh_when_it_gets_a_number),
		cmocka_unit_test(numbers_of_endpoints_are_reused_when_there_are_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
