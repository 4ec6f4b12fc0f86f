/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "user/config/reader.h"

int named_twice(struct reader *reader, const struct node *node, const struct node *first,
		const char *name)
{
	const struct node *again = node_get(node, "name");

	return schema_fail(reader, again,
			   "\"%s\" is there twice, first on line %u; expected another name", name,
			   node_get(first, "name")->line);
}

static int want_length(struct reader *reader, const struct field *field, const struct node *node,
		       size_t most)
{
	if (schema_want(reader, field, node, NODE_LIST) < 0)
		return -EINVAL;
	if (node->count > most)
		return schema_fail(reader, node, "has %zu entries; expected at most %zu",
				   node->count, most);
	return 0;
}

static int read_entry(struct reader *reader, const struct field *field, const struct node *node,
		      void *into)
{
	if (schema_want(reader, field, node, NODE_MAP) < 0)
		return -EINVAL;
	return schema_read(reader, field->inside, node, into);
}

int read_interfaces(struct reader *reader, const struct field *field, const struct node *node,
		    void *into)
{
	const struct field entry = {.expected = "a mapping such as {name: eth0}",
				    .inside = field->inside};
	const struct node *nodes[WEIR_INTERFACES];
	struct config *config = into;
	int r;

	if (want_length(reader, field, node, WEIR_INTERFACES) < 0)
		return -EINVAL;
	if (node->count == 0)
		return schema_fail(reader, node, "is empty; expected at least one interface");
	for (const struct node *child = node->first; child; child = child->next) {
		struct config_interface *interface = &config->interface[config->interfaces];

		r = read_entry(reader, &entry, child, interface);
		if (r < 0)
			return r;
		for (size_t i = 0; i < config->interfaces; i++)
			if (!strcmp(config->interface[i].name, interface->name))
				return named_twice(reader, child, nodes[i], interface->name);
		nodes[config->interfaces++] = child;
	}
	return 0;
}

/* Tier 0 is what clients are that no prefix names: prefixes of its own would say nothing. */
static int check_tier(struct reader *reader, const struct node *node, size_t number)
{
	const struct config *config = reader->config;
	const struct node *prefixes = node_get(node, "prefixes");

	for (size_t i = 0; i < number; i++)
		if (!strcmp(config->tier[i].name, config->tier[number].name))
			return named_twice(reader, node, reader->tier[i],
					   config->tier[number].name);
	if (number == WEIR_TIER_DEFAULT && prefixes)
		return schema_fail(reader, prefixes,
				   "the first tier is the default one, for whoever is in no other; "
				   "expected no prefixes (or another tier listed before it)");
	return 0;
}

int read_tiers(struct reader *reader, const struct field *field, const struct node *node,
	       void *into)
{
	const struct field entry = {.expected =
					    "a mapping such as {name: partner, prefixes: [...]}",
				    .inside = field->inside};
	struct config *config = into;
	int r;

	if (want_length(reader, field, node, WEIR_TIERS) < 0)
		return -EINVAL;
	if (node->count == 0)
		return schema_fail(reader, node,
				   "is empty; expected at least one tier, or no `tiers`");
	config->tiers = 0;
	for (const struct node *child = node->first; child; child = child->next) {
		size_t number = config->tiers++;

		memset(&config->tier[number], 0, sizeof(config->tier[number]));
		reader->tier[number] = child;
		r = read_entry(reader, &entry, child, &config->tier[number]);
		if (r < 0)
			return r;
		r = check_tier(reader, child, number);
		if (r < 0)
			return r;
	}
	return 0;
}

static uint8_t shorter(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/* Parent prefixes judge a group of clients, so they cannot be longer than one client's. */
static int finish_parent(struct reader *reader, const struct node *node, const char *family,
			 uint8_t client, uint8_t fallback, uint8_t *parent)
{
	const struct node *map = node_get(node, "parent_prefix");

	if (*parent == PARENT_UNSET)
		*parent = shorter(fallback, client);
	if (*parent > client)
		return schema_fail(
			reader, node_get(map, family),
			"%u is longer than the client prefix, which is %u; expected at most %u",
			*parent, client, client);
	return 0;
}

static int check_match(struct reader *reader, const struct node *node,
		       const struct config_service *service, bool other)
{
	const struct node *match = node_get(node, "match");
	const struct node *destinations = node_get(node, "destinations");

	if (other && (match || destinations))
		return schema_fail(
			reader, match ? match : destinations,
			"the service `other` takes what no other service matches; expected "
			"no `match` and no `destinations` here");
	if (!other && !match)
		return schema_missing(reader, node, "match", "a list such as [tcp/80]");
	if (!other && service->matches == 0)
		return schema_fail(reader, match,
				   "is empty; expected at least one match such as tcp/80");
	return 0;
}

/* Flows have ports. `other` may see some, whatever is left. */
static int finish_latency(struct reader *reader, const struct node *node,
			  struct config_service *service)
{
	const struct node *latency = node_get(node, "latency");
	bool ports = service->matches == 0;

	for (size_t i = 0; i < service->matches; i++)
		ports |= service->match[i].protocol == IPPROTO_TCP ||
			 service->match[i].protocol == IPPROTO_UDP;
	if (!latency)
		service->latency = ports;
	if (service->latency && !ports)
		return schema_fail(
			reader, latency,
			"is true, but only TCP and UDP are followed, and service `%s` matches "
			"neither; expected false",
			service->name);
	return 0;
}

static int finish_service(struct reader *reader, const struct node *node, size_t number)
{
	const struct config *config = reader->config;
	struct config_service *service = &reader->config->service[number];
	int r;

	for (size_t i = 0; i < config->services; i++)
		if (i != number && reader->service[i] &&
		    !strcmp(config->service[i].name, service->name))
			return named_twice(reader, node, reader->service[i], service->name);
	r = check_match(reader, node, service, number == WEIR_SERVICE_OTHER);
	if (r < 0)
		return r;
	r = finish_latency(reader, node, service);
	if (r < 0)
		return r;
	r = finish_parent(reader, node, "ipv4", service->client_ipv4, 24, &service->parent_ipv4);
	if (r < 0)
		return r;
	return finish_parent(reader, node, "ipv6", service->client_ipv6, 48, &service->parent_ipv6);
}

/* Where this service goes: `other` has a place of its own, wherever it stands in the file. */
static int place_service(struct reader *reader, const struct node *node, size_t *out)
{
	const struct node *name = node->kind == NODE_MAP ? node_get(node, "name") : NULL;
	struct config *config = reader->config;

	if (name && name->kind == NODE_TEXT && !strcmp(name->text, "other")) {
		if (reader->service[WEIR_SERVICE_OTHER])
			return named_twice(reader, node, reader->service[WEIR_SERVICE_OTHER],
					   "other");
		*out = WEIR_SERVICE_OTHER;
	} else if (config->services == WEIR_SERVICES) {
		return schema_fail(reader, node,
				   "is one service too many; expected at most %u besides "
				   "`other`",
				   WEIR_SERVICES - 1);
	} else {
		*out = config->services++;
	}
	reader->service[*out] = node;
	return 0;
}

int read_services(struct reader *reader, const struct field *field, const struct node *node,
		  void *into)
{
	const struct field entry = {.expected = "a mapping such as {name: web, match: [tcp/80]}",
				    .inside = field->inside};
	struct config *config = into;
	int r;

	if (schema_want(reader, field, node, NODE_LIST) < 0)
		return -EINVAL;
	for (const struct node *child = node->first; child; child = child->next) {
		size_t number = 0;

		r = place_service(reader, child, &number);
		if (r < 0)
			return r;
		r = read_entry(reader, &entry, child, &config->service[number]);
		if (r < 0)
			return r;
		r = finish_service(reader, child, number);
		if (r < 0)
			return r;
	}
	return 0;
}
