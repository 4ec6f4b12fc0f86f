/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is asked: the one Redis, the master that sentinels know, or the node of a cluster that serves a key. Keeps the connections
 * from one piece of work to the next.
 */
#pragma once

#include "user/cluster/redis_cluster.h"

struct redis_route {
	struct redis_way way;
	struct redis_link link;	      /* but for a cluster */
	size_t sentinel;	      /* that knew the master last */
	struct redis_cluster cluster; /* if it is one */
	bool moved;		      /* a slot has: the map is learned before the next work */
};

/* config and stop are kept by reference. 0 or -ENOMEM */
int redis_route_init(struct redis_route *route, const struct config_redis *config,
		     const atomic_bool *stop);
void redis_route_release(struct redis_route *route);

/* Another piece of work: what could not be connected may be now */
void redis_route_begin(struct redis_route *route, uint64_t connect_ns, uint64_t command_ns);

/* What is to be known before anybody is asked: of a cluster, its map. Links of a cluster from before may be gone. */
enum redis_state redis_route_ready(struct redis_route *route, struct redis_fault *fault);

/* A connected link for commands with this routing key. NULL and *fault: there is none, and will not be in this work */
struct redis_link *redis_route_to(struct redis_route *route, const char *key,
				  struct redis_fault *fault);

/* Likewise of whom we were sent to by a node of a cluster; its host is not empty */
struct redis_link *redis_route_follow(struct redis_route *route,
				      const struct redis_redirect *redirect,
				      struct redis_fault *fault);

/* What it said, or that it is gone, speaks against it: closed, and found anew when it is asked for again */
void redis_route_doubt(struct redis_route *route, struct redis_link *link);

/* The work is done. Was a connection renewed for it? */
bool redis_route_end(struct redis_route *route);
