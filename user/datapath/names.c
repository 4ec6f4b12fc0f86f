// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/names.h"

#include <string.h>

/* A table of names of one width, as weir_state holds them */
struct table {
	char *at;
	size_t width;
	uint32_t count;
	uint32_t first; /* numbers below are given by position */
};

static char *name_of(const struct table *table, uint32_t number)
{
	return table->at + table->width * number;
}

static uint32_t find(const struct table *table, const char *name)
{
	for (uint32_t i = table->first; i < table->count; i++)
		if (!strncmp(name_of(table, i), name, table->width))
			return i;
	return table->count;
}

/* A number nobody has, else one whose name is not in use any more */
static uint32_t vacant(const struct table *table, const bool *used)
{
	for (uint32_t i = table->first; i < table->count; i++)
		if (!name_of(table, i)[0] && !used[i])
			return i;
	for (uint32_t i = table->first; i < table->count; i++)
		if (!used[i])
			return i;
	return 0;
}

static void assign(const struct table *table, const char *const *names, size_t count, uint32_t *out)
{
	bool used[WEIR_SERVICES] = {};

	for (size_t i = 0; i < count; i++) {
		out[i] = find(table, names[i]);
		if (out[i] < table->count)
			used[out[i]] = true;
	}
	for (size_t i = 0; i < count; i++) {
		if (out[i] < table->count)
			continue;
		out[i] = vacant(table, used);
		used[out[i]] = true;
		memset(name_of(table, out[i]), 0, table->width);
		strncpy(name_of(table, out[i]), names[i], table->width - 1);
	}
}

void names_assign(struct weir_state *state, const struct config *config, struct numbers *out)
{
	const char *names[WEIR_SERVICES];
	struct table interfaces = {state->interface[0], sizeof(state->interface[0]),
				   WEIR_INTERFACES, 0};
	struct table services = {state->service[0], WEIR_NAME, WEIR_SERVICES, 1};
	struct table tiers = {state->tier[0], WEIR_NAME, WEIR_TIERS, 1};

	for (size_t i = 0; i < config->interfaces; i++)
		names[i] = config->interface[i].name;
	assign(&interfaces, names, config->interfaces, out->interface);

	for (size_t i = 1; i < config->services; i++)
		names[i] = config->service[i].name;
	out->service[0] = WEIR_SERVICE_OTHER;
	memcpy(state->service[0], config->service[0].name, WEIR_NAME);
	assign(&services, names + 1, config->services - 1, out->service + 1);

	for (size_t i = 1; i < config->tiers; i++)
		names[i] = config->tier[i].name;
	out->tier[0] = WEIR_TIER_DEFAULT;
	memcpy(state->tier[0], config->tier[0].name, WEIR_NAME);
	assign(&tiers, names + 1, config->tiers - 1, out->tier + 1);
}

uint32_t names_series(struct weir_state *state, uint32_t interface, uint32_t service, uint32_t tier,
		      uint8_t *fresh)
{
	uint32_t vacancy = 0;

	for (uint32_t i = 1; i < WEIR_SERIES; i++) {
		const struct weir_series_id *id = &state->series[i];

		if (!id->used && !vacancy)
			vacancy = i;
		if (id->used && id->interface == interface && id->service == service &&
		    id->tier == tier)
			return i;
	}
	if (vacancy) {
		state->series[vacancy] =
			(struct weir_series_id){1, (u8)interface, (u8)service, (u8)tier};
		fresh[vacancy] = 1;
	}
	return vacancy;
}

static bool named(const uint32_t *numbers, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

void names_forget_series(struct weir_state *state, const struct config *config,
			 const struct numbers *numbers)
{
	for (uint32_t i = 1; i < WEIR_SERIES; i++) {
		struct weir_series_id *id = &state->series[i];

		if (id->used && (!named(numbers->interface, config->interfaces, id->interface) ||
				 !named(numbers->service, config->services, id->service) ||
				 !named(numbers->tier, config->tiers, id->tier)))
			memset(id, 0, sizeof(*id));
	}
}
