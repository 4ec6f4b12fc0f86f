// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/names.h"

#include <string.h>

/* A table of names of one width, padded with zeros, as weir_state holds them */
struct table {
	char *at;
	size_t width;
	uint32_t count;
	uint32_t first; /* numbers below are given by position */
	bool *fresh;	/* by number; NULL: nobody asks */
};

static char *name_of(const struct table *table, uint32_t number)
{
	return table->at + table->width * number;
}

static uint32_t find(const struct table *table, const char *name)
{
	for (uint32_t i = table->first; i < table->count; i++)
		if (!memcmp(name_of(table, i), name, table->width))
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

/* names: `count` of them, of the table's width */
static void assign(const struct table *table, const char *names, size_t count, uint32_t *out)
{
	bool used[WEIR_ENDPOINTS] = {};

	_Static_assert(WEIR_ENDPOINTS >= WEIR_SERVICES && WEIR_ENDPOINTS >= WEIR_UPSTREAMS,
		       "used[] is for the longest table");
	for (size_t i = 0; i < count; i++) {
		out[i] = find(table, names + i * table->width);
		if (out[i] < table->count)
			used[out[i]] = true;
	}
	for (size_t i = 0; i < count; i++) {
		if (out[i] < table->count)
			continue;
		out[i] = vacant(table, used);
		used[out[i]] = true;
		memcpy(name_of(table, out[i]), names + i * table->width, table->width);
		if (table->fresh)
			table->fresh[out[i]] = true;
	}
}

/* strncpy() pads with zeros, which is what find() wants; the last byte is one in any case. */
static void put(char *to, const char *name, size_t width)
{
	strncpy(to, name, width - 1);
	to[width - 1] = '\0';
}

static struct weir_endpoint_id endpoint_id(const char *upstream, const char *endpoint)
{
	struct weir_endpoint_id id = {};

	put(id.upstream, upstream, sizeof(id.upstream));
	put(id.name, endpoint, sizeof(id.name));
	return id;
}

static struct table endpoints_of(struct weir_state *state, bool *fresh)
{
	_Static_assert(sizeof(struct weir_endpoint_id) == WEIR_NAME + WEIR_ENDPOINT_NAME,
		       "no padding: it is compared as a whole");
	return (struct table){state->endpoint[0].upstream, sizeof(state->endpoint[0]),
			      WEIR_ENDPOINTS, 0, fresh};
}

static void assign_upstreams(struct weir_state *state, const struct config *config,
			     struct numbers *out)
{
	struct table upstreams = {state->upstream[0], WEIR_NAME, WEIR_UPSTREAMS, 0,
				  out->fresh_upstream};
	struct table endpoints = endpoints_of(state, out->fresh_endpoint);
	char names[WEIR_UPSTREAMS][WEIR_NAME];
	struct weir_endpoint_id ids[WEIR_ENDPOINTS];
	size_t count = 0;

	for (size_t u = 0; u < config->upstreams; u++) {
		const struct config_upstream *upstream = &config->upstream[u];

		put(names[u], upstream->name, WEIR_NAME);
		for (size_t e = 0; e < upstream->endpoints; e++)
			ids[count++] = endpoint_id(upstream->name, upstream->endpoint[e].name);
	}
	assign(&upstreams, names[0], config->upstreams, out->upstream);
	assign(&endpoints, ids[0].upstream, count, out->endpoint);
}

void names_assign(struct weir_state *state, const struct config *config, struct numbers *out)
{
	char names[WEIR_SERVICES][WEIR_NAME], interface[WEIR_INTERFACES][IFNAMSIZ];
	struct table interfaces = {state->interface[0], sizeof(state->interface[0]),
				   WEIR_INTERFACES, 0, NULL};
	struct table services = {state->service[0], WEIR_NAME, WEIR_SERVICES, 1,
				 out->fresh_service};
	struct table tiers = {state->tier[0], WEIR_NAME, WEIR_TIERS, 1, NULL};

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < config->interfaces; i++)
		put(interface[i], config->interface[i].name, IFNAMSIZ);
	assign(&interfaces, interface[0], config->interfaces, out->interface);

	for (size_t i = 0; i < config->services; i++)
		put(names[i], config->service[i].name, WEIR_NAME);
	out->service[0] = WEIR_SERVICE_OTHER;
	memcpy(state->service[0], names[0], WEIR_NAME);
	assign(&services, names[1], config->services - 1, out->service + 1);

	for (size_t i = 0; i < config->tiers; i++)
		put(names[i], config->tier[i].name, WEIR_NAME);
	out->tier[0] = WEIR_TIER_DEFAULT;
	memcpy(state->tier[0], names[0], WEIR_NAME);
	assign(&tiers, names[1], config->tiers - 1, out->tier + 1);

	assign_upstreams(state, config, out);
}

uint32_t names_endpoint(const struct weir_state *state, const char *upstream, const char *endpoint)
{
	struct weir_endpoint_id id = endpoint_id(upstream, endpoint);
	struct table endpoints = endpoints_of((struct weir_state *)state, NULL);

	return find(&endpoints, id.upstream);
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
