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

void orders_twin_lose(struct orders_twin *twin, size_t i)
{
	free_order(&twin->order[i]);
	twin->order[i] = twin->order[--twin->orders];
}

void orders_twin_flush(struct orders_twin *twin)
{
	while (twin->orders)
		orders_twin_lose(twin, 0);
	free(twin->order);
	free(twin->secret);
	*twin = (struct orders_twin){.most = twin->most};
}

static void purge(struct orders_twin *twin, int64_t now_ms)
{
	for (size_t i = 0; i < twin->orders;)
		if (twin->order[i].expiry_ms <= now_ms)
			orders_twin_lose(twin, i);
		else
			i++;
}

static void store(struct orders_twin *twin, struct orders_twin_order *there,
		  const char *const argument[4])
{
	if (there) {
		free_order(there);
	} else {
		twin->order = realloc(twin->order, (twin->orders + 1) * sizeof(*twin->order));
		there = &twin->order[twin->orders++];
	}
	*there = (struct orders_twin_order){
		.name = strdup(argument[0]),
		.given = strdup(argument[1]),
		.expiry = strdup(argument[2]),
		.text = strdup(argument[3]),
		.given_ms = strtoll(argument[1], NULL, 10),
		.expiry_ms = strtoll(argument[2], NULL, 10),
	};
}

static int put(struct orders_twin *twin, const char *const argument[4], int64_t now_ms)
{
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
	store(twin, there, argument);
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

static void answer_orders(const struct orders_twin *twin, struct redis_command *command)
{
	for (size_t i = 0; i < twin->orders; i++) {
		const struct orders_twin_order *order = &twin->order[i];
		char *text = NULL;

		if (asprintf(&text, "%s %s %s", order->given, order->expiry, order->text) < 0)
			abort();
		answer_text(command, strdup(order->name));
		answer_text(command, text);
	}
}

void orders_twin_run(struct orders_twin *twin, struct redis_command *command, uint64_t now_us)
{
	const char *const *argument = command->argument + command->keys;
	size_t puts = (command->arguments - command->keys - 3) / 4, stored = 0;
	bool agreed = true, changed;
	int *result = calloc(puts + 1, sizeof(*result));

	if (command->keys == 2 && !twin->secret)
		twin->secret = strdup(argument[2]);
	else if (command->keys == 2)
		agreed = !strcmp(twin->secret, argument[2]);
	if (!twin->generation)
		twin->generation = twin->version = now_us;
	purge(twin, (int64_t)(now_us / 1000));
	for (size_t i = 0; i < puts; i++) {
		result[i] = put(twin, argument + 3 + 4 * i, (int64_t)(now_us / 1000));
		stored += result[i] > 0;
	}
	if (stored)
		twin->version = twin->version + 1 > now_us ? twin->version + 1 : now_us;
	changed = strtoull(argument[0], NULL, 10) != twin->generation ||
		  strtoull(argument[1], NULL, 10) != twin->version;
	command->value =
		calloc(ORDERS_TWIN_HEAD + puts + 2 * twin->orders, sizeof(*command->value));
	command->values = 0;
	answer_number(command, (int64_t)twin->generation);
	answer_number(command, (int64_t)twin->version);
	answer_number(command, (int64_t)now_us);
	answer_number(command, changed);
	answer_text(command, strdup(agreed ? "" : twin->secret));
	for (size_t i = 0; i < puts; i++)
		answer_number(command, result[i]);
	if (changed)
		answer_orders(twin, command);
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
