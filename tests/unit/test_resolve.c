/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Endpoints to addresses, by this host's own resolver: `localhost` is in /etc/hosts everywhere, and what is no
 * name at all fails without asking anybody. tests/e2e/upstreams.bats has names that come and go.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/daemon/resolve.h"

#define PATIENCE_MS 20000

static struct config *parse(const char *upstreams)
{
	struct config_error error = {};
	struct config *config = NULL;
	char text[2048];

	snprintf(text, sizeof(text), "interfaces: [{name: a}]\n%s", upstreams);
	if (config_parse("f", text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	return config;
}

static const char calls[] =
	"upstreams:\n"
	"  - {name: a, endpoints: ['10.0.0.1:80', 'localhost:80', '[::2]:80']}\n"
	"  - {name: b, endpoints: ['gone:80', 'LOCALHOST:81']}\n";

/* One of the names is none: the resolver refuses an empty label, which the parser would not let pass. */
static struct config *calls_with_a_broken_name(void)
{
	struct config *config = parse(calls);

	strcpy(config->upstream[1].endpoint[0].host, "a..b");
	return config;
}

static void configure(struct resolve *resolve, struct config *config,
		      const struct datapath_address *held, size_t count)
{
	assert_int_equal(resolve_configure(resolve, config, held, count), 0);
	resolve_wait(resolve, PATIENCE_MS);
	config_unref(config); /* it is the resolver's as well */
}

static void assert_status(struct resolve *resolve, size_t u, size_t e, uint32_t least, bool stale)
{
	uint32_t addresses = 99;
	bool is_stale = !stale;

	resolve_status(resolve, u, e, &addresses, &is_stale);
	if (least)
		assert_in_range(addresses, least, 8);
	else
		assert_int_equal(addresses, 0);
	assert_int_equal(is_stale, stale);
}

static size_t count_of(const struct datapath_address *list, ssize_t count, uint16_t u, uint16_t e)
{
	size_t sum = 0;

	for (ssize_t i = 0; i < count; i++)
		sum += list[i].upstream == u && list[i].endpoint == e;
	return sum;
}

static void numbers_and_names_have_addresses(void **state)
{
	static const uint8_t ipv4[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};
	_cleanup_free_ struct datapath_address *list = NULL;
	struct resolve *resolve = resolve_new();
	ssize_t count;

	(void)state;
	assert_non_null(resolve);
	configure(resolve, calls_with_a_broken_name(), NULL, 0);
	assert_status(resolve, 0, 0, 1, false);
	assert_status(resolve, 0, 1, 1, false);
	assert_status(resolve, 0, 2, 1, false);
	assert_status(resolve, 1, 0, 0, true);
	assert_status(resolve, 1, 1, 1, false);
	assert_status(resolve, 1, 2, 0, false); /* there is none */
	assert_status(resolve, 2, 0, 0, false);

	count = resolve_addresses(resolve, &list);
	assert_true(count >= 4);
	assert_int_equal(count_of(list, count, 0, 0), 1);
	assert_memory_equal(list[0].addr, ipv4, 16);
	assert_int_equal(count_of(list, count, 0, 2), 1);
	assert_int_equal(count_of(list, count, 1, 0), 0);
	/* one name in two upstreams, whatever its case */
	assert_int_equal(count_of(list, count, 0, 1), count_of(list, count, 1, 1));
	resolve_free(resolve);
}

static void news_are_told_once(void **state)
{
	_cleanup_free_ struct datapath_address *list = NULL;
	struct resolve *resolve = resolve_new();
	struct pollfd news = {.fd = resolve_fd(resolve), .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&news, 1, 0), 0);
	configure(resolve, calls_with_a_broken_name(), NULL, 0);
	assert_int_equal(poll(&news, 1, 0), 1);
	assert_true(resolve_addresses(resolve, &list) > 0);
	assert_int_equal(poll(&news, 1, 0), 0);
	resolve_free(resolve);
}

static void what_the_kernel_held_stays_until_a_name_resolves(void **state)
{
	const struct datapath_address held[] = {
		{1, 0, {0x20, 1, 0xd, 0xb8, [15] = 9}},
		{0, 1, {0x20, 1, 0xd, 0xb8, [15] = 7}},
		{1, 0, {0x20, 1, 0xd, 0xb8, [15] = 8}},
	};
	_cleanup_free_ struct datapath_address *list = NULL;
	struct resolve *resolve = resolve_new();
	ssize_t count;

	(void)state;
	configure(resolve, calls_with_a_broken_name(), held, 3);
	assert_status(resolve, 1, 0, 2, true);
	count = resolve_addresses(resolve, &list);
	assert_int_equal(count_of(list, count, 1, 0), 2);
	for (ssize_t i = 0; i < count; i++) /* localhost resolved: what was held is no more */
		assert_int_not_equal(list[i].addr[15], 7);
	resolve_free(resolve);
}

static void a_name_takes_its_addresses_into_another_configuration(void **state)
{
	const struct datapath_address held = {1, 0, {0x20, 1, 0xd, 0xb8, [15] = 9}};
	struct config *next = parse("upstreams: [{name: c, endpoints: ['x:1', 'localhost:1']}]\n");
	struct resolve *resolve = resolve_new();

	(void)state;
	configure(resolve, calls_with_a_broken_name(), &held, 1);
	strcpy(next->upstream[0].endpoint[0].host, "A..b");
	configure(resolve, next, NULL, 0);
	assert_status(resolve, 0, 0, 1, true);
	assert_status(resolve, 0, 1, 1, false);
	assert_status(resolve, 1, 0, 0, false);
	resolve_free(resolve);
}

static void without_latency_nobody_asks(void **state)
{
	char text[512];
	_cleanup_free_ struct datapath_address *list = NULL;
	struct resolve *resolve = resolve_new();

	(void)state;
	snprintf(text, sizeof(text), "%slatency: {enabled: false}\n", calls);
	configure(resolve, parse(text), NULL, 0);
	assert_status(resolve, 0, 0, 0, false);
	assert_status(resolve, 0, 1, 0, false);
	assert_int_equal(resolve_addresses(resolve, &list), 0);
	resolve_free(resolve);
}

/* The threads are in the middle of it: the sanitizer sees what is freed too early. */
static void it_can_be_ended_and_changed_at_any_time(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		struct resolve *resolve = resolve_new();

		for (int k = 0; k < 1 + i % 3; k++) {
			struct config *config = calls_with_a_broken_name();

			assert_int_equal(resolve_configure(resolve, config, NULL, 0), 0);
			config_unref(config);
		}
		if (i % 2)
			resolve_wait(resolve, i % 5);
		resolve_free(resolve);
	}
	resolve_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_names_have_addresses),
		cmocka_unit_test(news_are_told_once),
		cmocka_unit_test(what_the_kernel_held_stays_until_a_name_resolves),
		cmocka_unit_test(a_name_takes_its_addresses_into_another_configuration),
		cmocka_unit_test(without_latency_nobody_asks),
		cmocka_unit_test(it_can_be_ended_and_changed_at_any_time),
	};

	log_setup((struct log_style){}, LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
