/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a ledger is made of (ledger.h): for ledger.c, which has the keys, and ledger_batch.c, which has the batches. */
#pragma once

#include "user/base/buffer.h"
#include "user/cluster/ledger.h"
#include "user/cluster/pace.h"

/* KEYS before the buckets, ARGV before and for each of them, numbers of an answer: see round.lua */
enum { HEAD_KEYS = 3, HEAD_ARGUMENTS = 6, KEY_ARGUMENTS = 7, HEAD_NUMBERS = 6, KEY_NUMBERS = 4 };
enum { LANE_ARGUMENTS = HEAD_KEYS + LEDGER_BATCH + HEAD_ARGUMENTS + LEDGER_BATCH * KEY_ARGUMENTS };

/* On: reported. Closing: reported once more, the last time. Off: what is counted is forgotten. */
enum entry_state { ENTRY_ON, ENTRY_CLOSING, ENTRY_OFF };

struct lane;

struct entry {
	struct law_key law;
	struct law_limit limit;
	enum entry_state state;
	struct lane *lane; /* in which it is reported; NULL: it is not under way */
	bool last;	   /* that report is the last one */
	uint64_t want;	   /* as it was sent */
	int handle;	   /* -1: dropped, there until it is settled */
	void *context;	   /* the caller's */
	bool changed;	   /* the share, and the caller has not been told */
	double told_rate, told_burst;
	double demand;	   /* units/s */
	uint64_t demanded; /* units at counted_ns, while no time has passed */
	uint64_t counted_ns;
	unsigned int shard;
	size_t place; /* in its shard */
	size_t length;
	char name[]; /* in Redis */
};

/* A batch and its row of numbers */
struct lane {
	unsigned int shard;
	char *name; /* of the key that holds its last number */
	uint64_t sequence;
	bool pending; /* given, and not answered */
	bool again;   /* more than once */
	bool counts;  /* this node among the nodes */
	bool round;
	uint64_t given_ns, retry_ns;
	size_t keys;
	struct entry *key[LEDGER_BATCH];
	struct buffer text; /* of the arguments but for names */
	const char *argument[LANE_ARGUMENTS];
	size_t length[LANE_ARGUMENTS];
};

struct shard {
	struct entry **entry;
	size_t entries, room;
	struct lane **lane;
	size_t lanes, lane_room;
	char *generation_name, *nodes_name;
	uint64_t generation;
	bool overdue; /* its round, which the others had while it was silent */
	bool silent;  /* nothing was answered the last time: only what it owes is asked again */
};

struct ledger {
	char *prefix; /* PREFIX:1.T: */
	char *node;
	char boot[17];
	struct law_cluster cluster; /* nodes: 0 until the first answer, if it was not known before */
	struct law_nodes nodes;
	uint64_t place_ns; /* of its rounds, in each epoch */
	struct pace_clock
		clock; /* of the Redis of shard 0: those of a Redis Cluster are about the same */
	uint64_t round_ns; /* the next round, of all shards: so those that answer say whether one is silent alone */
	unsigned int shards;
	struct shard shard[LEDGER_SHARDS];

	struct entry **handle; /* NULL: free */
	int *free_handle;
	size_t handles, free_handles;
	size_t entries; /* of all shards, with those dropped */

	uint64_t begun_ns, seen_ns; /* now_ns of the first and of the last call */
	uint64_t forget_ns;	    /* when what was counted of keys that are off is forgotten */
	uint64_t ahead_ns;	    /* before that nothing goes ahead of the round */
	uint64_t answered_ns, redis_ns;

	/* What is under way: a batch for each lane */
	struct lane **flight;
	struct ledger_batch *batch;
	size_t flights, flight_room;
	size_t answers;
};

/*
 * After an answer or the end of a lease: tells the caller of the share, if it is another than the last time. A key whose last report is
 * settled is off from then on, with an even share; or gone, if it was dropped.
 */
void entry_settle(struct ledger *ledger, struct entry *entry, struct law_share share,
		  uint64_t now_ns, ledger_shared *shared, void *owner);
