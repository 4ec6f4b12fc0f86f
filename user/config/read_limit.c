/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "user/config/limit.h"
#include "user/config/reader.h"

int read_limit_rate(struct reader *reader, const struct field *field, const struct node *node,
		    void *into)
{
	struct limit_draft *draft = into;
	struct problem problem = {};

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	draft->rate = node;
	if (limit_parse_rate(node->text, &draft->limit, &draft->bytes, &problem) < 0)
		return schema_fail(reader, node, "%s", problem.text);
	return 0;
}

/* Comes after the rate: the table's order */
int read_limit_unit(struct reader *reader, const struct field *field, const struct node *node,
		    void *into)
{
	struct limit_draft *draft = into;
	struct problem problem = {};

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	if (limit_parse_unit(node->text, &draft->limit.unit, &problem) < 0)
		return schema_fail(reader, node, "%s", problem.text);
	if (draft->bytes && draft->limit.unit != WEIR_UNIT_BYTES)
		return schema_fail(reader, node,
				   "the rate %s is one of bytes, not of %s; expected bytes",
				   quote(draft->rate->text).text, node->text);
	return 0;
}

/* Comes after the unit */
int read_limit_burst(struct reader *reader, const struct field *field, const struct node *node,
		     void *into)
{
	struct limit_draft *draft = into;
	struct problem problem = {};

	if (schema_want(reader, field, node, NODE_TEXT) < 0)
		return -EINVAL;
	draft->burst = node;
	if (limit_parse_burst(node->text, draft->limit.unit, &draft->limit.burst, &problem) < 0)
		return schema_fail(reader, node, "%s", problem.text);
	return 0;
}

int read_limit_scope(struct reader *reader, const struct field *field, const struct node *node,
		     void *into)
{
	struct limit_draft *draft = into;

	draft->scope = node;
	return read_choice(reader, field, node, &draft->limit.cluster);
}

int read_limit_on_outage(struct reader *reader, const struct field *field, const struct node *node,
			 void *into)
{
	struct limit_draft *draft = into;

	draft->on_outage = node;
	return read_choice(reader, field, node, &draft->limit.on_outage);
}

/* What its scope asks for; `cluster` has been read: the table's order */
static int check_scope(struct reader *reader, const struct node *node, struct limit_draft *draft)
{
	const struct config_cluster *cluster = &reader->config->cluster;

	if (draft->on_outage && !draft->limit.cluster)
		return schema_fail(reader, draft->on_outage,
				   "is for limits of a cluster, and this one is each node's own; "
				   "expected scope: cluster, or no on_outage");
	if (!draft->limit.cluster)
		return 0;
	if (!cluster->enabled)
		return schema_fail(
			reader, draft->scope ? draft->scope : node,
			"is to hold over a cluster, and the file has none; expected a mapping "
			"`cluster` such as {redis: \"redis://127.0.0.1:6379/0\"}, or scope: node");
	if (!draft->on_outage)
		draft->limit.on_outage = cluster->on_outage;
	return 0;
}

static bool sees_tcp(const struct config_service *service)
{
	bool tcp = service->matches == 0; /* `other` sees whatever is left */

	for (size_t i = 0; i < service->matches; i++)
		tcp |= service->match[i].protocol == IPPROTO_TCP;
	return tcp;
}

/* Written as a line of text, or as a mapping. */
static int read_limit(struct reader *reader, const struct node *node,
		      const struct config_service *service, struct config_limit *out)
{
	struct limit_draft draft = {.rate = node};
	struct problem problem = {};
	int r;

	if (node->kind == NODE_MAP) {
		r = schema_read(reader, limit_fields, node, &draft);
		if (r < 0)
			return r;
		if (!draft.burst)
			draft.limit.burst = draft.limit.amount;
	} else {
		const struct field text = {
			.expected =
				"RATE UNIT [burst N] [cluster], for example 100/min connections burst 20"};

		if (schema_want(reader, &text, node, NODE_TEXT) < 0)
			return -EINVAL;
		if (limit_parse(node->text, &draft.limit, &problem) < 0)
			return schema_fail(reader, node, "%s", problem.text);
	}
	r = check_scope(reader, node, &draft);
	if (r < 0)
		return r;
	if (limit_check_rate(&draft.limit, &problem) < 0)
		return schema_fail(reader, draft.rate, "%s", problem.text);
	if (limit_check_burst(&draft.limit, &problem) < 0)
		return schema_fail(reader, draft.burst ? draft.burst : node, "%s", problem.text);
	if (draft.limit.unit == WEIR_UNIT_CONNECTIONS && !sees_tcp(service))
		return schema_fail(
			reader, node,
			"limits connections, which only TCP has, and service `%s` matches no "
			"TCP; expected packets or bytes",
			service->name);
	*out = draft.limit;
	return 0;
}

static int find_tier(struct reader *reader, const struct node *node, size_t *out)
{
	const struct config *config = reader->config;
	char names[160] = "";

	for (size_t i = 0; i < config->tiers; i++) {
		if (!strcmp(config->tier[i].name, node->name)) {
			*out = i;
			return 0;
		}
		if (*names)
			strncat(names, ", ", sizeof(names) - strlen(names) - 1);
		strncat(names, config->tier[i].name, sizeof(names) - strlen(names) - 1);
	}
	return schema_fail(reader, node, "%s is not a tier; expected one of %s",
			   quote(node->name).text, names);
}

/* The lists of one tier, once: limits[] for each client or group[] for all of them */
static int read_tier_limits(struct reader *reader, const struct node *node,
			    const struct config_service *service,
			    struct config_limit limits[WEIR_LIMITS], size_t *count)
{
	const struct field list = {.expected = "a list of limits"};
	int r;

	if (schema_want(reader, &list, node, NODE_LIST) < 0)
		return -EINVAL;
	if (node->count > WEIR_LIMITS)
		return schema_fail(reader, node, "has %zu limits; expected at most %u", node->count,
				   WEIR_LIMITS);
	for (const struct node *child = node->first; child; child = child->next) {
		r = read_limit(reader, child, service, &limits[*count]);
		if (r < 0)
			return r;
		(*count)++;
	}
	return 0;
}

static int read_all_tiers(struct reader *reader, const struct field *field, const struct node *map,
			  struct config_service *service, bool group)
{
	if (schema_want(reader, field, map, NODE_MAP) < 0)
		return -EINVAL;
	for (const struct node *child = map->first; child; child = child->next) {
		const struct node *first = node_get(map, child->name);
		struct config_rule *rule;
		size_t tier = 0;
		int r;

		r = find_tier(reader, child, &tier);
		if (r < 0)
			return r;
		if (first != child)
			return schema_fail(reader, child,
					   "is there twice, first on line %u; expected it once",
					   first->line);
		if (reader->config->tier[tier].unlimited && child->count > 0)
			return schema_fail(
				reader, child,
				"tier `%s` is unlimited, so these would never apply; expected "
				"no limits for it",
				child->name);
		rule = &service->rule[tier];
		r = read_tier_limits(reader, child, service, group ? rule->group : rule->limit,
				     group ? &rule->groups : &rule->limits);
		if (r < 0)
			return r;
	}
	return 0;
}

int read_limits(struct reader *reader, const struct field *field, const struct node *node,
		void *into)
{
	return read_all_tiers(reader, field, node, into, false);
}

int read_group_limits(struct reader *reader, const struct field *field, const struct node *node,
		      void *into)
{
	return read_all_tiers(reader, field, node, into, true);
}
