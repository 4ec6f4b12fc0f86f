/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Holds user/cluster/orders.lua, in a real Redis, to its twin in C (tests/lib/orders_twin.h):
 *
 *   orders SOCKET COMMANDS    random commands of several nodes, with orders that are older, later, over, or soon over, secrets that
 *                             differ, and a Redis that loses its memory. Each answer must be the twin's for the time the
 *                             script says it was. $SEED repeats a run as far as the clock does.
 *
 * Exit status 0 when all agree, 1 with the first that does not. Empties the database.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/orders_twin.h"
#include "tests/lib/random.h"
#include "tests/tools/resp.h"
#include "user/cluster/script.h"

enum { PUTS = 4, WORDS = 8 + 4 * PUTS, VALUES = 4096 };

struct sent {
	char word[WORDS][64];
	const char *argument[WORDS];
	struct redis_command command;
};

static unsigned long stored, refused, expired, started, paged;

__attribute__((format(printf, 2, 3))) static void add(struct sent *sent, const char *format, ...)
{
	va_list arguments;
	size_t i = sent->command.arguments++;

	va_start(arguments, format);
	vsnprintf(sent->word[i], sizeof(sent->word[i]), format, arguments);
	va_end(arguments);
	sent->argument[i] = sent->word[i];
}

/* A base and a cursor that may be: up to date, behind, of another memory, in the middle */
static void add_known(struct random *random, const struct orders_twin *twin, struct sent *out)
{
	size_t back = random_below(random, 300);
	uint64_t base = back < twin->histories ? twin->history[twin->histories - 1 - back] : back;

	if (random_below(random, 2))
		base = twin->version;
	add(out, "%" PRIu64, random_below(random, 8) ? twin->generation : random_below(random, 2));
	add(out, "%" PRIu64, base);
	add(out, "%" PRIu64,
	    random_below(random, 4) || !twin->orders
		    ? base
		    : twin->order[random_below(random, twin->orders)].version);
	add(out, "secret of node %d", (int)random_below(random, 3));
}

/* few: names that are soon met again, and orders that are soon over; else pages are filled */
static void make(struct random *random, const struct orders_twin *twin, int64_t now_ms, bool few,
		 struct sent *out)
{
	size_t puts = random_below(random, PUTS + 1);

	*out = (struct sent){.command.keys = 3 + random_below(random, 2)};
	out->command.argument = out->argument;
	add(out, "weir:{s00}:orders");
	add(out, "weir:{s00}:orders:expiries");
	add(out, "weir:{s00}:orders:versions");
	if (out->command.keys == 4)
		add(out, "weir:{s00}:secret");
	add_known(random, twin, out);
	while (puts--) {
		add(out, "n%d", (int)random_below(random, few ? 20 : 1000));
		add(out, "%" PRId64, now_ms - 5 + (int64_t)random_below(random, 10));
		add(out, "%" PRId64, now_ms - 3 + (int64_t)random_below(random, few ? 30 : 3000));
		add(out, "text %" PRIu64, random_u64(random));
	}
}

static void run_script(const char *sha, const struct sent *sent, struct redis_value *value,
		       size_t *values)
{
	resp_word("EVALSHA");
	resp_word("%s", sha);
	resp_word("%zu", sent->command.keys);
	for (size_t i = 0; i < sent->command.arguments; i++)
		resp_word("%s", sent->word[i]);
	resp_send();
	*values = resp_read(value, VALUES);
}

static void same(unsigned long n, size_t i, const struct redis_value *script,
		 const struct redis_value *twin)
{
	if (script->type != twin->type || script->integer != twin->integer ||
	    (script->type == REDIS_STRING && strcmp(script->string, twin->string)))
		resp_die("command %lu: value %zu is %" PRId64 " \"%s\" of the script, %" PRId64
			 " \"%s\" of the twin",
			 n, i, script->integer, script->string ? script->string : "", twin->integer,
			 twin->string ? twin->string : "");
}

static void compare(unsigned long n, size_t puts, struct redis_value *value, size_t values,
		    struct redis_command *twin)
{
	size_t head = ORDERS_TWIN_HEAD + puts;

	if (values != twin->values)
		resp_die("command %lu: %zu values of the script, %zu of the twin", n, values,
			 twin->values);
	for (size_t i = 0; i < values; i++)
		same(n, i, &value[i], &twin->value[i]);
	for (size_t i = ORDERS_TWIN_HEAD; i < head; i++) {
		stored += value[i].integer > 0;
		refused += !value[i].integer;
	}
	started += value[4].integer > 0;
	paged += value[5].integer > 0;
}

int main(int argc, char **argv)
{
	static struct redis_value value[VALUES];
	static struct orders_twin twin;
	static struct sent sent;
	struct random random;
	unsigned long commands;
	int64_t now_ms = 0;
	char sha[64];

	if (argc != 3)
		resp_die("usage: orders SOCKET COMMANDS");
	random = random_begin();
	commands = strtoul(argv[2], NULL, 10);
	resp_dial(argv[1]);
	resp_load(orders_script, sha, sizeof(sha));
	resp_flush_all();
	for (unsigned long n = 0; n < commands; n++) {
		size_t values, before = twin.orders, puts;

		if (!random_below(&random, 1500)) {
			resp_flush_all();
			orders_twin_flush(&twin);
			before = 0;
		}
		make(&random, &twin, now_ms, n % 4000 < 2000, &sent);
		puts = (sent.command.arguments - sent.command.keys - ORDERS_TWIN_FIXED) / 4;
		run_script(sha, &sent, value, &values);
		now_ms = value[2].integer / 1000;
		orders_twin_run(&twin, &sent.command, (uint64_t)value[2].integer);
		compare(n, puts, value, values, &sent.command);
		expired += before > twin.orders;
		orders_twin_clear(&sent.command);
		for (size_t i = 0; i < values; i++)
			free(value[i].string);
		if (!random_below(&random, 10))
			usleep((useconds_t)random_below(&random, 6000));
	}
	printf("%lu commands agree: %lu orders stored, %lu not, %lu times some were over, %lu begun from "
	       "the first, %lu pages\n",
	       commands, stored, refused, expired, started, paged);
	return 0;
}
