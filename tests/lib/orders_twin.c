/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/lib/orders_twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 10000

static void free_order(struct orders_twin_order *order)
{
	free(order->name);
	free(order->given);
	free(order->expiry);
	free(order->text);
}

static void take_away(struct orders_twin *twin, size_t i)
{
	free_order(&twin->order[i]);
	twin->order[i] = twin->order[--twin->orders];
}

void orders_twin_flush(struct orders_twin *twin)
{
	while (twin->orders)
		take_away(twin, 0);
	free(twin->order);
	free(twin->secret);
	*twin = (struct orders_twin){.most = twin->most};
}

struct orders_twin orders_twin_copy(const struct orders_twin *twin)
{
	struct orders_twin copy = *twin;

	copy.secret = twin->secret ? strdup(twin->secret) : NULL;
	copy.order = calloc(twin->orders + 1, sizeof(*copy.order));
	for (size_t i = 0; i < twin->orders; i++) {
		copy.order[i] = twin->order[i];
		copy.order[i].name = strdup(twin->order[i].name);
		copy.order[i].given = strdup(twin->order[i].given);
		copy.order[i].expiry = strdup(twin->order[i].expiry);
		copy.order[i].text = strdup(twin->order[i].text);
	}
	return copy;
}

static void purge(struct orders_twin *twin, int64_t now_ms)
{
	for (size_t i = 0; i < twin->orders;)
		if (twin->order[i].expiry_ms <= now_ms)
			take_away(twin, i);
		else
			i++;
}

static void store(struct orders_twin *twin, struct orders_twin_order *there,
		  const char *const argument[4], uint64_t now_us)
{
	twin->version = twin->version + 1 > now_us ? twin->version + 1 : now_us;
	if (there) {
		free_order(there);
	} else {
		twin->order = realloc(twin->order, (twin->orders + 1) * sizeof(*twin->order));
		there = &twin->order[twin->orders++];
	}
	*there = (struct orders_twin_order){
		.version = twin->version,
		.name = strdup(argument[0]),
		.given = strdup(argument[1]),
		.expiry = strdup(argument[2]),
		.text = strdup(argument[3]),
		.given_ms = strtoll(argument[1], NULL, 10),
		.expiry_ms = strtoll(argument[2], NULL, 10),
	};
}

static int put(struct orders_twin *twin, const char *const argument[4], uint64_t now_us)
{
	int64_t now_ms = (int64_t)(now_us / 1000);
	int64_t given = strtoll(argument[1], NULL, 10), expiry = strtoll(argument[2], NULL, 10);
	struct orders_twin_order *there = NULL;

	for (size_t i = 0; i < twin->orders; i++)
		if (!strcmp(twin->order[i].name, argument[0]))
			there = &twin->order[i];
	if (expiry <= now_ms)
		return 0;
	if (there &&
	    (there->given_ms > given || (there->given_ms == given && there->expiry_ms >= expiry)))
		return 0;
	if (!there && twin->orders >= (twin->most ? twin->most : MOST))
		return -1;
	store(twin, there, argument, now_us);
	return 1;
}

static void answer_number(struct redis_command *command, int64_t number)
{
	command->value[command->values++] =
		(struct redis_value){.type = REDIS_INTEGER, .integer = number};
}

static void answer_text(struct redis_command *command, char *text)
{
	command->value[command->values++] =
		(struct redis_value){.type = REDIS_STRING, .string = text, .length = strlen(text)};
}

static void note_version(struct orders_twin *twin)
{
	if (twin->histories == ORDERS_TWIN_HISTORY) {
		twin->histories = ORDERS_TWIN_HISTORY / 2 - 1;
		memmove(twin->history, twin->history + ORDERS_TWIN_HISTORY / 2 + 1,
			twin->histories * sizeof(twin->history[0]));
	}
	twin->history[twin->histories++] = twin->version;
}

static bool is_known(const struct orders_twin *twin, uint64_t base)
{
	for (size_t i = 0; i < twin->histories; i++)
		if (twin->history[i] == base)
			return true;
	return false;
}

static int by_version(const void *a, const void *b)
{
	const struct orders_twin_order *x = a, *y = b;

	return x->version < y->version ? -1 : x->version > y->version;
}

/* Of `orders` in the order of their versions the page above the cursor; returns whether there are more. */
static bool answer_orders(struct orders_twin *twin, uint64_t *cursor, struct redis_command *command)
{
	size_t given = 0;

	if (twin->orders)
		qsort(twin->order, twin->orders, sizeof(*twin->order), by_version);
	for (size_t i = 0; i < twin->orders; i++) {
		const struct orders_twin_order *order = &twin->order[i];
		char *text = NULL;

		if (order->version <= *cursor)
			continue;
		if (given++ == ORDERS_TWIN_PAGE)
			return true;
		if (asprintf(&text, "%s %s %s", order->given, order->expiry, order->text) < 0)
			abort();
		answer_text(command, strdup(order->name));
		answer_text(command, text);
		*cursor = order->version;
	}
	*cursor = twin->version;
	return false;
}

void orders_twin_run(struct orders_twin *twin, struct redis_command *command, uint64_t now_us)
{
	const char *const *argument = command->argument + command->keys;
	size_t puts = (command->arguments - command->keys - ORDERS_TWIN_FIXED) / 4, stored = 0;
	uint64_t base = strtoull(argument[1], NULL, 10), cursor = strtoull(argument[2], NULL, 10);
	bool agreed = true, start, more;
	int *result = calloc(puts + 1, sizeof(*result));

	if (command->keys == 4 && !twin->secret)
		twin->secret = strdup(argument[3]);
	else if (command->keys == 4)
		agreed = !strcmp(twin->secret, argument[3]);
	if (!twin->generation) {
		twin->generation = twin->version = now_us;
		note_version(twin);
	}
	purge(twin, (int64_t)(now_us / 1000));
	for (size_t i = 0; i < puts; i++) {
		result[i] = put(twin, argument + ORDERS_TWIN_FIXED + 4 * i, now_us);
		stored += result[i] > 0;
	}
	if (stored)
		note_version(twin);
	start = strtoull(argument[0], NULL, 10) != twin->generation || !is_known(twin, base);
	if (start)
		cursor = 0;
	command->value =
		calloc(ORDERS_TWIN_HEAD + puts + 2 * ORDERS_TWIN_PAGE, sizeof(*command->value));
	command->values = ORDERS_TWIN_HEAD;
	for (size_t i = 0; i < puts; i++)
		answer_number(command, result[i]);
	more = answer_orders(twin, &cursor, command);
	puts = command->values;
	command->values = 0;
	answer_number(command, (int64_t)twin->generation);
	answer_number(command, (int64_t)twin->version);
	answer_number(command, (int64_t)now_us);
	answer_number(command, (int64_t)cursor);
	answer_number(command, start);
	answer_number(command, more);
	answer_text(command, strdup(agreed ? "" : twin->secret));
	command->values = puts;
	command->state = REDIS_STATE_OK;
	free(result);
}

void orders_twin_clear(struct redis_command *command)
{
	for (size_t i = 0; i < command->values; i++)
		free(command->value[i].string);
	free(command->value);
	command->value = NULL;
	command->values = 0;
}
