/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir-test: alone */
/* Limits of clients that hold over a cluster: even shares, who asks to be watched, and shares of those who are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "tests/prog/share_lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define UDP4 "ip4/udp"
#define UDP4_ADDRESS "192.0.2.1"
#define PACKETS_100 "limits: {default: [100/day packets burst 100]}"

static uint32_t generation(const struct lab *lab)
{
	return datapath_generation(lab->datapath);
}

static void assert_counts(struct lab *lab, uint32_t number, unsigned int index, uint64_t passed,
			  uint64_t refused)
{
	struct shares_count count = share_lab_count(lab, number, index);

	assert_int_equal(count.passed, passed);
	assert_int_equal(count.refused, refused);
}

/* ------------------------------------------------------------------------------------ even shares */

static void a_client_has_the_even_share_of_the_nodes_last_known(void **state)
{
	static const struct {
		uint32_t nodes;
		uint64_t passes;
	} cases[] = {{0, 100}, {1, 100}, {2, 50}, {3, 33}, {4, 25}, {1000, 1}};
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		shares_set_nodes(lab->datapath, cases[i].nodes);
		/* Another limit in between: what is as it was keeps what it has. */
		share_lab_apply(lab, "limits: {default: [7/day packets]}", ALL_LIMITS);
		share_lab_apply(lab, PACKETS_100, ALL_LIMITS);
		lab_forget(lab);
		assert_int_equal(share_lab_passes(lab, UDP4, 300), cases[i].passes);
		assert_int_equal(share_lab_passes(lab, "ip6/udp", 300), cases[i].passes);
	}
	lab_close(lab);
}

static void a_limit_of_the_node_is_not_shared(void **state)
{
	struct lab *lab = lab_open(1024, "");

	(void)state;
	shares_set_nodes(lab->datapath, 4);
	share_lab_apply(lab, PACKETS_100, 0);
	assert_int_equal(share_lab_passes(lab, UDP4, 300), 100);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	lab_close(lab);
}

static void the_even_share_can_be_changed_for_all(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	struct shares_value even = per_day(50, 50), none = {};

	(void)state;
	assert_int_equal(shares_set_even(lab->datapath, generation(lab), LIMIT(0), &even), 0);
	assert_int_equal(share_lab_passes(lab, UDP4, 300), 50);
	assert_int_equal(shares_set_even(lab->datapath, generation(lab), LIMIT(0), &none), 0);
	assert_int_equal(share_lab_passes(lab, "ip6/udp", 300), 0);
	/* What let nothing pass gives no bucket anew, not in a new epoch either. */
	assert_int_equal(
		datapath_ban(lab->datapath,
			     &(struct datapath_ban){.prefix = {.addr = {0x20}, .length = 128},
						    .until_ns = UINT64_MAX},
			     &(struct datapath_error){}),
		0);
	assert_int_equal(share_lab_passes(lab, UDP4, 300), 0);
	assert_int_equal(shares_set_even(lab->datapath, generation(lab), LIMIT(0), &even), 0);
	assert_int_equal(share_lab_passes(lab, UDP4, 300), 0);
	lab_close(lab);
}

/* The even share of a slow limit is a burst of one unit a year; with fewer nodes nobody waits for that year. */
static void an_even_share_that_grows_locks_nobody_out(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [1/day packets]}", ALL_LIMITS);
	struct shares_value slow = {}, fast = {.rate = 100, .burst = 1};

	(void)state;
	slow.rate = 1e-7;
	assert_int_equal(shares_set_even(lab->datapath, generation(lab), LIMIT(0), &slow), 0);
	assert_int_equal(share_lab_passes(lab, UDP4, 10), 1);
	assert_int_equal(shares_set_even(lab->datapath, generation(lab), LIMIT(0), &fast), 0);
	share_lab_passes(lab, UDP4, 1);
	usleep(40000);
	assert_int_equal(share_lab_passes(lab, UDP4, 1), 1);
	lab_close(lab);
}

/* --------------------------------------------------------------------------------------- who asks */

static void who_uses_up_half_of_its_even_share_asks_once(void **state)
{
	struct lab *lab =
		share_lab_open("limits: {default: [20/day packets burst 20]}", ALL_LIMITS);
	const struct weir_client *client;
	const struct asked *asked;

	(void)state;
	assert_int_equal(share_lab_passes(lab, UDP4, 9), 9);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	assert_int_equal(share_lab_passes(lab, UDP4, 2), 2);
	asked = share_lab_asked(lab);
	assert_int_equal(asked->count, 1);
	client = share_lab_client(lab, UDP4_ADDRESS);
	assert_memory_equal(asked->hot[0].addr, client->addr, 16);
	assert_int_equal(asked->hot[0].service, client->service);
	assert_int_equal(asked->hot[0].tier, client->tier);
	assert_true(client->flags & WEIR_CLIENT_ASKED);
	assert_int_equal(share_lab_passes(lab, UDP4, 500), 9);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	lab_close(lab);
}

static void who_is_refused_at_once_asks_with_the_next_packet(void **state)
{
	struct lab *lab =
		share_lab_open("limits: {default: [256B/s bytes burst 1514]}", ALL_LIMITS);

	(void)state;
	assert_int_equal(share_lab_passes(lab, "ip4/udp/data n=1600", 1), 0);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	assert_int_equal(share_lab_passes(lab, "ip4/udp/data n=1600", 1), 0);
	assert_int_equal(share_lab_asked(lab)->count, 1);
	lab_close(lab);
}

/* What a limit of the node refuses says nothing of the cluster's. */
static void only_a_limit_of_the_cluster_makes_a_client_ask(void **state)
{
	struct lab *lab =
		share_lab_open("limits: {default: [5/day packets, 1000/day packets]}", 1U << 1);

	(void)state;
	assert_int_equal(share_lab_passes(lab, UDP4, 300), 5);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	lab_close(lab);
}

static void who_is_not_watched_any_more_may_ask_again(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);

	(void)state;
	share_lab_passes(lab, UDP4, 300);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	shares_unwatch(lab->datapath, number);
	share_lab_passes(lab, UDP4, 2);
	assert_int_equal(share_lab_asked(lab)->count, 1);
	share_lab_passes(lab, UDP4, 2);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	lab_close(lab);
}

static uint64_t muted(struct lab *lab)
{
	struct weir_totals totals;

	assert_int_equal(datapath_totals(lab->datapath, &totals), 0);
	assert_int_equal(totals.hot_lost, 0);
	return totals.hot_muted;
}

#define CROWD 600

/* Two packets of each of many clients; returns the nanoseconds. */
static uint64_t send_crowd(struct lab *lab)
{
	uint64_t begin = lab_now_ns();
	struct frame frame;

	for (int i = 0; i < CROWD; i++) {
		frame_build(&frame, "ip4 src=198.18.%d.%d/udp", i / 250, i % 250);
		lab_run(lab, LAB_TC, &frame, 2);
	}
	return lab_now_ns() - begin;
}

static void of_a_crowd_some_ask_and_the_others_later(void **state)
{
	struct lab *lab = share_lab_open(
		"limits: {default: [1/day packets]}, new_clients: unlimited", ALL_LIMITS);
	uint64_t begin = lab_now_ns(), most, heard = 0;

	(void)state;
	lab_pin_to_cpu(0);
	for (int round = 0; heard < CROWD && round < 100; round++) {
		send_crowd(lab);
		most = WEIR_HOT_BURST + 1 + (lab_now_ns() - begin) * WEIR_HOT_RATE / 1000000000;
		heard += share_lab_asked(lab)->count;
		assert_true(heard <= most);
		if (round == 0 && heard < CROWD)
			assert_int_equal(muted(lab), CROWD - heard);
		usleep(50000);
	}
	printf("# all have asked after %llu ms, %llu attempts were muted\n",
	       (unsigned long long)(lab_now_ns() - begin) / 1000000,
	       (unsigned long long)muted(lab));
	assert_int_equal(heard, CROWD);
	send_crowd(lab);
	assert_int_equal(share_lab_asked(lab)->count, 0);
	lab_close(lab);
}

static void parents_never_ask(void **state)
{
	struct lab *lab =
		share_lab_open("limits: {default: [10/day packets]}, new_clients: 1/s", ALL_LIMITS);
	const struct asked *asked;

	(void)state;
	for (int i = 1; i < 60; i++) {
		char text[64];

		snprintf(text, sizeof(text), "ip4 src=192.0.2.%d/udp", i);
		share_lab_passes(lab, text, 30);
	}
	assert_true(lab_count(lab, WEIR_PARENT_LIMITED) > 100);
	asked = share_lab_asked(lab);
	assert_true(asked->count > 0);
	for (size_t i = 0; i < asked->count; i++) {
		assert_int_equal(asked->hot[i].service, 0);
		assert_int_not_equal(((const uint8_t *)asked->hot[i].addr)[15], 0);
	}
	lab_close(lab);
}

/* --------------------------------------------------------------------------------- watched clients */

static const struct {
	const char *what, *limit, *frame, *address;
	double rate, burst;    /* its share: units/s */
	uint64_t passes, unit; /* packets; units of each */
} shares[] = {
	{"packets", "1000/day packets burst 100", "ip4/udp", "192.0.2.1", 0.01, 37, 37, 1},
	{"packets of IPv6", "1000/day packets burst 100", "ip6/udp", "2001:db8::", 0.01, 120, 120,
	 1},
	{"bytes", "256B/s bytes burst 100000", "ip4/udp/data n=958", "192.0.2.1", 256, 50900, 50,
	 1000},
	{"connections", "1000/day connections burst 100", "ip4/tcp", "192.0.2.1", 0.01, 12, 12, 1},
};

static void a_watched_client_is_charged_and_counted_by_its_share(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(shares); i++) {
		struct shares_value value = {.rate = shares[i].rate, .burst = shares[i].burst};
		struct shares_count count;
		struct lab *lab;
		uint32_t number;
		char limits[128];
		uint64_t passed;

		snprintf(limits, sizeof(limits), "limits: {default: [%s]}", shares[i].limit);
		lab = share_lab_open(limits, ALL_LIMITS);
		number = share_lab_watch(lab, shares[i].frame, shares[i].address);
		/* The level is what it was in units: a greater burst is filled by credit alone. */
		value.credit = shares[i].burst;
		share_lab_set(lab, number, 0, value);
		passed = share_lab_passes(lab, shares[i].frame, 300);
		if (passed != shares[i].passes)
			fail_msg("%s: %llu", shares[i].what, (unsigned long long)passed);
		count = share_lab_count(lab, number, 0);
		assert_int_equal(count.passed, shares[i].passes * shares[i].unit);
		assert_int_equal(count.refused, (300 - shares[i].passes) * shares[i].unit);
		assert_int_equal(share_lab_asked(lab)->count, 0);
		lab_close(lab);
	}
}

/* Else a client of all nodes had taken half of an even burst on each of them by the time it asks, unheard. */
static void counts_begin_with_what_the_client_has_taken(void **state)
{
	static const struct {
		const char *limit, *frame, *address;
		unsigned int packets;
		uint64_t taken;
	} cases[] = {
		{"100/day packets burst 100", "ip4/udp", "192.0.2.1", 60, 60},
		{"100/day packets burst 100", "ip6/udp", "2001:db8::", 200, 100},
		{"100/day connections burst 100", "ip4/tcp", "192.0.2.1", 51, 51},
		{"256B/s bytes burst 100000", "ip4/udp/data n=958", "192.0.2.1", 60, 60000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct asked *asked;
		struct lab *lab;
		struct shares_count count;
		char limits[128];
		int number;

		snprintf(limits, sizeof(limits), "limits: {default: [%s]}", cases[i].limit);
		lab = share_lab_open(limits, ALL_LIMITS);
		share_lab_passes(lab, cases[i].frame, cases[i].packets);
		asked = share_lab_asked(lab);
		assert_int_equal(asked->count, 1);
		number = shares_watch(lab->datapath, generation(lab), &asked->hot[0]);
		count = share_lab_count(lab, (uint32_t)number, 0);
		/* Of bytes some have come back since: 256 a second */
		assert_in_range(count.passed, cases[i].taken * 99 / 100, cases[i].taken);
		assert_int_equal(count.refused, 0);
		lab_close(lab);
	}
}

static void what_does_not_count_for_the_unit_is_not_counted(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [10/day connections]}", ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, "ip4/tcp", UDP4_ADDRESS);

	(void)state;
	assert_int_equal(share_lab_passes(lab, "ip4/tcp flags=A", 50), 50);
	assert_counts(lab, number, 0, 0, 0);
	lab_close(lab);
}

/* Up to the limit that refuses, each counts what was asked of it. */
static void of_several_limits_those_of_the_cluster_count(void **state)
{
	static const struct {
		const char *what;
		unsigned int cluster;
		unsigned int index;
		uint64_t share, passes, passed, refused;
	} cases[] = {
		{"the first, which refuses", 1, 0, 20, 20, 20, 280},
		{"the first, the node's refuses", 1, 0, 90, 60, 60, 240},
		{"the second, which refuses", 2, 1, 20, 20, 20, 280},
		{"the second, the node's refuses first", 2, 1, 90, 60, 60, 0},
		{"both, the second", 3, 1, 20, 20, 20, 280},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *limits =
			cases[i].cluster == 2
				? "limits: {default: [60/day packets, 100/day packets]}"
			: cases[i].cluster == 1
				? "limits: {default: [100/day packets, 60/day packets]}"
				: "limits: {default: [60/day packets, 100/day packets]}";
		struct lab *lab = share_lab_open(limits, cases[i].cluster);
		struct shares_count count;
		uint32_t number;
		uint64_t passed;

		share_lab_passes(lab, UDP4, 55); /* then it asks, and no limit refuses it */
		memset(share_lab_client(lab, UDP4_ADDRESS)->tat, 0, 32);
		number = (uint32_t)shares_watch(lab->datapath, generation(lab),
						&share_lab_asked(lab)->hot[0]);
		assert_in_range(number, 1, WEIR_SHARES - 1);
		share_lab_set(lab, number, cases[i].index,
			      per_day((double)cases[i].share, (double)cases[i].share));
		passed = share_lab_passes(lab, UDP4, 300);
		count = share_lab_count(lab, number, cases[i].index);
		if (passed != cases[i].passes || count.passed != cases[i].passed ||
		    count.refused != cases[i].refused)
			fail_msg("%s: %llu, counted %llu and %llu", cases[i].what,
				 (unsigned long long)passed, (unsigned long long)count.passed,
				 (unsigned long long)count.refused);
		lab_close(lab);
	}
}

static void what_a_later_limit_refuses_is_given_back_to_the_share(void **state)
{
	struct lab *lab = share_lab_open(
		"limits: {default: [1000/day packets, 100/day connections]}", ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, "ip4/tcp", UDP4_ADDRESS);

	(void)state;
	share_lab_set(lab, number, 0, per_day(200, 200));
	share_lab_set(lab, number, 1, per_day(5, 5));
	assert_int_equal(share_lab_passes(lab, "ip4/tcp", 100), 5);
	assert_int_equal(share_lab_passes(lab, "ip4/tcp flags=A", 300), 195);
	assert_counts(lab, number, 0, 200, 95 + 105);
	assert_counts(lab, number, 1, 5, 95);
	lab_close(lab);
}

static void what_a_group_limit_refuses_is_given_back_to_the_share(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [100/day packets]}", 1);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);
	static const char both[] =
		"limits: {default: [100/day packets]}, group_limits: {default: [5/day packets]}";

	(void)state;
	share_lab_apply(lab, both, 1);
	share_lab_set(lab, number, 0, per_day(50, 50));
	assert_int_equal(share_lab_passes(lab, UDP4, 40), 5);
	assert_counts(lab, number, 0, 5, 35);
	share_lab_apply(lab, PACKETS_100, 1);
	share_lab_set(lab, number, 0, per_day(50, 50));
	assert_int_equal(share_lab_passes(lab, UDP4, 300), 45);
	assert_counts(lab, number, 0, 50, 35 + 255);
	lab_close(lab);
}

static void in_another_generation_the_even_share_is_in_force(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS), before = generation(lab);
	struct shares_value value = per_day(20, 20);

	(void)state;
	share_lab_set(lab, number, 0, value);
	share_lab_apply(lab, PACKETS_100, ALL_LIMITS);
	lab_forget(lab);
	assert_int_equal(share_lab_passes(lab, UDP4, 60), 60);
	assert_counts(lab, number, 0, 0, 0);
	assert_int_equal(shares_set_client(lab->datapath, before, number, 0, &value), -ESTALE);
	share_lab_set(lab, number, 0, value);
	assert_int_equal(share_lab_passes(lab, UDP4, 60), 20);
	assert_counts(lab, number, 0, 20, 40);
	lab_close(lab);
}

static void the_number_of_a_share_is_of_no_use_to_another_client(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);

	(void)state;
	share_lab_set(lab, number, 0, per_day(5, 5));
	assert_int_equal(share_lab_passes(lab, "ip6/udp", 10), 10);
	share_lab_client(lab, "2001:db8::")->share = number & 0xfff;
	assert_int_equal(share_lab_passes(lab, "ip6/udp", 200), 90);
	assert_counts(lab, number, 0, 0, 0);
	/* nor is one that there can not be */
	share_lab_client(lab, "2001:db8::")->share = 0xfff;
	assert_int_equal(share_lab_passes(lab, "ip6/udp", 200), 0);
	lab_close(lab);
}

/* A client that was forgotten and came back: who watches it finds it again. */
static void a_client_that_comes_back_has_its_number_again(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);
	struct shares_value value = per_day(20, 20);
	const struct asked *asked;

	(void)state;
	share_lab_set(lab, number, 0, value);
	lab_forget(lab);
	assert_int_equal(shares_set_client(lab->datapath, generation(lab), number, 0, &value),
			 -ENOENT);
	/* by itself, at the next write */
	assert_int_equal(share_lab_passes(lab, UDP4, 10), 10);
	share_lab_set(lab, number, 0, value);
	assert_int_equal(share_lab_client(lab, UDP4_ADDRESS)->share, number);
	assert_int_equal(share_lab_passes(lab, UDP4, 100), 20);
	assert_counts(lab, number, 0, 20, 80);
	/* or because it asks */
	lab_forget(lab);
	assert_int_equal(share_lab_passes(lab, UDP4, 80), 80);
	asked = share_lab_asked(lab);
	assert_int_equal(asked->count, 1);
	assert_int_equal(shares_watch(lab->datapath, generation(lab), &asked->hot[0]), number);
	assert_int_equal(share_lab_passes(lab, UDP4, 100), 20);
	lab_close(lab);
}

/* A ban of somebody else makes every client ask the trie: its share stays, with what is in its bucket. */
static void a_new_epoch_keeps_share_and_level(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);
	struct shares_value value = per_day(20, 500);

	(void)state;
	value.credit = 500;
	share_lab_set(lab, number, 0, value);
	for (uint8_t i = 0; i < 5; i++) {
		struct datapath_ban ban = {.prefix = {.addr = {0x20, i}, .length = 128},
					   .until_ns = UINT64_MAX};

		assert_int_equal(share_lab_passes(lab, UDP4, 600), i ? 0 : 500);
		assert_true(datapath_ban(lab->datapath, &ban, &(struct datapath_error){}) >= 0);
	}
	lab_close(lab);
}

/* The bucket of the fourth limit holds the end of a ban meanwhile. */
static void a_share_does_not_end_a_ban(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [1000/day packets, 1000/day packets, "
					 "1000/day packets, 1000/day packets]}",
					 ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);
	struct datapath_ban ban = {
		.prefix = {.addr = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1},
			   .length = 128},
		.until_ns = lab_now_ns() + 3600000000000ULL};
	struct shares_value value = per_day(100, 100);

	(void)state;
	assert_int_equal(datapath_ban(lab->datapath, &ban, &(struct datapath_error){}), 0);
	assert_int_equal(share_lab_passes(lab, UDP4, 10), 0);
	value.credit = 1000;
	share_lab_set(lab, number, 3, value);
	shares_unwatch(lab->datapath, number);
	assert_int_equal(share_lab_passes(lab, UDP4, 10), 0);
	lab_close(lab);
}

/* ------------------------------------------------------------------------------------ the level */

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
};

static void the_level_of_a_client_is_carried_in_units(void **state)
{
	struct lab *lab = share_lab_open("limits: {default: [1000/day packets]}", ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const struct change *change = &changes[i];
		struct shares_value value = per_day(change->before.rate, change->before.burst);
		uint64_t passed;

		value.credit = 1000;
		share_lab_set(lab, number, 0, value);
		assert_int_equal(share_lab_passes(lab, UDP4, change->used), change->used);
		value = per_day(change->after.rate, change->after.burst);
		value.credit = change->credit;
		share_lab_set(lab, number, 0, value);
		passed = share_lab_passes(lab, UDP4, 300);
		if (passed != change->passes)
			fail_msg("%s: %llu", change->what, (unsigned long long)passed);
	}
	lab_close(lab);
}

static void after_nothing_the_bucket_begins_empty(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);

	(void)state;
	share_lab_set(lab, number, 0, (struct shares_value){});
	assert_int_equal(share_lab_passes(lab, UDP4, 10), 0);
	share_lab_set(lab, number, 0, per_day(100, 100));
	assert_int_equal(share_lab_passes(lab, UDP4, 10), 0);
	lab_close(lab);
}

static void who_is_not_watched_any_more_has_in_units_what_it_had(void **state)
{
	static const struct {
		double share;
		unsigned int used;
		uint64_t passes;
	} cases[] = {{400, 370, 30}, {400, 200, 100}, {400, 400, 0}, {20, 5, 15}, {20, 20, 0}};
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t number;
		struct shares_value value = per_day(cases[i].share, cases[i].share);

		lab_forget(lab);
		number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);
		value.credit = 1000;
		share_lab_set(lab, number, 0, value);
		assert_int_equal(share_lab_passes(lab, UDP4, cases[i].used), cases[i].used);
		shares_unwatch(lab->datapath, number);
		assert_int_equal(share_lab_client(lab, UDP4_ADDRESS)->share, 0);
		assert_int_equal(share_lab_passes(lab, UDP4, 300), cases[i].passes);
	}
	lab_close(lab);
}

/* A bucket that was moved later is not forgotten before it is full. */
static void a_client_is_remembered_until_its_share_is_full(void **state)
{
	struct lab *lab =
		share_lab_open("limits: {default: [1000000/s packets burst 10]}", ALL_LIMITS);
	uint32_t number = share_lab_watch(lab, UDP4, UDP4_ADDRESS);
	const struct weir_client *client = share_lab_client(lab, UDP4_ADDRESS);
	size_t at = (size_t)((const char *)client - (const char *)lab->clients);
	const struct weir_client_set *set = &lab->clients[at / sizeof(*set)];
	struct shares_value slow = per_day(10, 10);

	(void)state;
	slow.credit = -1000;
	share_lab_set(lab, number, 0, slow);
	for (int way = 0; way < WEIR_WAYS; way++)
		if (&set->way[way] == client)
			assert_true((s32)((u32)(set->slot[way] >> 32) -
					  (u32)(client->tat[0] >> WEIR_COARSE_SHIFT)) > 0);
	lab_close(lab);
}

/* --------------------------------------------------------------------------------------- numbers */

/* What no client asks. */
static void who_is_not_there_is_not_watched(void **state)
{
	struct lab *lab = share_lab_open(PACKETS_100, ALL_LIMITS);
	struct shares_value value = per_day(1, 1);
	struct weir_hot hot;

	(void)state;
	share_lab_passes(lab, UDP4, 100);
	hot = share_lab_asked(lab)->hot[0];
	assert_int_equal(shares_watch(lab->datapath, generation(lab) - 1, &hot), -ESTALE);
	hot.hash ^= 1;
	assert_int_equal(shares_watch(lab->datapath, generation(lab), &hot), -ENOENT);
	hot.hash ^= 1;
	hot.tier = 3;
	assert_int_equal(shares_watch(lab->datapath, generation(lab), &hot), -ENOENT);
	hot.tier = 0;
	hot.service |= WEIR_CLIENT_PARENT;
	assert_int_equal(shares_watch(lab->datapath, generation(lab), &hot), -ENOENT);
	hot.service = 0;
	assert_in_range(shares_watch(lab->datapath, generation(lab), &hot), 1, WEIR_SHARES - 1);
	lab_forget(lab);
	shares_unwatch(lab->datapath, 1);
	shares_unwatch(lab->datapath, 0);
	shares_unwatch(lab->datapath, WEIR_SHARES);
	assert_int_equal(shares_watch(lab->datapath, generation(lab), &hot), -ENOENT);
	assert_int_equal(shares_set_client(lab->datapath, generation(lab), 7, 0, &value), -EINVAL);
	assert_int_equal(shares_set_client(lab->datapath, generation(lab), 7, 1, &value), -EINVAL);
	lab_close(lab);
}

static void there_are_as_many_numbers_as_there_are_and_each_is_one_clients(void **state)
{
	struct lab *lab = share_lab_open(
		"limits: {default: [1/day packets]}, new_clients: unlimited", ALL_LIMITS);
	static bool given[WEIR_SHARES];
	struct weir_hot last = {};
	int watched = 0, refused = 0, number = 0;

	(void)state;
	memset(given, 0, sizeof(given));
	for (int i = 0; i < WEIR_SHARES + 10; i++) {
		const struct asked *asked;
		char text[64];

		snprintf(text, sizeof(text), "ip4 src=198.18.%d.%d/udp", i / 250, i % 250);
		do { /* until the sampler lets it */
			share_lab_passes(lab, text, 1);
			asked = share_lab_asked(lab);
		} while (!asked->count);
		last = asked->hot[0];
		number = shares_watch(lab->datapath, generation(lab), &last);
		if (number > 0) {
			assert_false(given[number]);
			given[number] = true;
			watched++;
			/* who is watched already keeps it */
			assert_int_equal(shares_watch(lab->datapath, generation(lab), &last),
					 number);
		} else {
			assert_int_equal(number, -ENOSPC);
			refused++;
		}
	}
	assert_int_equal(watched, WEIR_SHARES - 1);
	assert_int_equal(refused, 11);
	/* who was turned away may ask again, and a number that is free is given again */
	assert_false(lab_client(lab, "198.18.4.33", "other")->flags & WEIR_CLIENT_ASKED);
	shares_unwatch(lab->datapath, 77);
	assert_int_equal(shares_watch(lab->datapath, generation(lab), &last), 77);
	lab_close(lab);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(a_client_has_the_even_share_of_the_nodes_last_known),
		cmocka_unit_test(a_limit_of_the_node_is_not_shared),
		cmocka_unit_test(the_even_share_can_be_changed_for_all),
		cmocka_unit_test(an_even_share_that_grows_locks_nobody_out),
		cmocka_unit_test(who_uses_up_half_of_its_even_share_asks_once),
		cmocka_unit_test(who_is_refused_at_once_asks_with_the_next_packet),
		cmocka_unit_test(only_a_limit_of_the_cluster_makes_a_client_ask),
		cmocka_unit_test(who_is_not_watched_any_more_may_ask_again),
		cmocka_unit_test(of_a_crowd_some_ask_and_the_others_later),
		cmocka_unit_test(parents_never_ask),
		cmocka_unit_test(a_watched_client_is_charged_and_counted_by_its_share),
		cmocka_unit_test(counts_begin_with_what_the_client_has_taken),
		cmocka_unit_test(what_does_not_count_for_the_unit_is_not_counted),
		cmocka_unit_test(of_several_limits_those_of_the_cluster_count),
		cmocka_unit_test(what_a_later_limit_refuses_is_given_back_to_the_share),
		cmocka_unit_test(what_a_group_limit_refuses_is_given_back_to_the_share),
		cmocka_unit_test(in_another_generation_the_even_share_is_in_force),
		cmocka_unit_test(the_number_of_a_share_is_of_no_use_to_another_client),
		cmocka_unit_test(a_client_that_comes_back_has_its_number_again),
		cmocka_unit_test(a_new_epoch_keeps_share_and_level),
		cmocka_unit_test(a_share_does_not_end_a_ban),
		cmocka_unit_test(the_level_of_a_client_is_carried_in_units),
		cmocka_unit_test(after_nothing_the_bucket_begins_empty),
		cmocka_unit_test(who_is_not_watched_any_more_has_in_units_what_it_had),
		cmocka_unit_test(a_client_is_remembered_until_its_share_is_full),
		cmocka_unit_test(who_is_not_there_is_not_watched),
		cmocka_unit_test(there_are_as_many_numbers_as_there_are_and_each_is_one_clients),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return lab_main(tests);
}
