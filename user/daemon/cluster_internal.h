/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What cluster*.c share; nobody else includes it. All but what `lock` guards is the cluster thread's. */
#pragma once

#include <pthread.h>

#include "user/breaker/breaker.h"
#include "user/cluster/ledger.h"
#include "user/cluster/orders.h"
#include "user/cluster/pace.h"
#include "user/cluster/redis_worker.h"
#include "user/cluster/seal.h"
#include "user/daemon/cluster.h"
#include "user/daemon/order_box.h"
#include "user/datapath/shares.h"

#define CLUSTER_TICK_NS 10000000ULL
#define CLUSTER_LIMITS 512 /* configured limits with `scope: cluster` */
/* Of one piece of work: 1,500 keys in up to 16 shards. What is more (keys that were dropped and not settled yet) comes next */
#define CLUSTER_BATCHES 72

/* One key of the ledger: a group limit, or a limit of one client */
struct cluster_key {
	int handle;	 /* in the ledger; -1: none */
	uint16_t limit;	 /* index in cluster.limit */
	uint16_t number; /* of the client's share; 0: a group */
	bool reported;
	struct shares_count seen;
	uint64_t units;		/* demanded since the last choice */
	double demand;		/* units/s, over the last rounds */
	struct law_share share; /* as last said; credit 0 */
};

struct cluster_limit {
	struct shares_info info;
	struct law_limit law;
	char id[LEDGER_ID]; /* the same on all nodes: "web.partner.connections.g0" */
	struct cluster_key
		*key; /* of a group: the ledger's context, so it stays where it is; else NULL */
};

/* A watched client, by the number of its share */
struct cluster_client {
	bool used;
	struct weir_hot hot;
	uint64_t busy_ns; /* when it last wanted a fair part of an even share */
	struct cluster_key key[WEIR_LIMITS];
	unsigned int keys;
};

/* What is known of Redis, and what it is asked */
struct cluster_redis {
	struct redis_worker *worker;
	struct redis_work work;
	struct redis_command
		command[CLUSTER_BATCHES + 2]; /* and behind them orders, names of nodes */
	size_t batches;			      /* of `command`, the first */
	const char *names[4];		      /* ZRANGE of the nodes' names */
	size_t names_length[4];
	uint64_t names_ns;
	struct redis_command *orders; /* behind the batches; the book's. NULL: none */
	bool busy, ahead, again;
	struct breaker *breaker; /* of Redis itself: one endpoint */
	struct pace_backoff backoff;
	unsigned int failures;
	uint64_t wait_until_ns;
	enum redis_state state;	 /* as it was told last */
	uint64_t state_ns;	 /* since when */
	enum redis_state latest; /* of the last work, of how many in a row, and since when */
	unsigned int row;
	uint64_t row_ns;
	char error[256];
};

struct cluster {
	struct datapath *datapath;
	pthread_t thread;
	bool running;
	int wake; /* eventfd: something below `lock` has changed */

	pthread_mutex_t lock;
	bool stop;
	struct config *next;	/* to be taken over; NULL: none */
	struct seal *next_seal; /* with it; NULL: as it is */
	struct snapshot_cluster shown;
	struct shares_limit shown_limit[CLUSTER_LIMITS]; /* of shown.limit */

	struct config *config;
	uint32_t generation;
	struct ledger *ledger;
	struct seal *seal;
	uint32_t seal_epoch; /* that names of clients were made in */
	struct orders *orders;
	struct order_box *box;
	struct cluster_limit *limit;
	size_t limits;
	struct cluster_client *client; /* WEIR_SHARES of them */
	size_t watched, reported;      /* clients; keys of clients */
	uint32_t nodes;		       /* that even shares are made for */
	bool out;		       /* even shares are those of an outage */
	uint64_t limits_wait_ns; /* limits are not taken yet: until the nodes are known, or then. 0: they are */
	uint64_t chosen_ns, shown_ns, ticked_ns;
	struct cluster_redis redis;
	struct snapshot_cluster figures; /* counters that outlive a snapshot */
};

/* cluster_keys.c */
int cluster_take_limits(struct cluster *cluster, struct config *config,
			uint64_t now_ns); /* -errno */
/* Even shares of groups begin full: when they are taken for the first time */
void cluster_fill_groups(struct cluster *cluster);
void cluster_forget(struct cluster *cluster);
void cluster_forget_clients(struct cluster *cluster);
void cluster_count(struct cluster *cluster, uint64_t now_ns);
void cluster_install(void *cluster, int handle, void *key, const struct law_share *share);
/* Of the nodes last known */
struct law_share cluster_even_share(const struct cluster *cluster, const struct law_limit *law);
/* What clients that are not watched have: that, or in an outage by on_outage */
struct shares_value cluster_even_value(const struct cluster *cluster, const struct law_limit *law);
void cluster_set_even(struct cluster *cluster);

/* cluster_hot.c */
void cluster_on_hot(struct cluster *cluster, uint64_t now_ns);
void cluster_choose(struct cluster *cluster, uint64_t now_ns);
void cluster_unwatch(struct cluster *cluster, uint16_t number);

/* After an answer: with other keys clients have other names. */
void cluster_check_seal(struct cluster *cluster);

/* cluster_redis.c */
int cluster_redis_begin(struct cluster *cluster, struct config *config, uint64_t now_ns);
void cluster_redis_end(struct cluster *cluster);
void cluster_redis_send(struct cluster *cluster, uint64_t now_ns);
void cluster_redis_take(struct cluster *cluster, uint64_t now_ns);

/* cluster_show.c */
void cluster_note(struct cluster *cluster, uint64_t now_ns);
