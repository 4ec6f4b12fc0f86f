/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/config/match.h"
#include "user/config/prefix.h"
#include "user/config/reader.h"

/* One prefix and where it came from */
struct origin {
	struct config_prefix prefix;
	const struct node *node;
	unsigned int list; /* tier number, or one of: */
};
#define LIST_DENY WEIR_TIERS
#define LIST_ALLOW (WEIR_TIERS + 1)

struct origins {
	struct origin *at;
	size_t count;
};

static void cleanup_origins(struct origins *origins)
{
	free(origins->at);
}

/* By place in the file, so that it is the later of two that is refused */
static int compare_places(const struct node *a, const struct node *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->parent->line != b->parent->line)
		return a->parent->line < b->parent->line ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int compare_origins(const void *left, const void *right)
{
	const struct origin *a = left, *b = right;
	int order = prefix_compare(&a->prefix, &b->prefix);

	return order ? order : compare_places(a->node, b->node);
}

/* The nodes of a list lie in the order in which its prefixes were read. */
static void gather(struct origins *out, const struct config_prefixes *prefixes,
		   const struct node *list, unsigned int number)
{
	const struct node *node = list ? list->first : NULL;

	for (size_t i = 0; i < prefixes->count && node; i++, node = node->next)
		out->at[out->count++] = (struct origin){prefixes->at[i], node, number};
}

static const char *list_name(const struct config *config, unsigned int list)
{
	return list == LIST_DENY ? "deny" : list == LIST_ALLOW ? "allow" : config->tier[list].name;
}

/* Twice in the same list, in two tiers, or both denied and allowed. In a tier and allowed is fine. */
static int check_pair(struct reader *reader, const struct origin *first,
		      const struct origin *second)
{
	char text[PREFIX_TEXT];

	if ((first->list < WEIR_TIERS) != (second->list < WEIR_TIERS))
		return 0;
	config_format_prefix(&second->prefix, text, sizeof(text));
	if (first->list == second->list)
		return schema_fail(reader, second->node,
				   "%s is there twice, first on line %u; expected it once", text,
				   first->node->line);
	if (second->list >= WEIR_TIERS)
		return schema_fail(reader, second->node,
				   "%s is also in `%s`, on line %u; expected it in one of them",
				   text, list_name(reader->config, first->list), first->node->line);
	return schema_fail(
		reader, second->node,
		"%s is in tier `%s` and, on line %u, in tier `%s`; expected it in one tier", text,
		list_name(reader->config, second->list), first->node->line,
		list_name(reader->config, first->list));
}

/* The service whose clients are cut shortest, by family */
static size_t shortest_clients(const struct config *config, bool ipv4)
{
	size_t least = 0;

	for (size_t i = 1; i < config->services; i++) {
		const struct config_service *a = &config->service[i], *b = &config->service[least];

		if (ipv4 ? a->client_ipv4 < b->client_ipv4 : a->client_ipv6 < b->client_ipv6)
			least = i;
	}
	return least;
}

/* A client is looked up by its address cut to the client prefix: nothing longer can ever hold it. */
static int check_lengths(struct reader *reader, const struct origins *all)
{
	const struct config *config = reader->config;
	const struct config_service *ipv4 = &config->service[shortest_clients(config, true)];
	const struct config_service *ipv6 = &config->service[shortest_clients(config, false)];

	for (size_t i = 0; i < all->count; i++) {
		const struct config_prefix *prefix = &all->at[i].prefix;
		bool is_ipv4 = prefix_is_ipv4(prefix->addr, prefix->length);
		const struct config_service *service = is_ipv4 ? ipv4 : ipv6;
		unsigned int most = is_ipv4 ? ipv4->client_ipv4 : ipv6->client_ipv6;
		unsigned int length = prefix->length - (is_ipv4 ? 96u : 0);
		char text[PREFIX_TEXT];

		if (length > most)
			return schema_fail(
				reader, all->at[i].node,
				"%s is /%u, but the clients of service `%s` are /%u; expected at "
				"most /%u, or a longer `client_prefix` in that service",
				config_format_prefix(prefix, text, sizeof(text)), length,
				service->name, most, most);
	}
	return 0;
}

static int check_prefixes(struct reader *reader)
{
	const struct config *config = reader->config;
	size_t total = config->deny.count + config->allow.count;
	_cleanup_(cleanup_origins) struct origins all = {};

	for (size_t i = 0; i < config->tiers; i++)
		total += config->tier[i].prefixes.count;
	if (total > WEIR_PREFIXES)
		return schema_fail(reader, reader->root,
				   "has %zu prefixes in tiers, deny and allow; expected at most %u",
				   total, WEIR_PREFIXES);
	all.at = calloc(total + 1, sizeof(*all.at));
	if (!all.at)
		return schema_no_memory(reader, reader->root);
	for (unsigned int i = 0; i < config->tiers; i++)
		if (reader->tier[i])
			gather(&all, &config->tier[i].prefixes,
			       node_get(reader->tier[i], "prefixes"), i);
	gather(&all, &config->deny, node_get(reader->root, "deny"), LIST_DENY);
	gather(&all, &config->allow, node_get(reader->root, "allow"), LIST_ALLOW);
	if (check_lengths(reader, &all) < 0)
		return -EINVAL;
	qsort(all.at, all.count, sizeof(*all.at), compare_origins);
	/* A run of equal prefixes is short: its third member at the latest is an error. */
	for (size_t i = 0; i < all.count; i++)
		for (size_t j = i + 1;
		     j < all.count && !prefix_compare(&all.at[i].prefix, &all.at[j].prefix); j++)
			if (check_pair(reader, &all.at[i], &all.at[j]) < 0)
				return -EINVAL;
	return 0;
}

/* One match and where it came from */
struct claim {
	struct config_match match;
	unsigned int service;
	const struct node *node;
};

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = match_compare(&a->match, &b->match);

	return order ? order : compare_places(a->node, b->node);
}

static int compare_prefixes(const void *left, const void *right)
{
	return prefix_compare(left, right);
}

/*
 * Both without destinations, or with one prefix in common (*common). One inside the other is fine: the
 * longer one wins. The lists are sorted.
 */
static bool same_destinations(const struct config_prefixes *a, const struct config_prefixes *b,
			      const struct config_prefix **common)
{
	size_t i = 0, j = 0;

	*common = NULL;
	if (a->count == 0 || b->count == 0)
		return a->count == b->count;
	while (i < a->count && j < b->count) {
		int order = prefix_compare(&a->at[i], &b->at[j]);

		if (order == 0) {
			*common = &a->at[i];
			return true;
		}
		i += order < 0;
		j += order > 0;
	}
	return false;
}

/* Sorted copies of each service's destinations, and which pairs have been found to be apart */
struct overlap {
	struct config_prefixes destinations[WEIR_SERVICES];
	bool apart[WEIR_SERVICES][WEIR_SERVICES];
};

static void cleanup_overlap(struct overlap **overlap)
{
	for (size_t i = 0; *overlap && i < WEIR_SERVICES; i++)
		free((*overlap)->destinations[i].at);
	free(*overlap);
}

static int check_claims(struct reader *reader, struct overlap *overlap, const struct claim *a,
			const struct claim *b)
{
	bool in_order = compare_places(a->node, b->node) < 0;
	const struct claim *first = in_order ? a : b, *second = in_order ? b : a;
	char text[WEIR_MATCH_TEXT], prefix[PREFIX_TEXT] = "any destination";
	const struct config_prefix *common;

	if (overlap->apart[first->service][second->service])
		return 0;
	match_format(&second->match, text, sizeof(text));
	if (first->service == second->service)
		return schema_fail(reader, second->node,
				   "%s overlaps %s on line %u; expected each port once", text,
				   quote(first->node->text).text, first->node->line);
	if (same_destinations(&overlap->destinations[first->service],
			      &overlap->destinations[second->service], &common)) {
		if (common)
			config_format_prefix(common, prefix, sizeof(prefix));
		return schema_fail(
			reader, second->node,
			"%s at %s is already matched by service `%s` on line %u; expected "
			"other ports, or other `destinations`",
			text, prefix, reader->config->service[first->service].name,
			first->node->line);
	}
	overlap->apart[first->service][second->service] = true;
	overlap->apart[second->service][first->service] = true;
	return 0;
}

/*
 * In order of first ports, what is open at each claim are those before it that reach as far. A service
 * overlapping itself ends it, so that no more than one for each service is open.
 */
static int sweep_claims(struct reader *reader, struct overlap *overlap, const struct claim *claims,
			size_t count)
{
	const struct claim *open[WEIR_SERVICES];
	size_t opened = 0;

	for (size_t i = 0; i < count; i++) {
		const struct claim *claim = &claims[i];
		size_t kept = 0;

		for (size_t j = 0; j < opened; j++) {
			if (open[j]->match.protocol != claim->match.protocol ||
			    open[j]->match.last < claim->match.first)
				continue;
			if (check_claims(reader, overlap, open[j], claim) < 0)
				return -EINVAL;
			open[kept++] = open[j];
		}
		open[kept++] = claim;
		opened = kept;
	}
	return 0;
}

static int destination_twice(struct reader *reader, const struct node *service,
			     const struct config_prefix *prefix)
{
	char text[PREFIX_TEXT];

	return schema_fail(reader, node_get(service, "destinations"),
			   "%s is there twice; expected it once",
			   config_format_prefix(prefix, text, sizeof(text)));
}

static int sort_destinations(struct reader *reader, struct overlap *overlap)
{
	const struct config *config = reader->config;
	size_t total = 0;

	for (size_t i = 0; i < config->services; i++)
		total += config->service[i].destinations.count;
	if (total > CONFIG_DESTINATIONS_MAX)
		return schema_fail(reader, node_get(reader->root, "services"),
				   "have %zu destinations; expected at most %u", total,
				   CONFIG_DESTINATIONS_MAX);
	for (size_t i = 0; i < config->services; i++) {
		const struct config_prefixes *from = &config->service[i].destinations;
		struct config_prefixes *to = &overlap->destinations[i];

		if (from->count == 0)
			continue;
		to->at = malloc(from->count * sizeof(*to->at));
		if (!to->at)
			return schema_no_memory(reader, reader->root);
		memcpy(to->at, from->at, from->count * sizeof(*to->at));
		to->count = from->count;
		qsort(to->at, to->count, sizeof(*to->at), compare_prefixes);
		for (size_t j = 1; j < to->count; j++)
			if (!prefix_compare(&to->at[j - 1], &to->at[j]))
				return destination_twice(reader, reader->service[i], &to->at[j]);
	}
	return 0;
}

static int gather_claims(struct reader *reader, struct claim **out, size_t *count)
{
	const struct config *config = reader->config;
	struct claim *claims;
	size_t total = 0;

	for (size_t i = 0; i < config->services; i++)
		total += config->service[i].matches;
	claims = calloc(total + 1, sizeof(*claims));
	if (!claims)
		return schema_no_memory(reader, reader->root);
	*count = 0;
	for (unsigned int i = 1; i < config->services; i++) {
		const struct config_service *service = &config->service[i];
		const struct node *node = node_get(reader->service[i], "match")->first;

		for (size_t j = 0; j < service->matches; j++, node = node->next)
			claims[(*count)++] = (struct claim){service->match[j], i, node};
	}
	qsort(claims, *count, sizeof(*claims), compare_claims);
	*out = claims;
	return 0;
}

/* A match that lies within a protected one would be read, limited and never applied. */
static int check_protected(struct reader *reader, const struct claim *claims, size_t count)
{
	const struct config *config = reader->config;
	char text[WEIR_MATCH_TEXT];

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < config->protecteds; j++) {
			const struct config_match *protected = &config->protected[j];

			if (protected->protocol != claims[i].match.protocol ||
			    protected->first > claims[i].match.first ||
			    protected->last < claims[i].match.last)
				continue;
			match_format(protected, text, sizeof(text));
			return schema_fail(
				reader, claims[i].node,
				"limits would never apply here, %s is in `protected_ports`%s; "
				"expected another port, or protected_ports without it",
				text,
				node_get(reader->root, "protected_ports") ? "" : " by default");
		}
	}
	return 0;
}

static int compare_sets(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/*
 * The kernel gives each port a class, and a class stands for one set of services (abi/config.h). The
 * services of a port as bits of one word: how many different words are there?
 */
#define SETS (65536 + 65536 + 256)
_Static_assert(WEIR_SERVICES <= 64, "a set of services is one word");

static int check_classes(struct reader *reader, const struct claim *claims, size_t count)
{
	_cleanup_free_ uint64_t *sets = NULL;
	size_t different = 1, runs = 1;

	/* Sets change only where a claim begins or ends */
	if (2 * count + 1 <= WEIR_CLASS_PROTECTED)
		return 0;
	sets = calloc(SETS, sizeof(*sets));
	if (!sets)
		return schema_no_memory(reader, reader->root);
	for (size_t i = 0; i < count; i++) {
		const struct config_match *match = &claims[i].match;
		size_t base = match->protocol == IPPROTO_TCP   ? 0
			      : match->protocol == IPPROTO_UDP ? 65536
							       : 131072 + match->protocol;

		for (size_t port = match->first; port <= match->last; port++)
			sets[base + port] |= 1ULL << claims[i].service;
	}
	for (size_t i = 1; i < SETS; i++) /* neighbours are mostly alike: little is left to sort */
		if (sets[i] != sets[runs - 1])
			sets[runs++] = sets[i];
	qsort(sets, runs, sizeof(*sets), compare_sets);
	for (size_t i = 1; i < runs; i++)
		different += sets[i] != sets[i - 1];
	if (different > WEIR_CLASS_PROTECTED)
		return schema_fail(
			reader, node_get(reader->root, "services"),
			"overlap in %zu different ways from port to port; expected at most %u",
			different, WEIR_CLASS_PROTECTED);
	return 0;
}

static void cleanup_claims(struct claim **claims)
{
	free(*claims);
}

static int check_services(struct reader *reader)
{
	_cleanup_(cleanup_overlap) struct overlap *overlap = calloc(1, sizeof(*overlap));
	_cleanup_(cleanup_claims) struct claim *claims = NULL;
	size_t count = 0;
	int r;

	if (!overlap)
		return schema_no_memory(reader, reader->root);
	r = gather_claims(reader, &claims, &count);
	if (r < 0)
		return r;
	r = sort_destinations(reader, overlap);
	if (r < 0)
		return r;
	r = sweep_claims(reader, overlap, claims, count);
	if (r < 0)
		return r;
	r = check_protected(reader, claims, count);
	if (r < 0)
		return r;
	return check_classes(reader, claims, count);
}

static int check_series(struct reader *reader)
{
	const struct config *config = reader->config;
	size_t series = config->interfaces * config->services * config->tiers;

	/* Series 0 is for what belongs to none */
	if (series >= WEIR_SERIES)
		return schema_fail(
			reader, reader->root,
			"counts %zu x %zu x %zu (interfaces, services, tiers) = %zu ways; "
			"expected at most %u",
			config->interfaces, config->services, config->tiers, series,
			WEIR_SERIES - 1);
	return 0;
}

int check_config(struct reader *reader)
{
	int r;

	r = check_prefixes(reader);
	if (r < 0)
		return r;
	r = check_services(reader);
	if (r < 0)
		return r;
	r = check_series(reader);
	if (r < 0)
		return r;
	return check_breakers(reader);
}
