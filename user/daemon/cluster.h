/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Quotas over all nodes: a thread between the kernel's counts (user/datapath/shares.h), the book of what is reported
 * (user/cluster/ledger.h) and the thread that waits for Redis (user/cluster/redis_worker.h). It never waits for either, and nobody
 * waits for it. Without `cluster` in the configuration there is no thread.
 *
 * All functions are the control thread's.
 */
#pragma once

#include "user/config/model.h"
#include "user/datapath/datapath.h"
#include "user/metrics/snapshot.h"

struct cluster;
struct order_box;
struct seal;

/*
 * Before a configuration is applied: what it takes from a file, checked. *seal: for cluster_new() or cluster_change(); NULL where no
 * cluster is configured. -errno, and why
 */
int cluster_prepare(const struct config *config, struct seal **seal, struct config_error *error);

/*
 * Goes by the configuration that was applied. Takes the seal; orders go to and fro by the box, which outlives it. NULL without memory,
 * descriptors or a thread.
 */
struct cluster *cluster_new(struct datapath *datapath, struct config *config, struct seal *seal,
			    struct order_box *box);

/* Ends the thread: at once, but for a command of Redis that is under way (its time-out). Shares stay. NULL is allowed. */
void cluster_free(struct cluster *cluster);

/*
 * After another configuration was applied. Takes the seal. -errno: the thread that it wants could not be started; shares are even
 * then.
 */
int cluster_change(struct cluster *cluster, struct config *config, struct seal *seal);

/* Fills out->cluster; after out->limit. */
void cluster_show(struct cluster *cluster, struct snapshot *out);
