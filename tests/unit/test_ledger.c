/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a ledger sends, and what it makes of answers, step by step: one node and a Redis that reads the very strings
 * (tests/unit/ledger_redis.h). Whole clusters are in test_law.c and test_ledger_world.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ledger_redis.h"
#include "user/cluster/pace.h"

#define MS 1000000ULL
enum { MOST_BATCHES = 64 };
static const uint64_t T = 100 * MS;
static const struct law_limit limit = {1000, 1000, OUTAGE_SHARE};

/* A ledger, what is under way, and what it told last */
static struct {
	struct ledger *ledger;
	struct ledger_redis redis;
	uint64_t now, ahead_us; /* Redis' clock goes by that, and is so much ahead */
	uint32_t others;	/* nodes that are there, too, and say nothing else */
	const struct ledger_batch *batch;
	size_t batches;
	bool ahead;
	int64_t number[MOST_BATCHES][LEDGER_REDIS_NUMBERS];
	size_t numbers[MOST_BATCHES];
	unsigned int told;
	int handle;
	const char *context;
	struct law_share share;
} t;

static void heard(void *owner, int handle, void *context, const struct law_share *share)
{
	assert_ptr_equal(owner, &t);
	t.told++;
	t.handle = handle;
	t.context = context;
	t.share = *share;
}

static void begin(unsigned int shards, uint32_t nodes)
{
	const struct ledger_settings settings = {.prefix = "weir",
						 .node = "n1-a",
						 .boot = 7,
						 .interval_ns = T,
						 .shards = shards,
						 .nodes = nodes};

	memset(&t, 0, sizeof(t));
	t.now = 1000000 * MS;
	t.others = nodes ? nodes - 1 : 0;
	t.redis.prefix = "weir:1.100000:";
	t.ledger = ledger_new(&settings, t.now);
	assert_non_null(t.ledger);
}

static int end(void **state)
{
	(void)state;
	ledger_free(t.ledger);
	t.ledger = NULL;
	return 0;
}

static int add(const char *id)
{
	int handle = ledger_add(t.ledger, id, &limit, (void *)(uintptr_t)id, t.now);

	assert_true(handle >= 0);
	return handle;
}

static size_t next(void)
{
	t.batches = ledger_next(t.ledger, t.now, &t.ahead, &t.batch);
	assert_true(t.batches <= MOST_BATCHES);
	return t.batches;
}

static uint64_t redis_us(uint64_t now_ns)
{
	return 1700000000000000 + now_ns / 1000 + t.ahead_us;
}

/* Redis does it, and nobody has heard of it yet */
static void execute(size_t i)
{
	uint64_t now_us = redis_us(t.now);

	for (uint32_t n = 0; n < t.others; n++) {
		t.redis.shard[0].twin.node[TWIN_NODES - 1 - n].among_nodes = true;
		t.redis.shard[0].twin.node[TWIN_NODES - 1 - n].heard_us = now_us;
	}
	t.numbers[i] = ledger_redis_run(&t.redis, &t.batch[i], now_us, t.number[i]);
}

static bool answer(size_t i)
{
	return ledger_answer(t.ledger, i, t.number[i], t.numbers[i], t.now, heard, &t);
}

static void answer_all(void)
{
	for (size_t i = 0; i < t.batches; i++) {
		execute(i);
		assert_true(answer(i));
	}
	ledger_end(t.ledger, t.now);
}

static void fail_all(void)
{
	ledger_end(t.ledger, t.now);
}

static size_t lapse(void)
{
	return ledger_lapse(t.ledger, t.now, heard, &t);
}

/* To the next round, which there is */
static void go_to_round(void)
{
	t.now = ledger_next_ns(t.ledger);
	lapse();
	assert_true(next());
	assert_false(t.ahead);
}

static void do_round(void)
{
	go_to_round();
	answer_all();
}

static struct ledger_view view(int handle)
{
	struct ledger_view out;

	ledger_view(t.ledger, handle, &out);
	return out;
}

/* Argument of the i-th key of a batch: 0 R, 1 B, 2 demand, 3 above, 4 spent, 5 want, 6 hint */
static const char *argument(size_t batch, size_t i, size_t which)
{
	return t.batch[batch].argument[t.batch[batch].keys + 6 + 7 * i + which];
}

static size_t keys_under_way(void)
{
	size_t keys = 0;

	for (size_t i = 0; i < t.batches; i++)
		keys += t.batch[i].keys - 3;
	return keys;
}

/* From the shared bucket, in all */
static int64_t debited(const char *id)
{
	struct ledger_redis_sum sum = ledger_redis_sum(&t.redis, id, 1);

	return sum.spent + sum.advanced;
}

/* ----------------------------------------------------------------------------------- what is sent */

static void a_batch_is_spelt_as_the_script_reads_it(void **state)
{
	static const char *const expected[] = {
		"weir:1.100000:{s00}:gen", "weir:1.100000:{s00}:n:n1-a:0",
		"weir:1.100000:{s00}:nodes", "weir:1.100000:{s00}:k:web.default.g0",
		/* node, boot, sequence, T, generation, counts */
		"n1-a", "0000000000000007", "1", "100000", "0", "1",
		/* R, B, demand: 30 and all of an even share, above, spent, want, hint */
		"0.1", "500.25", "31", "30", "20", "0", ""};
	const struct law_limit slow = {0.1, 500.25, OUTAGE_SHARE};
	int key;

	(void)state;
	begin(1, 10);
	key = ledger_add(t.ledger, "web.default.g0", &slow, NULL, t.now);
	ledger_count(t.ledger, key, 30, 20, t.now);
	assert_int_equal(next(), 1);
	assert_int_equal(t.batch[0].shard, 0);
	assert_int_equal(t.batch[0].keys, 4);
	assert_int_equal(t.batch[0].arguments, sizeof(expected) / sizeof(expected[0]));
	assert_false(t.batch[0].again);
	for (size_t i = 0; i < t.batch[0].arguments; i++) {
		assert_string_equal(t.batch[0].argument[i], expected[i]);
		assert_int_equal(t.batch[0].length[i], strlen(expected[i]));
	}
	answer_all();
}

/* Of Redis' clock */
static uint64_t epoch_of(uint64_t now_ns)
{
	return redis_us(now_ns) / (T / 1000);
}

static uint64_t place_of(uint64_t now_ns)
{
	return redis_us(now_ns) * 1000 % T;
}

static void rounds_begin_at_once_and_then_at_the_place_of_the_node_in_each_epoch(void **state)
{
	uint64_t place = pace_place_ns("n1-a", T);

	(void)state;
	begin(1, 0);
	t.ahead_us = 37123;
	assert_int_equal(ledger_next_ns(t.ledger), t.now);
	/* A node without keys is a node */
	assert_int_equal(next(), 1);
	assert_false(t.ahead);
	assert_int_equal(keys_under_way(), 0);
	answer_all();
	assert_int_equal(ledger_nodes(t.ledger), 1);
	for (int i = 0; i < 5; i++) {
		uint64_t round = ledger_next_ns(t.ledger);

		assert_in_range(place_of(round), place - 1000, place + 1000);
		assert_in_range(round, t.now + 1, t.now + T + 1000);
		t.now = round - 1;
		assert_int_equal(next(), 0);
		t.now++;
		assert_int_equal(next(), 1);
		answer_all();
	}
}

static void a_round_that_is_late_is_not_the_first_of_two_in_an_epoch(void **state)
{
	uint64_t place = pace_place_ns("n1-a", T);

	(void)state;
	begin(1, 0);
	do_round();
	for (uint64_t late = 0; late < T; late += T / 7) {
		uint64_t begun, counted;

		do_round();
		begun = epoch_of(t.now);
		go_to_round();
		assert_int_equal(epoch_of(t.now), begun + 1);
		/* On its way for so long */
		t.now += late;
		counted = epoch_of(t.now);
		answer_all();
		assert_int_equal(epoch_of(ledger_next_ns(t.ledger)), counted + 1);
		assert_true(place_of(ledger_next_ns(t.ledger)) <= place + 1000);
	}
	/* A node that stood still itself */
	for (uint64_t late = 0; late < 3 * T; late += T / 7) {
		uint64_t counted;

		do_round();
		t.now = ledger_next_ns(t.ledger) + late;
		counted = epoch_of(t.now);
		next();
		answer_all();
		assert_int_equal(epoch_of(ledger_next_ns(t.ledger)), counted + 1);
	}
}

static void nothing_is_sent_while_something_is_under_way(void **state)
{
	int key;

	(void)state;
	begin(1, 1);
	key = add("key");
	next();
	answer_all();
	go_to_round();
	execute(0);
	t.now += 10 * T;
	ledger_count(t.ledger, key, 5000, 1000, t.now);
	assert_int_equal(ledger_next(t.ledger, t.now, &t.ahead, &t.batch), 0);
	assert_true(answer(0));
	ledger_end(t.ledger, t.now);
	/* The round that came meanwhile is made up for, once */
	assert_int_equal(next(), 1);
	assert_false(t.ahead);
	answer_all();
	assert_true(ledger_next_ns(t.ledger) > t.now);
}

static void a_round_is_cut_into_batches_of_all_shards(void **state)
{
	static const struct {
		unsigned int shards, keys;
	} cases[] = {{1, 120}, {LEDGER_SHARDS, 500}, {1, 50}, {1, 51}};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		unsigned int of_shard[LEDGER_SHARDS] = {0}, batches = 0;

		begin(cases[c].shards, 3);
		for (unsigned int i = 0; i < cases[c].keys; i++) {
			char id[LEDGER_ID];

			snprintf(id, sizeof(id), "key:%u-x.y", i);
			of_shard[pace_place(id, cases[c].shards)]++;
			add(id);
		}
		next();
		for (unsigned int i = 0; i < cases[c].shards; i++)
			batches += (of_shard[i] + LEDGER_BATCH - 1) / LEDGER_BATCH;
		assert_int_equal(t.batches, batches);
		for (size_t i = 0; i < t.batches; i++) {
			assert_in_range(t.batch[i].keys, 3, 3 + LEDGER_BATCH);
			of_shard[t.batch[i].shard] -= (unsigned int)t.batch[i].keys - 3;
			/* Who is there is asked once */
			assert_string_equal(t.batch[i].argument[t.batch[i].keys + 5],
					    i == 0 ? "1" : "0");
		}
		for (unsigned int i = 0; i < cases[c].shards; i++)
			assert_int_equal(of_shard[i], 0);
		end(state);
	}
}

static void what_runs_low_goes_ahead_of_the_round_together(void **state)
{
	int key[4];
	static const char *const ids[] = {"a", "b", "c", "d"};

	(void)state;
	begin(LEDGER_SHARDS, 10);
	for (int i = 0; i < 4; i++)
		key[i] = add(ids[i]);
	next();
	answer_all();
	do_round();
	t.now += MS;
	ledger_count(t.ledger, key[0], 10, 10, t.now); /* most is left */
	assert_int_equal(next(), 0);
	ledger_count(t.ledger, key[1], 60, 60, t.now);
	ledger_count(t.ledger, key[2], 60, 60, t.now);
	assert_true(next());
	assert_true(t.ahead);
	assert_int_equal(keys_under_way(), 2);
	answer_all();
	/* Another one a moment later waits for a little */
	ledger_count(t.ledger, key[3], 60, 60, t.now);
	t.now += LEDGER_AHEAD_NS - 1;
	assert_int_equal(next(), 0);
	t.now++;
	assert_int_equal(next(), 1);
	assert_int_equal(keys_under_way(), 1);
	answer_all();
}

static void a_name_that_is_none_is_refused(void **state)
{
	char too_long[LEDGER_ID + 1] = "";
	const char *const bad[] = {"", "a b", "a{b}", too_long, "a\n", "\xc3\xa4"};

	(void)state;
	memset(too_long, '1', LEDGER_ID);
	begin(1, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ledger_add(t.ledger, bad[i], &limit, NULL, t.now), -EINVAL);
	assert_int_equal(add(too_long + 1), 0);
}

/* ---------------------------------------------------------------------------------- sent again */

static void what_was_not_answered_is_sent_again_with_its_counts(void **state)
{
	char sequence[8];
	int key;

	(void)state;
	begin(1, 10);
	key = add("key");
	next();
	answer_all();
	ledger_count(t.ledger, key, 20, 20, t.now);
	go_to_round();
	strcpy(sequence, t.batch[0].argument[6]);
	execute(0); /* and the answer is lost */
	fail_all();
	ledger_count(t.ledger, key, 7, 7, t.now);
	/* At once: it is the caller who waits. ledger_redis_run() sees that the counts are the same */
	assert_int_equal(ledger_next_ns(t.ledger), t.now);
	t.now += T / 4;
	assert_int_equal(next(), 1);
	assert_true(t.batch[0].again);
	assert_string_equal(t.batch[0].argument[6], sequence);
	assert_string_equal(argument(0, 0, 4), "20");
	assert_int_equal(view(key).backlog, 27);
	answer_all();
	assert_int_equal(t.redis.repeats, 1);
	assert_int_equal(view(key).backlog, 7);
	do_round();
	assert_int_equal(debited("key"), 27);
	assert_int_equal(view(key).backlog, 0);
}

static void after_an_outage_hints_are_of_now_and_nothing_is_wanted(void **state)
{
	int key;

	(void)state;
	begin(1, 10);
	key = add("key");
	next();
	answer_all();
	do_round();
	/* It runs low, tells, and a little later asks */
	ledger_count(t.ledger, key, 60, 60, t.now);
	assert_int_equal(next(), 1);
	answer_all();
	t.now += LAW_SETTLE_NS;
	ledger_count(t.ledger, key, 60, 40, t.now);
	assert_int_equal(next(), 1);
	assert_string_not_equal(argument(0, 0, 5), "0");
	fail_all();
	/* Without Redis, ten nodes admit all of R: nothing was left over */
	for (int i = 0; i < 2000; i++) {
		t.now += 10 * MS;
		ledger_count(t.ledger, key, 10, 1, t.now);
		lapse();
	}
	assert_int_equal(view(key).mode, CLUSTER_OUTAGE);
	assert_int_equal(ledger_mode(t.ledger), CLUSTER_OUTAGE);
	ledger_redis_flush(&t.redis, 0);
	assert_int_equal(next(), 1);
	assert_string_equal(argument(0, 0, 4), "40");
	assert_string_equal(argument(0, 0, 5), "0");
	/* 900 and a little were there. All ten debit 40 now and 100 with the next round: more than a burst */
	assert_string_equal(argument(0, 0, 6), "1000");
	answer_all();
	assert_int_equal(view(key).mode, CLUSTER_HELD);
	assert_true(view(key).level <= 960);
	assert_int_equal(ledger_mode(t.ledger), CLUSTER_HELD);
}

static void other_shards_go_on_while_one_is_silent(void **state)
{
	int key[32];
	unsigned int silent = 0, dead = 5;
	char sequence[8] = "";

	(void)state;
	begin(LEDGER_SHARDS, 10);
	for (int i = 0; i < 32; i++) {
		char *id = (char[]){'k', (char)('a' + i % 26), (char)('a' + i / 26), 0};

		key[i] = ledger_add(t.ledger, id, &limit, NULL, t.now);
		silent += pace_place(id, LEDGER_SHARDS) == dead;
	}
	assert_true(silent > 0);
	next();
	answer_all();
	for (int round = 0; round < 6; round++) {
		unsigned int seen = 0;

		for (int i = 0; i < 32; i++)
			ledger_count(t.ledger, key[i], 10, 10, t.now);
		t.now = ledger_next_ns(t.ledger);
		next();
		for (size_t i = 0; i < t.batches; i++) {
			if (t.batch[i].shard != dead) {
				execute(i);
				assert_true(answer(i));
				continue;
			}
			seen++;
			/* The same one each time, once in a round */
			if (round)
				assert_string_equal(t.batch[i].argument[t.batch[i].keys + 2],
						    sequence);
			strcpy(sequence, t.batch[i].argument[t.batch[i].keys + 2]);
			assert_int_equal(t.batch[i].again, round > 0);
		}
		ledger_end(t.ledger, t.now);
		assert_int_equal(seen, 1);
		assert_true(ledger_is_owed(t.ledger));
		assert_true(ledger_next_ns(t.ledger) > t.now);
		lapse();
	}
	for (int i = 0, out = 0; i < 32; i++) {
		out += view(key[i]).mode == CLUSTER_OUTAGE;
		if (i == 31)
			assert_int_equal(out, silent);
	}
	assert_int_equal(ledger_mode(t.ledger), CLUSTER_OUTAGE);
	/* It is back: what it owes, and then its round, which is overdue */
	t.now = ledger_next_ns(t.ledger);
	next();
	answer_all();
	assert_int_equal(ledger_mode(t.ledger), CLUSTER_SHARED);
	assert_true(ledger_next_ns(t.ledger) <= t.now);
	assert_int_equal(next(), 1);
	assert_int_equal(t.batch[0].shard, dead);
	answer_all();
	assert_false(ledger_is_owed(t.ledger));
	lapse();
}

/* With one row of numbers for all batches the first would pass for a repeat, and its counts would be lost */
static void a_batch_that_was_refused_is_not_lost_when_a_later_one_was_not(void **state)
{
	int first = -1;

	(void)state;
	begin(1, 1);
	for (int i = 0; i < LEDGER_BATCH + 1; i++) {
		char id[LEDGER_ID];
		int key;

		snprintf(id, sizeof(id), "key%d", i);
		key = add(id);
		first = i ? first : key;
	}
	ledger_count(t.ledger, first, 30, 30, t.now);
	assert_int_equal(next(), 2);
	execute(1);
	assert_true(answer(1));
	ledger_end(t.ledger, t.now);
	assert_int_equal(debited("key0"), 0);
	do_round();
	assert_int_equal(t.redis.repeats, 0);
	assert_int_equal(debited("key0"), 30);
}

/* ------------------------------------------------------------------------------- keys come and go */

static void a_dropped_key_settles_what_it_has_counted(void **state)
{
	int old, new;

	(void)state;
	begin(1, 10);
	old = add("old");
	next();
	answer_all();
	ledger_count(t.ledger, old, 20, 20, t.now);
	go_to_round();
	/* While its report is under way */
	ledger_count(t.ledger, old, 3, 3, t.now);
	ledger_drop(t.ledger, old);
	new = add("new");
	assert_int_equal(new, old);
	t.told = 0;
	ledger_count(t.ledger, old, 4, 4, t.now); /* that is the new one */
	fail_all();
	next();
	assert_int_equal(keys_under_way(), 1);
	assert_string_equal(argument(0, 0, 4), "20");
	answer_all();
	assert_int_equal(t.told, 0);
	assert_int_equal(view(new).backlog, 4);
	do_round();
	assert_int_equal(debited("old"), 23);
	assert_int_equal(debited("new"), 4);
	go_to_round();
	assert_int_equal(keys_under_way(), 1); /* it is gone */
	/* The same name again while the first is not settled */
	ledger_count(t.ledger, new, 5, 5, t.now);
	ledger_drop(t.ledger, new);
	new = add("new");
	ledger_count(t.ledger, new, 6, 6, t.now);
	answer_all();
	go_to_round();
	assert_int_equal(keys_under_way(), 2);
	answer_all();
	assert_int_equal(debited("new"), 15);
	go_to_round();
	assert_int_equal(keys_under_way(), 1);
}

static void a_dropped_key_gives_back_what_it_was_lent(void **state)
{
	int key;

	(void)state;
	begin(1, 10);
	key = add("key");
	next();
	answer_all();
	do_round();
	ledger_count(t.ledger, key, 60, 60, t.now);
	next();
	answer_all();
	t.now += LAW_SETTLE_NS;
	ledger_count(t.ledger, key, 60, 40, t.now);
	next();
	answer_all();
	assert_true(t.share.credit > 0);
	ledger_drop(t.ledger, key);
	do_round();
	assert_int_equal(debited("key"), 100);
	go_to_round();
	assert_int_equal(keys_under_way(), 0);
}

/* Clients come and go by the thousand while Redis is away */
static void keys_dropped_in_an_outage_are_forgotten(void **state)
{
	int stays;

	(void)state;
	begin(1, 10);
	stays = add("stays");
	next();
	answer_all();
	for (int i = 0; i < 2000; i++) {
		char id[LEDGER_ID];
		int key;

		snprintf(id, sizeof(id), "client%d", i);
		key = add(id);
		ledger_count(t.ledger, key, 20, 10, t.now);
		ledger_count(t.ledger, stays, 1, 1, t.now);
		t.now += 10 * MS;
		lapse();
		if (next())
			fail_all();
		/* At once, after a while, or when its lease is over */
		ledger_drop(t.ledger, i % 3 ? key : -1);
		if (i % 3 == 0) {
			t.now += 4 * T;
			lapse();
			ledger_drop(t.ledger, key);
		}
	}
	t.now += 4 * T;
	lapse();
	while (next())
		answer_all();
	do_round();
	go_to_round();
	assert_int_equal(keys_under_way(), 1);
	/* ledger_redis has room for 64 keys only */
	assert_true(t.redis.shard[0].ids < 10);
	answer_all();
}

static void handles_and_keys_have_an_end(void **state)
{
	const struct ledger_batch *batch;
	bool ahead;
	int last = -1;

	(void)state;
	begin(LEDGER_SHARDS, 1);
	for (int i = 0; i < LEDGER_KEYS; i++) {
		char id[LEDGER_ID];

		snprintf(id, sizeof(id), "%d", i);
		last = ledger_add(t.ledger, id, &limit, NULL, t.now);
		assert_in_range(last, 0, 65535);
		ledger_count(t.ledger, last, 1, 1, t.now);
	}
	assert_int_equal(ledger_add(t.ledger, "more", &limit, NULL, t.now), -ENOMEM);
	assert_true(ledger_next(t.ledger, t.now, &ahead, &batch) >= LEDGER_KEYS / LEDGER_BATCH);
	ledger_drop(t.ledger, last);
	/* Its handle is free, but it is still under way */
	assert_int_equal(ledger_add(t.ledger, "more", &limit, NULL, t.now), -ENOMEM);
}

static void a_key_that_is_off_is_even_and_forgets(void **state)
{
	struct ledger_view seen;
	int key;

	(void)state;
	begin(1, 10);
	key = add("key");
	next();
	answer_all();
	do_round();
	/* Lent something, and alone: its share is more than even */
	for (int i = 0; i < 40; i++) {
		t.now += 10 * MS;
		ledger_count(t.ledger, key, 6, 6, t.now);
		lapse();
		if (next())
			answer_all();
	}
	assert_true(view(key).share.rate > 200);
	ledger_count(t.ledger, key, 5, 5, t.now);
	ledger_report(t.ledger, key, false);
	assert_false(view(key).reported);
	do_round();
	/* All of it was reported, what was lent went back, and the share is even */
	assert_int_equal(debited("key"), 245);
	assert_true(fabs(t.share.rate - 100) < 1e-9 && fabs(t.share.burst - 100) < 1e-9);
	t.told = 0;
	for (int i = 0; i < 1000; i++) {
		t.now += 10 * MS;
		ledger_count(t.ledger, key, 9, 1, t.now);
		assert_int_equal(lapse(), 0);
		if (next()) {
			assert_int_equal(keys_under_way(), 0);
			answer_all();
		}
	}
	/* No outage of its own, nothing to tell, nothing piled up */
	assert_int_equal(t.told, 0);
	seen = view(key);
	assert_int_equal(seen.mode, CLUSTER_SHARED);
	assert_int_equal(seen.backlog, 0);
	assert_true(fabs(seen.demand - 900) < 20);
	/* On again: with an even share, and what came since the last round, which was just now */
	ledger_count(t.ledger, key, 5, 5, t.now);
	ledger_report(t.ledger, key, true);
	do_round();
	assert_int_equal(debited("key"), 250);
	assert_true(view(key).reported);
}

static void off_and_on_again_before_the_last_report_changes_nothing(void **state)
{
	int key;

	(void)state;
	begin(1, 10);
	key = add("key");
	next();
	answer_all();
	ledger_count(t.ledger, key, 20, 20, t.now);
	ledger_report(t.ledger, key, false);
	go_to_round();
	ledger_report(t.ledger, key, true);
	ledger_count(t.ledger, key, 3, 3, t.now);
	answer_all();
	do_round();
	assert_int_equal(debited("key"), 23);
	go_to_round();
	assert_int_equal(keys_under_way(), 1);
}

/* ----------------------------------------------------------------------------------------- shares */

static void shares_are_told_when_they_change_and_only_then(void **state)
{
	struct law_limit other = {4000, 2000, OUTAGE_SHARE};
	int key;

	(void)state;
	begin(1, 10);
	key = add("key");
	assert_int_equal(lapse(), 0);
	next();
	answer_all();
	for (int i = 0; i < 10; i++)
		do_round();
	assert_int_equal(t.told, 0);
	ledger_change(t.ledger, key, &other);
	assert_int_equal(lapse(), 0);
	assert_int_equal(t.told, 1);
	assert_int_equal(t.handle, key);
	assert_string_equal(t.context, "key");
	assert_true(fabs(t.share.rate - 400) < 1e-9 && fabs(t.share.burst - 200) < 1e-9);
	do_round();
	assert_int_equal(t.told, 1);
	go_to_round();
	assert_string_equal(argument(0, 0, 0), "4000");
	fail_all();
	/* The lease ends, once, and the limit says something else in the outage */
	t.now += 3 * T + 1;
	assert_int_equal(lapse(), 1);
	assert_int_equal(lapse(), 0);
	other.on_outage = OUTAGE_DENY;
	ledger_change(t.ledger, key, &other);
	assert_int_equal(lapse(), 1);
	assert_true(t.share.rate <= 0 && t.share.burst <= 0);
	other.on_outage = OUTAGE_LOCAL;
	ledger_change(t.ledger, key, &other);
	assert_int_equal(lapse(), 1);
	assert_true(fabs(t.share.rate - 4000) < 1e-9);
	assert_int_equal(lapse(), 0);
}

static void even_shares_follow_the_number_of_nodes(void **state)
{
	int key, off, late;

	(void)state;
	begin(1, 0);
	/* Nobody knows yet: all of R */
	key = add("key");
	off = add("off");
	ledger_report(t.ledger, off, false);
	assert_true(fabs(view(key).share.rate - 1000) < 1e-9);
	t.others = 9;
	next();
	late = add("late"); /* nothing is reported of it yet */
	answer_all();
	assert_int_equal(ledger_nodes(t.ledger), 10);
	assert_true(fabs(view(key).share.rate - 100) < 1e-9);
	assert_true(fabs(view(late).share.rate - 100) < 1e-9);
	assert_true(fabs(view(off).share.rate - 100) < 1e-9);
	assert_int_equal(t.told, 1);
	assert_int_equal(t.handle, key);
	lapse();
	assert_int_equal(t.told, 3);
	assert_true(fabs(t.share.rate - 100) < 1e-9);
	/* They are gone; after five rounds nobody counts them. It began just now, so not before that */
	t.others = 0;
	for (int i = 0; i < 12; i++)
		do_round();
	assert_int_equal(ledger_nodes(t.ledger), 1);
	lapse();
	assert_true(fabs(view(off).share.rate - 1000) < 1e-9);
}

static void what_is_known_of_the_cluster_is_shown(void **state)
{
	(void)state;
	begin(1, 0);
	assert_int_equal(ledger_mode(t.ledger), CLUSTER_STARTING);
	assert_int_equal(ledger_nodes(t.ledger), 1);
	assert_int_equal(ledger_redis_ns(t.ledger), 0);
	assert_int_equal(ledger_answered_ns(t.ledger), 0);
	assert_int_equal(ledger_generation(t.ledger), 0);
	next();
	answer_all();
	assert_int_equal(ledger_mode(t.ledger), CLUSTER_SHARED);
	assert_int_equal(ledger_redis_ns(t.ledger), 1700000000000000000 + t.now);
	assert_int_equal(ledger_answered_ns(t.ledger), t.now);
	assert_int_equal(ledger_generation(t.ledger), 1700000000000000 + t.now / 1000);
	go_to_round();
	fail_all();
	t.now += 4 * T;
	lapse();
	assert_int_equal(ledger_mode(t.ledger), CLUSTER_OUTAGE);
}

/* ---------------------------------------------------------------------------------------- garbage */

/* One answer with one number wrong, of a repeat or not */
static void check_refused(size_t at, int64_t wrong, int key)
{
	int64_t right = t.number[0][at];
	struct ledger_view before = view(key), after;
	uint64_t generation = ledger_generation(t.ledger), heard_ns = ledger_answered_ns(t.ledger);

	if (wrong == right)
		return;
	t.number[0][at] = wrong;
	if (answer(0))
		fail_msg("number %zu may be %lld, and not %lld", at, (long long)right,
			 (long long)wrong);
	t.number[0][at] = right;
	after = view(key);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(ledger_generation(t.ledger), generation);
	assert_int_equal(ledger_answered_ns(t.ledger), heard_ns);
	assert_int_equal(ledger_nodes(t.ledger), 10);
}

static void an_answer_that_is_none_changes_nothing(void **state)
{
	enum { GENERATION, NOW, EPOCH, COUNTED, REPEAT, NODES, DEMAND, ABOVE, LEVEL, ADVANCE };
	static const int64_t wild[] = {-1, INT64_MIN, INT64_MAX, -(INT64_C(1) << 54),
				       (INT64_C(1) << 54)};
	int key, other;

	(void)state;
	begin(1, 10);
	key = add("key");
	other = add("other");
	next();
	answer_all();
	ledger_count(t.ledger, key, 20, 20, t.now);
	ledger_count(t.ledger, other, 90, 90, t.now);
	go_to_round();
	execute(0);
	assert_int_equal(t.numbers[0], 14);
	t.told = 0;
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++)
		for (size_t at = 0; at < t.numbers[0]; at++)
			/* Any count of what others demanded could be, and a level below 0 */
			if (!(at >= DEMAND && (at - 6) % 4 == 0 && wild[i] > 0) &&
			    !(at >= DEMAND && (at - 6) % 4 == 2 && wild[i] == -1))
				check_refused(at, wild[i], key);
	check_refused(GENERATION, 0, key);
	check_refused(EPOCH, t.number[0][EPOCH] - 1, key);
	check_refused(EPOCH, t.number[0][EPOCH] + 1, key);
	check_refused(NOW, t.number[0][NOW] + 100000, key);
	check_refused(COUNTED, t.number[0][COUNTED] - 1, key);
	check_refused(REPEAT, 2, key);
	check_refused(NODES, 0, key);
	check_refused(NODES, 100000, key);
	check_refused(ABOVE, t.number[0][DEMAND] + 1, key);
	check_refused(ADVANCE, 1, key); /* not asked for */
	for (t.numbers[0] = 0; t.numbers[0] < 20; t.numbers[0]++)
		if (t.numbers[0] != 14)
			assert_false(answer(0));
	t.numbers[0] = 14;
	assert_false(ledger_answer(t.ledger, 1, t.number[0], 14, t.now, heard, &t));
	assert_int_equal(t.told, 0);
	assert_true(answer(0));
	assert_false(answer(0)); /* once */
	ledger_end(t.ledger, t.now);
	assert_false(answer(0));
	/* And with it all is well */
	assert_int_equal(view(key).backlog, 0);
}

/* After a failover the clock may be another one */
static void a_clock_that_goes_back_holds_the_shares(void **state)
{
	int key;
	struct ledger_view before;

	(void)state;
	begin(1, 10);
	key = add("key");
	for (int i = 0; i < 30; i++) {
		t.now += 10 * MS;
		ledger_count(t.ledger, key, 6, 6, t.now);
		if (next())
			answer_all();
	}
	before = view(key);
	assert_true(before.share.rate > 200);
	go_to_round();
	t.numbers[0] = ledger_redis_run(&t.redis, t.batch, 1600000000000000, t.number[0]);
	assert_true(answer(0));
	ledger_end(t.ledger, t.now);
	assert_int_equal(view(key).mode, CLUSTER_HELD);
	assert_true(fabs(view(key).share.rate - before.share.rate) < 1e-9);
}

/* A hint of who has heard of the loss already would be believed once more, and it assumes the worst of the others */
static void a_key_that_has_just_come_makes_no_old_hint_believed(void **state)
{
	int key;
	double level;

	(void)state;
	begin(1, 10);
	key = add("key");
	next();
	answer_all();
	do_round();
	/* A heavy node: if all did the same, there would be 500 less */
	ledger_count(t.ledger, key, 50, 50, t.now);
	add("another");
	go_to_round();
	assert_int_equal(keys_under_way(), 2);
	assert_string_equal(argument(0, 1, 6), "");
	assert_true(atoi(argument(0, 0, 6)) < 700);
	assert_string_not_equal(t.batch[0].argument[t.batch[0].keys + 4], "0");
	answer_all();
	level = view(key).level;
	if (!(level > 900))
		fail_msg("%g units, 950 are there", level);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		test(a_batch_is_spelt_as_the_script_reads_it),
		test(rounds_begin_at_once_and_then_at_the_place_of_the_node_in_each_epoch),
		test(a_round_that_is_late_is_not_the_first_of_two_in_an_epoch),
		test(nothing_is_sent_while_something_is_under_way),
		test(a_round_is_cut_into_batches_of_all_shards),
		test(what_runs_low_goes_ahead_of_the_round_together),
		test(a_name_that_is_none_is_refused),
		test(what_was_not_answered_is_sent_again_with_its_counts),
		test(after_an_outage_hints_are_of_now_and_nothing_is_wanted),
		test(other_shards_go_on_while_one_is_silent),
		test(a_batch_that_was_refused_is_not_lost_when_a_later_one_was_not),
		test(a_dropped_key_settles_what_it_has_counted),
		test(a_dropped_key_gives_back_what_it_was_lent),
		test(keys_dropped_in_an_outage_are_forgotten),
		test(handles_and_keys_have_an_end),
		test(a_key_that_is_off_is_even_and_forgets),
		test(off_and_on_again_before_the_last_report_changes_nothing),
		test(shares_are_told_when_they_change_and_only_then),
		test(even_shares_follow_the_number_of_nodes),
		test(what_is_known_of_the_cluster_is_shown),
		test(an_answer_that_is_none_changes_nothing),
		test(a_clock_that_goes_back_holds_the_shares),
		test(a_key_that_has_just_come_makes_no_old_hint_believed),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
