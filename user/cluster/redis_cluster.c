// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_cluster.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"

static void free_node(struct redis_link *link)
{
	redis_link_close(link);
	free(link);
}

void redis_cluster_release(struct redis_cluster *cluster)
{
	for (size_t i = 0; i < cluster->nodes; i++)
		free_node(cluster->node[i]);
	free(cluster->node);
	*cluster = (struct redis_cluster){};
}

/* Its index, now if not before; -1 without memory */
static int find_node(struct redis_cluster *cluster, const char *host, uint16_t port)
{
	struct redis_place place = {.port = port};
	struct redis_link **grown, *link;

	snprintf(place.host, sizeof(place.host), "%s", host);
	for (size_t i = 0; i < cluster->nodes; i++)
		if (redis_place_same(&cluster->node[i]->place, &place))
			return (int)i;
	if (cluster->nodes >= UINT16_MAX - 1)
		return -1;
	grown = reallocarray(cluster->node, cluster->nodes + 1, sizeof(struct redis_link *));
	if (!grown)
		return -1;
	cluster->node = grown;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -1;
	redis_link_init(link, &place);
	cluster->node[cluster->nodes] = link;
	return (int)cluster->nodes++;
}

/* ---------------------------------------------------------------------------------------- the map */

/* [first slot, last slot, [host, port, ...] of the master, replicas ...]. `from` said so: no host is its own. */
static bool read_range(struct redis_cluster *cluster, const struct redis_link *from,
		       const struct redisReply *range, uint16_t *owner)
{
	const struct redisReply *master, *host;
	long long first, last;
	int node;

	if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 ||
	    range->element[0]->type != REDIS_REPLY_INTEGER ||
	    range->element[1]->type != REDIS_REPLY_INTEGER)
		return false;
	first = range->element[0]->integer;
	last = range->element[1]->integer;
	master = range->element[2];
	if (first < 0 || last >= REDIS_SLOTS || first > last || master->type != REDIS_REPLY_ARRAY ||
	    master->elements < 2 || master->element[1]->type != REDIS_REPLY_INTEGER ||
	    master->element[1]->integer < 1 || master->element[1]->integer > UINT16_MAX)
		return false;
	host = master->element[0];
	if (host->str && strlen(host->str) >= REDIS_HOST)
		return false;
	node = find_node(cluster, host->str && *host->str ? host->str : from->place.host,
			 (uint16_t)master->element[1]->integer);
	if (node < 0)
		return false;
	for (long long slot = first; slot <= last; slot++)
		owner[slot] = (uint16_t)(node + 1);
	return true;
}

/* Nodes without a slot go, and with them the indices change. */
static void drop_idle(struct redis_cluster *cluster)
{
	uint16_t *renamed = calloc(cluster->nodes + 1, sizeof(*renamed));
	size_t kept = 0;

	if (!renamed)
		return; /* then they stay: no harm but their memory */
	for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
		renamed[cluster->owner[slot]] = 1;
	renamed[0] = 0;
	for (size_t i = 0; i < cluster->nodes; i++) {
		if (!renamed[i + 1]) {
			free_node(cluster->node[i]);
			continue;
		}
		cluster->node[kept++] = cluster->node[i];
		renamed[i + 1] = (uint16_t)kept;
	}
	cluster->nodes = kept;
	for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
		cluster->owner[slot] = renamed[cluster->owner[slot]];
	free(renamed);
}

static enum redis_state read_map(struct redis_cluster *cluster, const struct redis_link *from,
				 const struct redisReply *reply, struct redis_fault *fault)
{
	uint16_t *owner;
	bool good = reply->type == REDIS_REPLY_ARRAY;

	if (reply->type == REDIS_REPLY_ERROR)
		return redis_fault_of_reply(fault, from->name, reply->str);
	if (reply->type == REDIS_REPLY_ARRAY && !reply->elements)
		return redis_fault_set(fault, REDIS_STATE_CLUSTER_DOWN, from->name,
				       "it knows of no slot that is served");
	owner = calloc(REDIS_SLOTS, sizeof(*owner));
	if (!owner)
		return redis_fault_set(fault, REDIS_STATE_ERROR, from->name, "out of memory");
	for (size_t i = 0; good && i < reply->elements; i++)
		good = read_range(cluster, from, reply->element[i], owner);
	if (good)
		memcpy(cluster->owner, owner, sizeof(cluster->owner));
	free(owner);
	return good ? REDIS_STATE_OK
		    : redis_fault_set(fault, REDIS_STATE_ERROR, from->name,
				      "its answer to CLUSTER SLOTS is not that of Redis");
}

/* Node i. It may be gone afterwards, and so may others. */
static enum redis_state learn_from(struct redis_cluster *cluster, size_t i,
				   const struct redis_way *way, struct redis_fault *fault)
{
	static const char *const question[] = {"CLUSTER", "SLOTS"};
	struct redis_link *link = cluster->node[i];
	struct redisReply *reply = NULL;
	enum redis_state state = REDIS_STATE_OK;

	if (link->refused.state) {
		*fault = link->refused;
		return fault->state;
	}
	if (!link->context)
		state = redis_hello(link, way, fault);
	if (state)
		link->refused = *fault;
	else
		state = redis_link_ask(link, 2, question, clock_monotonic_ns() + way->command_ns,
				       &reply, fault);
	if (!state)
		state = read_map(cluster, link, reply, fault);
	freeReplyObject(reply);
	return state;
}

enum redis_state redis_cluster_learn(struct redis_cluster *cluster, const struct redis_way *way,
				     struct redis_fault *fault)
{
	const struct config_redis *config = way->config;
	struct redis_fault found = {};
	bool done = false;

	for (size_t i = 0; i < config->addresses; i++)
		if (find_node(cluster, config->address[i].host, config->address[i].port) < 0)
			return redis_fault_set(fault, REDIS_STATE_ERROR, config->address[i].name,
					       "out of memory");
	/* Who is connected first: what is not may be gone, which costs time to find out */
	for (int connected = 1; connected >= 0; connected--)
		for (size_t i = 0; !done && i < cluster->nodes; i++)
			if (connected == !!cluster->node[i]->context)
				done = !learn_from(cluster, i, way, &found);
	if (!done) {
		*fault = found;
		fault->ended = false;
		return fault->state;
	}
	cluster->known = true;
	drop_idle(cluster);
	return REDIS_STATE_OK;
}

/* ----------------------------------------------------------------------------------------- nodes */

struct redis_link *redis_cluster_node(struct redis_cluster *cluster, const char *key,
				      struct redis_fault *fault)
{
	uint16_t slot = key ? redis_slot(key) : 0, owner = cluster->owner[slot];

	for (size_t i = 0; !key && !owner && i < REDIS_SLOTS; i++)
		owner = cluster->owner[i];
	if (owner)
		return cluster->node[owner - 1];
	redis_fault_set(fault, REDIS_STATE_CLUSTER_DOWN, "cluster", "no node serves slot %u", slot);
	return NULL;
}

struct redis_link *redis_cluster_follow(struct redis_cluster *cluster,
					const struct redis_redirect *redirect)
{
	int node = find_node(cluster, redirect->host, redirect->port);

	if (node < 0)
		return NULL;
	if (!redirect->ask)
		cluster->owner[redirect->slot] = (uint16_t)(node + 1);
	return cluster->node[node];
}
