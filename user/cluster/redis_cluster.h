/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which node of a Redis Cluster serves which slot, and a connection to each that is needed. The map is what one node said
 * (CLUSTER SLOTS); MOVED corrects it slot by slot. Links stay where they are until redis_cluster_learn().
 */
#pragma once

#include "user/cluster/redis_hello.h"
#include "user/cluster/redis_slot.h"

struct redis_cluster {
	struct redis_link **node;
	size_t nodes;
	uint16_t owner[REDIS_SLOTS]; /* index in node, plus 1; 0: nobody */
	bool known;		     /* the map was learned and nothing speaks against it */
};

void redis_cluster_release(struct redis_cluster *cluster);

/*
 * The map anew, from a node that is connected or else from the first address that answers. Nodes that serve
 * nothing any more are gone. Else *fault, and the map is as it was.
 */
enum redis_state redis_cluster_learn(struct redis_cluster *cluster, const struct redis_way *way,
				     struct redis_fault *fault);

/* Who serves the slot of this key, NULL: of any key. NULL and *fault: nobody */
struct redis_link *redis_cluster_node(struct redis_cluster *cluster, const char *key,
				      struct redis_fault *fault);

/* Whom we were sent to; remembered, if the slot has moved for good. NULL without memory */
struct redis_link *redis_cluster_follow(struct redis_cluster *cluster,
					const struct redis_redirect *redirect);
