/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/unit/ledger_redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------ reading */

/* What is left of a batch's arguments, the next one first */
struct reader {
	const struct ledger_batch *batch;
	size_t at;
};

static const char *next(struct reader *reader)
{
	const char *text;

	if (reader->at >= reader->batch->arguments)
		fail_msg("only %zu arguments", reader->batch->arguments);
	text = reader->batch->argument[reader->at];
	if (strlen(text) != reader->batch->length[reader->at])
		fail_msg("argument %zu: %s is not %zu bytes", reader->at, text,
			 reader->batch->length[reader->at]);
	reader->at++;
	return text;
}

/* A whole number as Lua and round.lua's %(d+) read it: digits only */
static uint64_t whole(const char *text)
{
	char *end = NULL;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || !*text || *end || strspn(text, "0123456789") != strlen(text) ||
	    number > UINT64_C(1) << 53)
		fail_msg("'%s' is no whole number", text);
	return number;
}

static int64_t with_sign(const char *text)
{
	return *text == '-' ? -(int64_t)whole(text + 1) : (int64_t)whole(text);
}

static double real(const char *text)
{
	char *end = NULL;
	double number = strtod(text, &end);

	if (!*text || *end || !(number > 0))
		fail_msg("'%s' is no rate or burst", text);
	return number;
}

/* What is behind the common part of all names of a shard */
static const char *name_of(const struct ledger_redis *redis, unsigned int shard, const char *name)
{
	char begin[128];

	snprintf(begin, sizeof(begin), "%s{s%02u}:", redis->prefix, shard);
	if (strncmp(name, begin, strlen(begin)) != 0)
		fail_msg("%s does not begin with %s", name, begin);
	return name + strlen(begin);
}

static unsigned int key_of(struct ledger_redis_shard *shard, const char *name)
{
	if (strncmp(name, "k:", 2) != 0)
		fail_msg("%s is no bucket", name);
	for (size_t i = 0; i < shard->ids; i++)
		if (!strcmp(shard->id[i], name + 2))
			return (unsigned int)i;
	if (shard->ids == TWIN_KEYS || strlen(name + 2) >= LEDGER_ID)
		fail_msg("no room for %s", name);
	strcpy(shard->id[shard->ids], name + 2);
	return (unsigned int)shard->ids++;
}

static void read_names(struct ledger_redis *redis, struct reader *reader, struct twin_batch *out,
		       char *node, size_t size)
{
	unsigned int shard = reader->batch->shard;
	const char *name, *lane;

	assert_string_equal(name_of(redis, shard, next(reader)), "gen");
	name = name_of(redis, shard, next(reader));
	lane = strrchr(name, ':');
	if (strncmp(name, "n:", 2) != 0 || !lane || lane < name + 2)
		fail_msg("%s is no name of a lane", name);
	snprintf(node, size, "%.*s", (int)(lane - name - 2), name + 2);
	out->lane = (unsigned int)whole(lane + 1);
	assert_in_range(out->lane, 0, TWIN_LANES - 1);
	assert_string_equal(name_of(redis, shard, next(reader)), "nodes");
	assert_in_range(reader->batch->keys, 3, 3 + LEDGER_BATCH);
	out->keys = reader->batch->keys - 3;
	for (size_t i = 0; i < out->keys; i++)
		out->key[i].key = key_of(&redis->shard[shard], name_of(redis, shard, next(reader)));
}

static void read_key(struct reader *reader, struct twin_key *key)
{
	const char *hint;

	key->rate = real(next(reader));
	key->burst = real(next(reader));
	key->demand = whole(next(reader));
	key->above = whole(next(reader));
	key->spent = with_sign(next(reader));
	key->want = whole(next(reader));
	hint = next(reader);
	key->has_hint = *hint;
	if (*hint)
		key->hint = with_sign(hint);
}

static void read_batch(struct ledger_redis *redis, const struct ledger_batch *batch,
		       struct twin_batch *out)
{
	struct reader reader = {.batch = batch};
	char node[64];
	const char *text;

	read_names(redis, &reader, out, node, sizeof(node));
	text = next(&reader);
	assert_string_equal(text, node);
	assert_int_equal(*text, 'n');
	out->node = (unsigned int)strtoul(text + 1, NULL, 10);
	assert_in_range(out->node, 0, TWIN_NODES - 1);
	out->boot = next(&reader);
	assert_int_equal(strcspn(out->boot, " "), 16);
	out->sequence = whole(next(&reader));
	out->interval_us = whole(next(&reader));
	out->knows = whole(next(&reader));
	text = next(&reader);
	out->count_nodes = !strcmp(text, "1");
	if (!out->count_nodes)
		assert_string_equal(text, "0");
	for (size_t i = 0; i < out->keys; i++)
		read_key(&reader, &out->key[i]);
	assert_int_equal(reader.at, batch->arguments);
}

/* ------------------------------------------------------------------------------------------ judging */

/* What must be the same when a batch comes again */
static uint64_t counts_of(const struct twin_batch *batch)
{
	uint64_t sum = batch->keys * 2 + batch->count_nodes;

	for (size_t i = 0; i < batch->keys; i++) {
		const struct twin_key *key = &batch->key[i];
		const uint64_t part[] = {key->key, key->demand, key->above, (uint64_t)key->spent};

		for (size_t j = 0; j < 4; j++)
			sum = (sum ^ part[j]) * 0x9e3779b97f4a7c15ULL;
	}
	return sum;
}

static void check_order(struct ledger_redis *redis, const struct ledger_batch *given,
			const struct twin_batch *batch)
{
	struct ledger_redis_shard *shard = &redis->shard[given->shard];
	uint64_t counts = counts_of(batch);
	bool same_boot = !strcmp(shard->last[batch->node][batch->lane].boot, batch->boot);
	uint64_t last = same_boot ? shard->last[batch->node][batch->lane].sequence : 0;

	if (batch->sequence < last)
		fail_msg("batch %lu after %lu", (unsigned long)batch->sequence,
			 (unsigned long)last);
	if (batch->sequence == last) {
		assert_true(given->again);
		if (counts != shard->last[batch->node][batch->lane].counts)
			fail_msg("batch %lu has other counts than before",
				 (unsigned long)batch->sequence);
	}
	strcpy(shard->last[batch->node][batch->lane].boot, batch->boot);
	shard->last[batch->node][batch->lane].sequence = batch->sequence;
	shard->last[batch->node][batch->lane].counts = counts;
}

size_t ledger_redis_run(struct ledger_redis *redis, const struct ledger_batch *given,
			uint64_t now_us, int64_t number[LEDGER_REDIS_NUMBERS])
{
	struct ledger_redis_shard *shard = &redis->shard[given->shard];
	struct twin_batch batch = {0};
	struct twin_answer answer;
	size_t numbers = 0;

	read_batch(redis, given, &batch);
	check_order(redis, given, &batch);
	twin_run(&shard->twin, &batch, now_us, &answer);
	redis->batches++;
	redis->repeats += answer.repeat;
	redis->keys += batch.keys;
	if (batch.lane >= redis->lanes)
		redis->lanes = batch.lane + 1;
	number[numbers++] = (int64_t)answer.generation;
	number[numbers++] = (int64_t)answer.now_us;
	number[numbers++] = (int64_t)answer.epoch;
	number[numbers++] = (int64_t)answer.counted;
	number[numbers++] = answer.repeat;
	number[numbers++] = (int64_t)answer.nodes;
	for (size_t i = 0; i < batch.keys; i++) {
		number[numbers++] = (int64_t)answer.key[i].demand;
		number[numbers++] = (int64_t)answer.key[i].above;
		number[numbers++] = answer.key[i].level;
		number[numbers++] = (int64_t)answer.key[i].advance;
		if (answer.repeat)
			continue;
		shard->spent[batch.key[i].key][batch.node] += batch.key[i].spent;
		shard->advanced[batch.key[i].key][batch.node] += (int64_t)answer.key[i].advance;
	}
	return numbers;
}

void ledger_redis_flush(struct ledger_redis *redis, unsigned int shard)
{
	twin_flush(&redis->shard[shard].twin);
}

struct ledger_redis_sum ledger_redis_sum(const struct ledger_redis *redis, const char *id,
					 unsigned int node)
{
	struct ledger_redis_sum sum = {0};

	for (unsigned int s = 0; s < LEDGER_SHARDS; s++)
		for (size_t i = 0; i < redis->shard[s].ids; i++)
			if (!strcmp(redis->shard[s].id[i], id)) {
				sum.spent += redis->shard[s].spent[i][node];
				sum.advanced += redis->shard[s].advanced[i][node];
			}
	return sum;
}
