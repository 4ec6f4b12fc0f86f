/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Holds user/cluster/round.lua, in a real Redis, to its twin in C (tests/lib/round_twin.h):
 *
 *   round SOCKET BATCHES    random batches of several nodes, with repeats, restarts of nodes and of Redis, and time going
 *                           on. Each answer must be the twin's for the time the script says it was. $SEED repeats a run
 *                           as far as the clock does.
 *
 * Exit status 0 when all agree, 1 with the first that does not. Empties the database.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/random.h"
#include "tests/lib/round_twin.h"
#include "tests/tools/resp.h"
#include "user/cluster/script.h"

enum { NODES = 5, LANES = 3, KEYS = 12, INTERVAL_US = 4000, HEAD = 6, PER_KEY = 4 };

static size_t read_numbers(int64_t *numbers, size_t most)
{
	const char *text = resp_line();
	size_t count;

	if (text[0] != '*')
		resp_die("an array was expected, not %s", text);
	count = strtoul(text + 1, NULL, 10);
	if (count > most)
		resp_die("%zu numbers, at most %zu were expected", count, most);
	for (size_t i = 0; i < count; i++) {
		text = resp_line();
		if (text[0] != ':')
			resp_die("number %zu is %s", i, text);
		numbers[i] = strtoll(text + 1, NULL, 10);
	}
	return count;
}

static void flush_all(struct twin *twin)
{
	resp_flush_all();
	twin_flush(twin);
}

static void run_script(const char *sha, const struct twin_batch *batch, int64_t *numbers)
{
	size_t wanted = HEAD + PER_KEY * batch->keys;

	resp_word("EVALSHA");
	resp_word("%s", sha);
	resp_word("%zu", 3 + batch->keys);
	resp_word("weir:{s0}:meta");
	resp_word("weir:{s0}:last:%u:%u", batch->node, batch->lane);
	resp_word("weir:{s0}:nodes");
	for (size_t i = 0; i < batch->keys; i++)
		resp_word("weir:{s0}:%u", batch->key[i].key);
	resp_word("node%u", batch->node);
	resp_word("%s", batch->boot);
	resp_word("%" PRIu64, batch->sequence);
	resp_word("%" PRIu64, batch->interval_us);
	resp_word("%" PRIu64, batch->knows);
	resp_word("%d", batch->count_nodes);
	for (size_t i = 0; i < batch->keys; i++) {
		const struct twin_key *key = &batch->key[i];

		resp_word("%.17g", key->rate);
		resp_word("%.17g", key->burst);
		resp_word("%" PRIu64, key->demand);
		resp_word("%" PRIu64, key->above);
		resp_word("%" PRId64, key->spent);
		resp_word("%" PRIu64, key->want);
		if (key->has_hint)
			resp_word("%" PRId64, key->hint);
		else
			resp_word("%s", "");
	}
	resp_send();
	if (read_numbers(numbers, HEAD + PER_KEY * (size_t)TWIN_KEYS) != wanted)
		resp_die("not %zu numbers", wanted);
}

static void same(const char *what, unsigned long batch, int64_t script, int64_t twin)
{
	if (script != twin)
		resp_die("batch %lu: %s is %" PRId64 " of the script, %" PRId64 " of the twin",
			 batch, what, script, twin);
}

static void compare(unsigned long n, const struct twin_batch *batch, const int64_t *got,
		    const struct twin_answer *answer)
{
	same("generation", n, got[0], (int64_t)answer->generation);
	same("epoch", n, got[2], (int64_t)answer->epoch);
	same("counted", n, got[3], (int64_t)answer->counted);
	same("repeat", n, got[4], answer->repeat);
	same("nodes", n, got[5], (int64_t)answer->nodes);
	for (size_t i = 0; i < batch->keys; i++) {
		const int64_t *key = got + HEAD + PER_KEY * i;

		same("demand", n, key[0], (int64_t)answer->key[i].demand);
		same("above", n, key[1], (int64_t)answer->key[i].above);
		same("level", n, key[2], answer->key[i].level);
		same("advance", n, key[3], (int64_t)answer->key[i].advance);
	}
}

/* ------------------------------------------------------------------------------------------ chance */

struct sender {
	uint64_t boot, sequence;
	char name[24];
	struct twin_batch last;
};

/* Small and large, whole and not: each key keeps its own */
static void limit_of(unsigned int key, double *rate, double *burst)
{
	static const double rates[] = {1000, 0.00138888888888888, 1e9 / 3, 17.5, 50000, 1e10};
	static const double seconds[] = {1, 0.2, 0.008, 30, 3600};

	*rate = rates[key % 6];
	*burst = *rate * seconds[key % 5] > 1 ? *rate * seconds[key % 5] : 1;
}

static void make_key(struct random *random, struct twin_key *key)
{
	uint64_t most;

	limit_of(key->key, &key->rate, &key->burst);
	most = (uint64_t)key->burst + 2;
	key->demand = random_below(random, 3) ? random_below(random, most) : 0;
	key->above = random_below(random, key->demand + 1);
	key->spent = (int64_t)random_below(random, key->demand + 1);
	if (!random_below(random, 4))
		key->spent -= (int64_t)random_below(random, most);
	key->want = random_below(random, 3) ? 0 : random_below(random, most);
	key->has_hint = random_below(random, 2);
	key->hint = key->has_hint ? (int64_t)random_below(random, 2 * most) - (int64_t)most / 2 : 0;
}

static void make_batch(struct random *random, struct sender *senders, uint64_t generation,
		       struct twin_batch *batch)
{
	unsigned int node = (unsigned int)random_below(random, NODES);
	struct sender *sender = &senders[node];
	size_t first = random_below(random, KEYS);

	if (!random_below(random, 8) && sender->last.keys) {
		*batch = sender->last; /* again, as after a timeout */
		return;
	}
	if (!random_below(random, 40)) {
		sender->boot++;
		sender->sequence = 0;
	}
	snprintf(sender->name, sizeof(sender->name), "boot%" PRIu64, sender->boot);
	*batch =
		(struct twin_batch){.node = node, .boot = sender->name, .interval_us = INTERVAL_US};
	batch->lane = (unsigned int)random_below(random, LANES);
	batch->sequence = sender->sequence += 1 + random_below(random, 3);
	batch->knows = random_below(random, 8) ? generation : random_below(random, 2);
	batch->count_nodes = random_below(random, 2);
	batch->keys = random_below(random, KEYS + 1);
	for (size_t i = 0; i < batch->keys; i++) {
		batch->key[i].key = (unsigned int)((first + i) % KEYS);
		make_key(random, &batch->key[i]);
	}
	sender->last = *batch;
}

/* Within an epoch, from one to the next, over some */
static void pass_time(struct random *random)
{
	switch (random_below(random, 12)) {
	case 0:
		usleep(INTERVAL_US);
		break;
	case 1:
		usleep((useconds_t)random_below(random, 3 * INTERVAL_US));
		break;
	case 2:
		if (!random_below(random, 20))
			usleep(10 * INTERVAL_US);
		break;
	}
}

int main(int argc, char **argv)
{
	static struct sender senders[NODES];
	static struct twin twin;
	int64_t numbers[HEAD + PER_KEY * TWIN_KEYS];
	struct random random;
	unsigned long batches, repeats = 0, advances = 0, debts = 0;
	uint64_t generation = 0;
	char sha[64];

	if (argc != 3)
		resp_die("usage: round SOCKET BATCHES");
	random = random_begin();
	batches = strtoul(argv[2], NULL, 10);
	resp_dial(argv[1]);
	resp_load(cluster_script, sha, sizeof(sha));
	flush_all(&twin);
	for (unsigned long n = 0; n < batches; n++) {
		struct twin_batch batch;
		struct twin_answer answer;

		if (!random_below(&random, 200))
			flush_all(&twin);
		make_batch(&random, senders, generation, &batch);
		run_script(sha, &batch, numbers);
		twin_run(&twin, &batch, (uint64_t)numbers[1], &answer);
		compare(n, &batch, numbers, &answer);
		generation = answer.generation;
		repeats += answer.repeat;
		for (size_t i = 0; i < batch.keys; i++) {
			advances += answer.key[i].advance > 0;
			debts += answer.key[i].level < 0;
		}
		pass_time(&random);
	}
	printf("%lu batches agree: %lu repeats, %lu advances, %lu levels in debt\n", batches,
	       repeats, advances, debts);
	return 0;
}
