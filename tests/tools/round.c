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
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/random.h"
#include "tests/lib/round_twin.h"
#include "user/cluster/script.h"

enum { NODES = 5, LANES = 3, KEYS = 12, INTERVAL_US = 4000, HEAD = 6, PER_KEY = 4 };

static FILE *redis;
static unsigned int words;
static char command[65536];
static size_t command_length;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* One word of the command being built */
__attribute__((format(printf, 1, 2))) static void word(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0 || command_length + (size_t)length + 32 > sizeof(command))
		die("the command is too long");
	command_length += (size_t)sprintf(command + command_length, "$%d\r\n%s\r\n", length, text);
	words++;
	free(text);
}

static void send_command(void)
{
	fprintf(redis, "*%u\r\n", words);
	fwrite(command, 1, command_length, redis);
	if (fflush(redis))
		die("Redis: %s", strerror(errno));
	words = 0;
	command_length = 0;
}

/* The first line of an answer, without its end */
static char *line(void)
{
	static char text[512];

	if (!fgets(text, sizeof(text), redis))
		die("Redis has closed the connection");
	text[strcspn(text, "\r\n")] = 0;
	if (text[0] == '-')
		die("Redis: %s", text + 1);
	return text;
}

static size_t read_numbers(int64_t *numbers, size_t most)
{
	const char *text = line();
	size_t count;

	if (text[0] != '*')
		die("an array was expected, not %s", text);
	count = strtoul(text + 1, NULL, 10);
	if (count > most)
		die("%zu numbers, at most %zu were expected", count, most);
	for (size_t i = 0; i < count; i++) {
		text = line();
		if (text[0] != ':')
			die("number %zu is %s", i, text);
		numbers[i] = strtoll(text + 1, NULL, 10);
	}
	return count;
}

static void load_script(char *sha, size_t size)
{
	word("SCRIPT");
	word("LOAD");
	word("%s", cluster_script);
	send_command();
	line();
	snprintf(sha, size, "%s", line());
}

static void flush_all(struct twin *twin)
{
	word("FLUSHALL");
	send_command();
	line();
	twin_flush(twin);
}

static void dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("%s: %s", path, strerror(errno));
	redis = fdopen(fd, "r+");
	if (!redis)
		die("%s: %s", path, strerror(errno));
}

static void run_script(const char *sha, const struct twin_batch *batch, int64_t *numbers)
{
	size_t wanted = HEAD + PER_KEY * batch->keys;

	word("EVALSHA");
	word("%s", sha);
	word("%zu", 3 + batch->keys);
	word("weir:{s0}:meta");
	word("weir:{s0}:last:%u:%u", batch->node, batch->lane);
	word("weir:{s0}:nodes");
	for (size_t i = 0; i < batch->keys; i++)
		word("weir:{s0}:%u", batch->key[i].key);
	word("node%u", batch->node);
	word("%s", batch->boot);
	word("%" PRIu64, batch->sequence);
	word("%" PRIu64, batch->interval_us);
	word("%" PRIu64, batch->knows);
	word("%d", batch->count_nodes);
	for (size_t i = 0; i < batch->keys; i++) {
		const struct twin_key *key = &batch->key[i];

		word("%.17g", key->rate);
		word("%.17g", key->burst);
		word("%" PRIu64, key->demand);
		word("%" PRIu64, key->above);
		word("%" PRId64, key->spent);
		word("%" PRIu64, key->want);
		if (key->has_hint)
			word("%" PRId64, key->hint);
		else
			word("%s", "");
	}
	send_command();
	if (read_numbers(numbers, HEAD + PER_KEY * (size_t)TWIN_KEYS) != wanted)
		die("not %zu numbers", wanted);
}

static void same(const char *what, unsigned long batch, int64_t script, int64_t twin)
{
	if (script != twin)
		die("batch %lu: %s is %" PRId64 " of the script, %" PRId64 " of the twin", batch,
		    what, script, twin);
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
		die("usage: round SOCKET BATCHES");
	random = random_begin();
	batches = strtoul(argv[2], NULL, 10);
	dial(argv[1]);
	load_script(sha, sizeof(sha));
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
