/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What shares.c, watched.c and apply.c share. All but shares_open() and shares_close() with the lock held. */
#pragma once

#include <pthread.h>

#include "bpf/core/client_table.h"
#include "user/datapath/buckets.h"
#include "user/datapath/compile.h"
#include "user/datapath/internal.h"
#include "user/datapath/shares.h"

/* A watched client, by its number: weir_share says whether there is one, and has the rest. */
struct watched {
	struct weir_key key;
	u8 tier; /* number; its limits are those of (key.service, tier) */
	struct shares_count counted[WEIR_LIMITS]; /* as last said */
};

struct shares {
	/* The side in use, its shares, `numbers` and datapath->config: the control thread applies, the cluster thread writes shares. */
	pthread_mutex_t lock;
	struct numbers numbers; /* of the applied configuration */
	struct watched watched[WEIR_SHARES];
	uint32_t last; /* the number given last */
	struct ring_buffer *hot;
	void (*on_hot)(void *context, const struct weir_hot *hot);
	void *on_hot_context;
};

/* The tables are mapped already. Frees what a dead daemon was watching. */
int shares_open(struct datapath *datapath, struct datapath_error *error);
void shares_close(struct datapath *datapath);

void shares_lock(const struct datapath *datapath);
void shares_unlock(const struct datapath *datapath);

struct weir_side *shares_side(const struct datapath *datapath);

/* The rule that this limit of a cluster is in, in force. NULL and *error: -ESTALE, another generation is; -EINVAL, there is no such limit */
struct weir_rule *shares_rule(const struct datapath *datapath, uint32_t generation,
			      struct shares_limit limit, int *error);

/* watched.c: all numbers of a daemon that is gone */
void watched_free_all(struct datapath *datapath);

/* Watched clients, who have even shares in another generation: their buckets. Part of shares_bring(); and when those are where they go */
size_t watched_bring(const struct datapath *datapath, const struct weir_side *idle,
		     struct carry *carry);
void watched_keep(const struct datapath *datapath);

/*
 * Before the flip to `idle`, which holds what was compiled: gives the limits that are as they were what they have now, and lists
 * in *carry the buckets of the others. Room for as many as shares_carries() says.
 */
size_t shares_carries(const struct config *config);
size_t shares_bring(struct datapath *datapath, const struct config *config,
		    const struct numbers *numbers, struct weir_side *idle, struct carry *carry);
