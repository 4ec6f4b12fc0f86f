// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the prefix tries answer, as the kernel asks them: one longest-prefix match */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "bpf/abi/client.h"
#include "user/base/prefix.h"
#include "user/datapath/prefixes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DENIED WEIR_CLIENT_DENIED
#define ALLOWED WEIR_CLIENT_UNLIMITED
#define BANNED WEIR_CLIENT_BANNED

static struct config *parse(const char *text)
{
	struct config_error error = {};
	struct config *config = NULL;

	if (config_parse("f", text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	return config;
}

/* Tier numbers that are not their indices, so that a mix-up shows */
static const struct numbers numbers = {.tier = {0, 7, 3, 11}};

static struct prefix_list resolve(const struct config *config, const struct datapath_ban *bans,
				  size_t count)
{
	struct prefix_list list = {};

	assert_int_equal(prefixes_resolve(config, &numbers, bans, count, &list), 0);
	for (size_t i = 1; i < list.count; i++)
		assert_true(key_compare(&list.at[i - 1].key, &list.at[i].key) < 0);
	return list;
}

/* The kernel's look-up: the longest that covers the address, IPv4 like any other */
static struct weir_prefix look_up(const struct prefix_list *list, const struct weir_prefix_key *key)
{
	const struct prefix_entry *best = NULL;

	for (size_t i = 0; i < list->count; i++)
		if (key_covers(&list->at[i].key, key) &&
		    (!best || list->at[i].key.length > best->key.length))
			best = &list->at[i];
	return best ? best->value : (struct weir_prefix){};
}

static struct weir_prefix_key address(const char *text)
{
	struct weir_prefix_key key = {.length = 128};
	struct config_prefix prefix;

	assert_int_equal(config_parse_prefix(text, &prefix), 0);
	memcpy(key.addr, prefix.addr, sizeof(key.addr));
	return key;
}

static void assert_answer(const struct prefix_list *list, const char *text, u8 tier, u8 flags)
{
	struct weir_prefix_key key = address(text);
	struct weir_prefix answer = look_up(list, &key);

	if (answer.tier != tier || answer.flags != flags)
		fail_msg("%s: tier %u flags %#x, expected tier %u flags %#x", text, answer.tier,
			 answer.flags, tier, flags);
}

static void nothing_configured_needs_no_trie(void **state)
{
	struct config *config = parse("interfaces: [{name: a}]\n");
	struct prefix_list list = resolve(config, NULL, 0);

	(void)state;
	assert_int_equal(list.count, 0);
	free(list.at);
	config_unref(config);
}

static void tiers_nest_and_the_longest_wins(void **state)
{
	struct config *config = parse(
		"interfaces: [{name: a}]\n"
		"tiers:\n"
		"  - {name: default}\n"
		"  - {name: wide, prefixes: [10.0.0.0/8, '2001:db8::/32']}\n"
		"  - {name: inner, prefixes: [10.1.0.0/16, 10.1.2.128/25, '2001:db8:1::/48']}\n"
		"  - {name: hole, prefixes: [10.1.2.0/24]}\n");
	struct prefix_list list = resolve(config, NULL, 0);

	(void)state;
	assert_answer(&list, "9.255.255.255", 0, 0);
	assert_answer(&list, "10.0.0.0", 7, 0);
	assert_answer(&list, "10.255.255.255", 7, 0);
	assert_answer(&list, "10.1.1.255", 3, 0);
	assert_answer(&list, "10.1.2.0", 11, 0);
	assert_answer(&list, "10.1.2.128", 3, 0);
	assert_answer(&list, "10.1.3.0", 3, 0);
	assert_answer(&list, "10.2.0.0", 7, 0);
	assert_answer(&list, "11.0.0.0", 0, 0);
	assert_answer(&list, "2001:db8::", 7, 0);
	assert_answer(&list, "2001:db8:1:ffff::", 3, 0);
	assert_answer(&list, "2001:db9::", 0, 0);
	free(list.at);
	config_unref(config);
}

static void allow_and_deny_go_by_the_longest_and_leave_the_tier_alone(void **state)
{
	struct config *config =
		parse("interfaces: [{name: a}]\n"
		      "tiers: [{name: default}, {name: b, prefixes: [10.0.0.0/8, 10.0.0.16/28]}]\n"
		      "deny: [10.0.0.0/16, 10.0.0.16/28]\n"
		      "allow: [10.0.0.0/24, 10.0.0.24/29, 192.0.2.0/24]\n");
	struct prefix_list list = resolve(config, NULL, 0);

	(void)state;
	assert_answer(&list, "10.0.1.0", 7, DENIED);
	assert_answer(&list, "10.0.0.1", 7, ALLOWED);
	assert_answer(&list, "10.0.0.16", 7, DENIED);
	assert_answer(&list, "10.0.0.24", 7, ALLOWED);
	assert_answer(&list, "10.1.0.0", 7, 0);
	assert_answer(&list, "192.0.2.255", 0, ALLOWED);
	free(list.at);
	config_unref(config);
}

static struct datapath_ban ban(const char *text, uint64_t until_ns)
{
	struct datapath_ban ban = {.until_ns = until_ns};

	assert_int_equal(config_parse_prefix(text, &ban.prefix), 0);
	return ban;
}

static uint64_t banned_until(const struct prefix_list *list, const char *text)
{
	struct weir_prefix_key key = address(text);
	struct weir_prefix answer = look_up(list, &key);

	return answer.flags & BANNED ? answer.ban_until : 0;
}

static void a_ban_holds_inside_others_until_the_latest_end(void **state)
{
	struct config *config = parse("interfaces: [{name: a}]\nallow: [10.1.2.0/24]\n");
	const struct datapath_ban bans[] = {
		ban("10.0.0.0/8", 100),
		ban("10.1.0.0/16", 50),
		ban("10.1.2.3", 200),
		ban("10.3.0.0/16", UINT64_MAX),
		ban("10.4.0.0/16", UINT64_MAX / WEIR_TICKS_PER_NS + 1),
	};
	struct prefix_list list = resolve(config, bans, COUNT(bans));

	(void)state;
	assert_int_equal(banned_until(&list, "10.9.9.9"), 100 * WEIR_TICKS_PER_NS);
	assert_int_equal(banned_until(&list, "10.1.1.1"), 100 * WEIR_TICKS_PER_NS);
	assert_int_equal(banned_until(&list, "10.1.2.3"), 200 * WEIR_TICKS_PER_NS);
	assert_answer(&list, "10.1.2.4", 0, BANNED | ALLOWED); /* the ban is asked first */
	assert_true(banned_until(&list, "10.3.0.1") == UINT64_MAX);
	assert_true(banned_until(&list, "10.4.0.1") == UINT64_MAX);
	assert_int_equal(banned_until(&list, "11.0.0.0"), 0);
	free(list.at);
	config_unref(config);
}

static void the_same_prefix_from_every_source_is_one_entry(void **state)
{
	struct config *config =
		parse("interfaces: [{name: a}]\n"
		      "tiers: [{name: default}, {name: b, prefixes: [192.0.2.0/24]}]\n"
		      "deny: [192.0.2.0/24]\n");
	const struct datapath_ban bans[] = {ban("192.0.2.0/24", 5)};
	struct prefix_list list = resolve(config, bans, COUNT(bans));

	(void)state;
	assert_int_equal(list.count, 1);
	assert_answer(&list, "192.0.2.1", 7, DENIED | BANNED);
	free(list.at);
	config_unref(config);
}

static void all_of_ipv6_says_nothing_of_ipv4(void **state)
{
	struct config *config = parse("interfaces: [{name: a}]\n"
				      "tiers:\n"
				      "  - {name: default}\n"
				      "  - {name: six, prefixes: ['::/0']}\n"
				      "  - {name: four, prefixes: [10.0.0.0/8]}\n"
				      "deny: ['::/1', '2001:db8::/32']\n"
				      "allow: [192.0.2.0/24]\n");
	const struct datapath_ban bans[] = {ban("::/80", 9)};
	struct prefix_list list = resolve(config, bans, COUNT(bans));

	(void)state;
	assert_answer(&list, "0.0.0.0", 0, 0);
	assert_answer(&list, "255.255.255.255", 0, 0);
	assert_answer(&list, "10.1.2.3", 3, 0);
	assert_answer(&list, "192.0.2.1", 0, ALLOWED);
	assert_answer(&list, "::1", 7, DENIED | BANNED);
	assert_answer(&list, "::fffe:ffff:ffff", 7, DENIED | BANNED);
	assert_answer(&list, "::1:0:0:0", 7, DENIED);
	assert_answer(&list, "2001:db8::1", 7, DENIED);
	assert_answer(&list, "ffff::", 7, 0);
	free(list.at);
	config_unref(config);
}

static void all_of_ipv4_may_be_listed_beside_all_of_ipv6(void **state)
{
	struct config *config = parse("interfaces: [{name: a}]\n"
				      "deny: ['::/0']\n"
				      "allow: [0.0.0.0/0]\n");
	struct prefix_list list = resolve(config, NULL, 0);

	(void)state;
	assert_int_equal(list.count, 2);
	assert_answer(&list, "192.0.2.1", 0, ALLOWED);
	assert_answer(&list, "2001:db8::", 0, DENIED);
	free(list.at);
	config_unref(config);
}

/* --------------------------------------------------------------- random, against what the words say */

#define TIERS 4
#define EACH 24
#define BANS 16

/* Few bits differ, around ::, ::ffff:0:0/96 and elsewhere, so that prefixes nest and meet. */
static struct config_prefix random_prefix(void)
{
	struct config_prefix prefix = {};

	switch (rand() % 4) {
	case 0:
		prefix.length = (uint8_t)(rand() % 97);
		prefix.addr[10] = prefix.addr[11] = rand() % 4 ? 0xff : 0;
		break;
	case 1:
		prefix.length = (uint8_t)(rand() % 129);
		prefix.addr[0] = (uint8_t)(rand() % 4 << 6);
		prefix.addr[15] = (uint8_t)(rand() % 4);
		break;
	default:
		prefix.length = (uint8_t)(96 + rand() % 33);
		prefix.addr[10] = prefix.addr[11] = 0xff;
		prefix.addr[12] = (uint8_t)(rand() % 4 << 6);
		prefix.addr[15] = (uint8_t)(rand() % 4);
	}
	prefix_cut(prefix.addr, prefix.length);
	return prefix;
}

static bool same(const struct config_prefix *a, const struct config_prefix *b)
{
	return a->length == b->length && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* Prefixes that are in none of the lists, as the configuration's checks have it */
static void fill(struct config_prefixes *list, size_t count,
		 const struct config_prefixes *const *others)
{
	list->at = calloc(count, sizeof(*list->at));
	assert_non_null(list->at);
	while (list->count < count) {
		struct config_prefix prefix = random_prefix();
		bool there = false;

		for (size_t i = 0; others[i]; i++)
			for (size_t k = 0; k < others[i]->count; k++)
				there |= same(&others[i]->at[k], &prefix);
		if (there)
			count--; /* the space is small: go on with fewer */
		else
			list->at[list->count++] = prefix;
	}
}

/* Does a person who wrote this prefix mean that address? IPv6 prefixes never mean IPv4. */
static bool means(const struct config_prefix *prefix, const struct config_prefix *at)
{
	uint8_t cut[16];

	if (prefix_is_ipv4(prefix->addr, prefix->length) != prefix_is_ipv4(at->addr, 128))
		return false;
	memcpy(cut, at->addr, sizeof(cut));
	prefix_cut(cut, prefix->length);
	return !memcmp(cut, prefix->addr, sizeof(cut));
}

static int longest(const struct config_prefixes *list, const struct config_prefix *at)
{
	int length = -1;

	for (size_t i = 0; i < list->count; i++)
		if (means(&list->at[i], at) && list->at[i].length > length)
			length = list->at[i].length;
	return length;
}

static struct weir_prefix expected(const struct config *config, const struct datapath_ban *bans,
				   size_t count, const struct config_prefix *at)
{
	int best = -1, allow = longest(&config->allow, at), deny = longest(&config->deny, at);
	struct weir_prefix answer = {};

	for (size_t t = 0; t < config->tiers; t++)
		if (longest(&config->tier[t].prefixes, at) > best) {
			best = longest(&config->tier[t].prefixes, at);
			answer.tier = (u8)numbers.tier[t];
		}
	if (allow > deny)
		answer.flags = ALLOWED;
	else if (deny > allow)
		answer.flags = DENIED;
	for (size_t i = 0; i < count; i++)
		if (means(&bans[i].prefix, at)) {
			answer.flags |= BANNED;
			if (bans[i].until_ns * WEIR_TICKS_PER_NS > answer.ban_until)
				answer.ban_until = bans[i].until_ns * WEIR_TICKS_PER_NS;
		}
	return answer;
}

static void one_random_configuration(void)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_prefixes *tier[TIERS], none = {};
	struct datapath_ban bans[BANS];
	size_t count = (size_t)rand() % BANS;
	struct prefix_list list;

	assert_non_null(config);
	config->tiers = TIERS;
	for (size_t t = 0; t < TIERS; t++)
		tier[t] = &config->tier[t].prefixes;
	fill(tier[1], 1 + (size_t)rand() % EACH, (const struct config_prefixes *[]){tier[1], NULL});
	fill(tier[2], 1 + (size_t)rand() % EACH,
	     (const struct config_prefixes *[]){tier[1], tier[2], NULL});
	fill(tier[3], 1 + (size_t)rand() % EACH,
	     (const struct config_prefixes *[]){tier[1], tier[2], tier[3], NULL});
	fill(&config->allow, 1 + (size_t)rand() % EACH,
	     (const struct config_prefixes *[]){&none, &config->allow, NULL});
	fill(&config->deny, 1 + (size_t)rand() % EACH,
	     (const struct config_prefixes *[]){&config->allow, &config->deny, NULL});
	for (size_t i = 0; i < count; i++)
		bans[i] = (struct datapath_ban){random_prefix(), (uint64_t)rand() % 8, 0};
	list = resolve(config, bans, count);
	for (unsigned int i = 0; i < 300; i++) {
		struct config_prefix at = random_prefix();
		struct weir_prefix_key key = {.length = 128};
		struct weir_prefix want, got;
		char text[PREFIX_TEXT];

		if (rand() % 2) /* the last address of the prefix, not the first */
			for (unsigned int bit = at.length; bit < 128; bit++)
				at.addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		memcpy(key.addr, at.addr, sizeof(key.addr));
		want = expected(config, bans, count, &at);
		got = look_up(&list, &key);
		if (memcmp(&want, &got, sizeof(want)))
			fail_msg("%s: tier %u flags %#x until %llu, expected %u %#x %llu",
				 prefix_text(at.addr, 128, text, sizeof(text)), got.tier, got.flags,
				 (unsigned long long)got.ban_until, want.tier, want.flags,
				 (unsigned long long)want.ban_until);
	}
	free(list.at);
	for (size_t t = 1; t < TIERS; t++)
		free(tier[t]->at);
	free(config->allow.at);
	free(config->deny.at);
	free(config);
}

static void any_configuration_is_answered_as_its_words_say(void **state)
{
	const char *given = getenv("WEIR_TEST_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 10)
				  : (unsigned int)time(NULL);

	(void)state;
	print_message("seed %u (WEIR_TEST_SEED=%u repeats it)\n", seed, seed);
	srand(seed);
	for (unsigned int i = 0; i < 300; i++)
		one_random_configuration();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_configured_needs_no_trie),
		cmocka_unit_test(tiers_nest_and_the_longest_wins),
		cmocka_unit_test(allow_and_deny_go_by_the_longest_and_leave_the_tier_alone),
		cmocka_unit_test(a_ban_holds_inside_others_until_the_latest_end),
		cmocka_unit_test(the_same_prefix_from_every_source_is_one_entry),
		cmocka_unit_test(all_of_ipv6_says_nothing_of_ipv4),
		cmocka_unit_test(all_of_ipv4_may_be_listed_beside_all_of_ipv6),
		cmocka_unit_test(any_configuration_is_answered_as_its_words_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
