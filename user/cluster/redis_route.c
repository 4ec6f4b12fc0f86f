// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_route.h"

#include <errno.h>
#include <stdio.h>

#include "user/cluster/redis_sentinel.h"

int redis_route_init(struct redis_route *route, const struct config_redis *config,
		     const atomic_bool *stop)
{
	struct redis_place place = {};

	*route = (struct redis_route){.way = {.config = config, .stop = stop}};
	route->way.lookup = redis_lookup_new();
	if (!route->way.lookup)
		return -ENOMEM;
	if (config->path) {
		snprintf(place.path, sizeof(place.path), "%s", config->path);
	} else if (config->addresses) {
		snprintf(place.host, sizeof(place.host), "%s", config->address[0].host);
		place.port = config->address[0].port;
	}
	redis_link_init(&route->link, &place);
	return 0;
}

void redis_route_release(struct redis_route *route)
{
	redis_link_close(&route->link);
	redis_cluster_release(&route->cluster);
	redis_lookup_free(route->way.lookup);
	route->way.lookup = NULL;
}

void redis_route_begin(struct redis_route *route, uint64_t connect_ns, uint64_t command_ns)
{
	route->way.connect_ns = connect_ns;
	route->way.command_ns = command_ns;
	route->link.refused.state = REDIS_STATE_OK;
	for (size_t i = 0; i < route->cluster.nodes; i++)
		route->cluster.node[i]->refused.state = REDIS_STATE_OK;
	route->cluster.known = route->cluster.known && !route->moved;
	route->moved = false;
}

enum redis_state redis_route_ready(struct redis_route *route, struct redis_fault *fault)
{
	if (route->way.config->kind != REDIS_CLUSTER || route->cluster.known)
		return REDIS_STATE_OK;
	return redis_cluster_learn(&route->cluster, &route->way, fault);
}

static struct redis_link *connected(struct redis_route *route, struct redis_link *link,
				    struct redis_fault *fault)
{
	enum redis_state state = link->refused.state;

	if (state) {
		*fault = link->refused;
		return NULL;
	}
	if (link->context)
		return link;
	if (route->way.config->kind == REDIS_SENTINEL)
		state = redis_sentinel_connect(link, &route->way, &route->sentinel, fault);
	else
		state = redis_hello(link, &route->way, fault);
	if (!state)
		return link;
	link->refused = *fault;
	route->cluster.known = false; /* another node may serve its slots by now */
	return NULL;
}

struct redis_link *redis_route_to(struct redis_route *route, const char *key,
				  struct redis_fault *fault)
{
	struct redis_link *link = &route->link;

	if (route->way.config->kind == REDIS_CLUSTER)
		link = redis_cluster_node(&route->cluster, key, fault);
	return link ? connected(route, link, fault) : NULL;
}

struct redis_link *redis_route_follow(struct redis_route *route,
				      const struct redis_redirect *redirect,
				      struct redis_fault *fault)
{
	struct redis_link *link = redis_cluster_follow(&route->cluster, redirect);

	route->moved = route->moved || !redirect->ask;
	if (link)
		return connected(route, link, fault);
	redis_fault_set(fault, REDIS_STATE_ERROR, redirect->host, "out of memory");
	return NULL;
}

void redis_route_doubt(struct redis_route *route, struct redis_link *link)
{
	redis_link_close(link);
	route->cluster.known = false;
}

static bool renewed(struct redis_link *link)
{
	bool again = link->again;

	link->again = false;
	return again;
}

bool redis_route_end(struct redis_route *route)
{
	bool any = renewed(&route->link);

	for (size_t i = 0; i < route->cluster.nodes; i++)
		any = renewed(route->cluster.node[i]) || any;
	return any;
}
