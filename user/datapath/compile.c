// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/compile.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi/share.h"
#include "user/base/bounds.h"
#include "user/base/prefix.h"
#include "user/config/limit.h"
#include "user/datapath/prefixes.h"

/* ------------------------------------------------------------------------- services and limits */

/* A prefix length as two words of wire order */
static void mask(u64 out[2], unsigned int length)
{
	uint8_t bytes[16];

	memset(bytes, 0xff, sizeof(bytes));
	prefix_cut(bytes, length);
	memcpy(out, bytes, sizeof(bytes));
}

uint32_t chunk_of(struct weir_limit *limit, enum weir_unit unit, uint32_t cpus)
{
	unsigned int shift = unit == WEIR_UNIT_BYTES ? WEIR_BYTE_COST_SHIFT : 0;
	uint64_t cost = (limit->cost >> shift) + 1;
	uint64_t chunk = limit->burst / cost / (8ull * cpus);

	if (chunk > WEIR_TICKS_PER_SEC / 1000 / cost)
		chunk = WEIR_TICKS_PER_SEC / 1000 / cost;
	if (chunk > UINT32_MAX)
		chunk = UINT32_MAX;
	if (chunk <= 1)
		return 1;
	limit->burst -= chunk * cpus * cost;
	return (uint32_t)chunk;
}

static bool limitless(const struct config_service *service, const struct config *config)
{
	for (size_t t = 0; t < config->tiers; t++)
		if (service->rule[t].limits || service->rule[t].groups)
			return false;
	return true;
}

static void compile_service(const struct config_service *service, const struct config *config,
			    uint32_t cpus, struct weir_service *out)
{
	const struct config_limit guard = {.unit = WEIR_UNIT_CONNECTIONS,
					   .amount = service->new_clients,
					   .period_ns = 1000000000,
					   .burst = service->new_clients};

	if (service->observe)
		out->flags |= WEIR_SERVICE_OBSERVE;
	if (service->reject)
		out->flags |= WEIR_SERVICE_REJECT;
	if (limitless(service, config))
		out->flags |= WEIR_SERVICE_UNTRACKED;
	if (config->latency && service->latency)
		out->flags |= WEIR_SERVICE_LATENCY;
	for (size_t t = 0; t < config->tiers; t++)
		if (service->rule[t].groups)
			out->flags |= WEIR_SERVICE_GROUPS;
	mask(out->mask[0], 96u + service->client_ipv4);
	mask(out->mask[1], service->client_ipv6);
	mask(out->parent_mask[0], 96u + service->parent_ipv4);
	mask(out->parent_mask[1], service->parent_ipv6);
	out->guard_chunk = 1;
	if (service->new_clients) {
		out->flags |= WEIR_SERVICE_GUARD;
		config_limit_ticks(&guard, &out->guard);
		out->guard_chunk = chunk_of(&out->guard, guard.unit, cpus);
	}
}

/* What a limit of a cluster begins with is its even share. */
static void compile_limit(const struct config_limit *limit, uint32_t nodes, struct weir_limit *out)
{
	config_even_ticks(limit, limit->cluster ? nodes : 1, out);
}

static void compile_rule(const struct config_rule *rule, bool unlimited, uint32_t cpus,
			 uint32_t nodes, struct weir_rule *out)
{
	if (unlimited)
		out->flags |= WEIR_RULE_UNLIMITED;
	out->limits = (u8)rule->limits;
	for (size_t i = 0; i < rule->limits; i++) {
		out->unit[i] = (u8)rule->limit[i].unit;
		out->cluster |= rule->limit[i].cluster ? (u8)(1U << i) : 0;
		compile_limit(&rule->limit[i], nodes, &out->limit[i]);
	}
	out->groups = (u8)rule->groups;
	for (size_t i = 0; i < rule->groups; i++) {
		out->group_unit[i] = (u8)rule->group[i].unit;
		out->cluster |= rule->group[i].cluster ? (u8)WEIR_CLUSTER_GROUP(i) : 0;
		compile_limit(&rule->group[i], nodes, &out->group[i]);
		out->chunk[i] = chunk_of(&out->group[i], rule->group[i].unit, cpus);
	}
}

/*
 * Before the first answer of Redis nobody knows how many nodes there are. To begin with the whole limit would multiply it by them when all start
 * at once; with too little, it is a matter of milliseconds.
 */
static uint32_t nodes_of(const struct config *config, const struct weir_state *state)
{
	if (state->nodes)
		return state->nodes;
	return config->cluster.enabled ? LIMIT_CLUSTER_NODES : 1;
}

static int compile_rules(const struct config *config, uint32_t cpus, struct weir_state *state,
			 struct compiled *out, struct datapath_error *error)
{
	const struct numbers *numbers = &out->numbers;
	uint32_t nodes = nodes_of(config, state);

	for (size_t s = 0; s < config->services; s++) {
		uint32_t service = numbers->service[s];

		compile_service(&config->service[s], config, cpus, &out->side->service[service]);
		for (size_t t = 0; t < config->tiers; t++) {
			uint32_t tier = numbers->tier[t];
			struct weir_rule *rule = &out->side->rule[service * WEIR_TIERS + tier];

			compile_rule(&config->service[s].rule[t], config->tier[t].unlimited, cpus,
				     nodes, rule);
			for (size_t i = 0; i < config->interfaces; i++) {
				uint32_t interface = numbers->interface[i];
				uint32_t series =
					names_series(state, interface, service, tier, out->fresh);

				if (!series) {
					snprintf(
						error->text, sizeof(error->text),
						"%zu interfaces x %zu services x %zu tiers are more than "
						"the %d counter series there are; use fewer",
						config->interfaces, config->services, config->tiers,
						WEIR_SERIES - 1);
					return -E2BIG;
				}
				rule->series[interface] = (u16)series;
			}
		}
	}
	return 0;
}

/* ----------------------------------------------------------------------------- services by port */

/*
 * The set of services bound to a port, as bits by index in config.service; ports with the same set
 * are of one class. Class 0: none.
 */
struct classes {
	uint64_t set[WEIR_CLASSES];
	uint32_t count;
};

static int class_of(struct classes *classes, uint64_t set)
{
	for (uint32_t i = 0; i < classes->count; i++)
		if (classes->set[i] == set)
			return (int)i;
	if (classes->count == WEIR_CLASS_PROTECTED)
		return -E2BIG;
	classes->set[classes->count] = set;
	return (int)classes->count++;
}

struct ports {
	uint64_t tcp[65536];
	uint64_t udp[65536];
	uint64_t protocol[256];
};

#define PROTECTED_BIT \
	(1ull << 63) /* config.service[63] can not be: services are at most 64 with `other` first */

static void mark(struct ports *ports, const struct config_match *match, uint64_t bit)
{
	uint64_t *table = match->protocol == IPPROTO_TCP   ? ports->tcp
			  : match->protocol == IPPROTO_UDP ? ports->udp
							   : NULL;

	if (!table) {
		ports->protocol[match->protocol] |= bit;
		return;
	}
	for (uint32_t port = match->first; port <= match->last; port++)
		table[port] |= bit;
}

static int classify(struct classes *classes, const uint64_t *sets, size_t count, uint8_t *out)
{
	for (size_t i = 0; i < count; i++) {
		int class = sets[i] & PROTECTED_BIT ? WEIR_CLASS_PROTECTED
						    : class_of(classes, sets[i]);

		if (class < 0)
			return class;
		out[i] = (uint8_t) class;
	}
	return 0;
}

/* The service of a set that is bound to no destination; `other` if there is none. */
static uint32_t anywhere(const struct config *config, const struct numbers *numbers, uint64_t set)
{
	for (size_t s = 1; s < config->services; s++)
		if (set >> (s - 1) & 1 && !config->service[s].destinations.count)
			return numbers->service[s];
	return WEIR_SERVICE_OTHER;
}

static int compile_ports(const struct config *config, struct compiled *out, struct classes *classes)
{
	struct ports *ports = calloc(1, sizeof(*ports));
	int error;

	if (!ports)
		return -ENOMEM;
	for (size_t s = 1; s < config->services; s++)
		for (size_t m = 0; m < config->service[s].matches; m++)
			mark(ports, &config->service[s].match[m], 1ull << (s - 1));
	for (size_t m = 0; m < config->protecteds; m++)
		mark(ports, &config->protected[m], PROTECTED_BIT);
	classes->count = 1; /* class 0 is the empty set */
	error = classify(classes, ports->tcp, 65536, out->side->class_tcp);
	if (!error)
		error = classify(classes, ports->udp, 65536, out->side->class_udp);
	if (!error)
		error = classify(classes, ports->protocol, 256, out->side->class_protocol);
	for (uint32_t c = 0; c < classes->count; c++)
		out->side->class_service[c] = (u8)anywhere(config, &out->numbers, classes->set[c]);
	free(ports);
	return error;
}

/* ----------------------------------------------------------------------------------- destinations */

static int compare_destinations(const void *a, const void *b)
{
	return key_compare(&((const struct destination_entry *)a)->key,
			   &((const struct destination_entry *)b)->key);
}

/* The service of a class at a destination: the one with the longest prefix that covers it */
static uint8_t winner(const struct config *config, const struct numbers *numbers, uint64_t set,
		      const struct weir_prefix_key *at, uint8_t otherwise)
{
	int longest = -1;

	for (size_t s = 1; s < config->services; s++) {
		const struct config_prefixes *prefixes = &config->service[s].destinations;

		for (size_t i = 0; set >> (s - 1) & 1 && i < prefixes->count; i++) {
			struct weir_prefix_key key = {.length = prefixes->at[i].length};

			memcpy(key.addr, prefixes->at[i].addr, sizeof(key.addr));
			if (key_covers(&key, at) && (int)key.length > longest &&
			    !(key_hides_ipv4(&key) && key_covers(&key_ipv4, at))) {
				longest = (int)key.length;
				otherwise = (uint8_t)numbers->service[s];
			}
		}
	}
	return otherwise;
}

static int compile_destinations(const struct config *config, const struct classes *classes,
				struct compiled *out)
{
	size_t most = 0, count = 0;
	bool hidden = false;

	for (size_t s = 1; s < config->services; s++)
		most += config->service[s].destinations.count;
	if (!most)
		return 0;
	out->destinations = calloc(most + 1, sizeof(*out->destinations));
	if (!out->destinations)
		return -ENOMEM;
	for (size_t s = 1; s < config->services; s++)
		for (size_t i = 0; i < config->service[s].destinations.count; i++) {
			struct weir_prefix_key *key = &out->destinations[count++].key;

			key->length = config->service[s].destinations.at[i].length;
			memcpy(key->addr, config->service[s].destinations.at[i].addr, 16);
			hidden |= key_hides_ipv4(key);
		}
	if (hidden) /* an entry for all of IPv4, where no IPv6 prefix wins */
		out->destinations[count++].key = key_ipv4;
	qsort(out->destinations, count, sizeof(*out->destinations), compare_destinations);
	for (size_t i = 0; i < count; i++) {
		struct destination_entry *entry = &out->destinations[out->destination_count];

		if (i && !key_compare(&entry[-1].key, &out->destinations[i].key))
			continue;
		entry->key = out->destinations[i].key;
		for (uint32_t c = 0; c < classes->count; c++)
			entry->value.service[c] = winner(config, &out->numbers, classes->set[c],
							 &entry->key, out->side->class_service[c]);
		out->destination_count++;
	}
	out->side->flags |= WEIR_SIDE_DESTINATIONS;
	return 0;
}

/* Where no service is bound to destinations, classes are replaced by the services they stand for. */
static void classes_to_services(struct weir_side *side, uint8_t *classes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (classes[i] != WEIR_CLASS_PROTECTED)
			classes[i] = side->class_service[classes[i]];
}

/* ------------------------------------------------------------------------------ upstreams, latency */

/* Also where the breaker is off there is a gate: an operator may close it. */
static void compile_endpoint(const struct config_upstream *upstream, uint32_t number,
			     struct weir_endpoint *out)
{
	const struct config_breaker *breaker = &upstream->breaker;

	out->flags = WEIR_ENDPOINT_USED | WEIR_ENDPOINT_BREAKER |
		     (upstream->http ? WEIR_ENDPOINT_HTTP : 0) |
		     (breaker->reset ? WEIR_ENDPOINT_RESET : 0) |
		     (breaker->mode == BREAKER_OBSERVE ? WEIR_ENDPOINT_OBSERVE : 0);
	out->upstream = (u8)number;
	out->slow_ns = upstream->slow_ns;
	out->answer_timeout_ns = upstream->answer_timeout_ns;
}

/* Without latency no flow is followed, and no endpoint asked for: only the bounds stay, and with them the bank. */
static void compile_upstreams(const struct config *config, struct compiled *out)
{
	struct bounds bounds;
	size_t count = 0;

	bounds_make(config->bucket_ns, config->buckets, &bounds);
	out->side->bounds = (u32)bounds.count;
	memcpy(out->side->bound_ns, bounds.ns, sizeof(out->side->bound_ns));
	for (size_t u = 0; config->latency && u < config->upstreams; u++)
		for (size_t e = 0; e < config->upstream[u].endpoints; e++, count++)
			compile_endpoint(&config->upstream[u], out->numbers.upstream[u],
					 &out->side->endpoint[out->numbers.endpoint[count]]);
	if (count)
		out->side->flags |= WEIR_SIDE_ENDPOINTS;
}

/* -------------------------------------------------------------------------------------- the whole */

int compile(const struct config *config, uint32_t cpus, const uint32_t *ifindex,
	    struct weir_state *state, struct compiled *out, struct datapath_error *error)
{
	struct classes classes = {};
	int result;

	memset(out, 0, sizeof(*out));
	out->side = calloc(1, sizeof(*out->side));
	if (!out->side) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	names_assign(state, config, &out->numbers);
	names_forget_series(state, config, &out->numbers);
	for (size_t i = 0; i < config->interfaces; i++)
		out->side->ifindex[out->numbers.interface[i]] = ifindex[i];
	out->side->interfaces = (u32)config->interfaces;
	compile_upstreams(config, out);
	result = compile_rules(config, cpus, state, out, error);
	if (result)
		return result;
	result = compile_ports(config, out, &classes);
	if (!result)
		result = compile_destinations(config, &classes, out);
	if (!result && !(out->side->flags & WEIR_SIDE_DESTINATIONS)) {
		classes_to_services(out->side, out->side->class_tcp, 65536);
		classes_to_services(out->side, out->side->class_udp, 65536);
		classes_to_services(out->side, out->side->class_protocol, 256);
	}
	if (result == -E2BIG)
		snprintf(
			error->text, sizeof(error->text),
			"the services share their ports in more than %d ways; bind fewer of them to "
			"the same ports",
			WEIR_CLASS_PROTECTED);
	else if (result)
		snprintf(error->text, sizeof(error->text), "out of memory");
	return result;
}

void compiled_free(struct compiled *compiled)
{
	free(compiled->side);
	free(compiled->destinations);
	compiled->side = NULL;
	compiled->destinations = NULL;
}
