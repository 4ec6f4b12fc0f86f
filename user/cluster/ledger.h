/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A node's book of what it reports: its keys, each with its law (law.h), and the batches they go to Redis in (round.lua).
 * Pure: no clock, no thread, no Redis. Time is any clock of this node that never goes back. The cluster thread has it all.
 *
 *   every 10 ms      ledger_count() for each key, then ledger_lapse()
 *   then             ledger_next(): the round, or what is due ahead of it, if nothing is under way
 *   it was answered  ledger_answer() for each batch that was; then, or instead of it, ledger_end()
 *
 * A batch without an answer is given again with its sequence number and the very counts it had, until it is answered: the
 * script tells whether it has them already. Its hints, its wants and the generation it knows are as of now, because an outage
 * may lie between (law_report()). If no batch was answered they are given again at once, so the caller waits (pace.h)
 * before it asks again; of a shard that is silent while others answer, with the next round. Such a shard is sent nothing else.
 *
 * Keys in Redis, all of them named here and nowhere else. Shard NN is "00" to "15", T the interval in us, 1 the layout of what
 * is stored: nodes that differ in either have nothing in common. The braces are the hash tag of a Redis Cluster.
 *
 *   PREFIX:1.T:{sNN}:gen          generation of the data
 *   PREFIX:1.T:{sNN}:nodes        names of nodes, by when they were heard; of shard 00 only
 *   PREFIX:1.T:{sNN}:n:NODE:LANE  a node's last batch of a lane
 *   PREFIX:1.T:{sNN}:k:ID         a bucket; its shard is pace_place(ID, shards)
 *
 * Why lanes: the script takes a number that is not above the last one for a repeat. If all batches of a shard counted
 * with one number, one that Redis had refused (out of memory) would be lost when a later one was not. So each batch under way
 * has a lane, a row of numbers of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/cluster/law.h"

#define LEDGER_BATCH 50	  /* keys of a batch: Redis serves others in between */
#define LEDGER_SHARDS 16  /* at most */
#define LEDGER_ID 96	  /* bytes of a key's name, with its terminating zero */
#define LEDGER_KEYS 65536 /* at most, with those dropped and not settled yet */
/*
 * Reports ahead of the round come together, at most so often: a flood that empties many buckets within a few ms is one
 * flight. Well below LAW_SETTLE_NS, within which all must have told.
 */
#define LEDGER_AHEAD_NS 10000000ULL

struct ledger;

struct ledger_settings {
	const char *prefix;   /* of all keys in Redis, without braces; copied */
	const char *node;     /* its name; copied */
	uint64_t boot;	      /* random: another at each start */
	uint64_t interval_ns; /* a multiple of 1 us, over 0 */
	unsigned int shards;  /* the same on all nodes: 1, or LEDGER_SHARDS for a Redis Cluster */
	uint32_t nodes;	      /* N as last known, of the time before a restart; 0: not known */
};

/* NULL without memory. The first round is at once, so that N is known early; all others arrive at this node's place in an epoch (pace.h) */
struct ledger *ledger_new(const struct ledger_settings *settings, uint64_t now_ns);
void ledger_free(struct ledger *ledger); /* NULL is allowed */

/*
 * A key, by its name in Redis (letters, digits, '.', ':', '-'; the same on all nodes; no client address in it), with an
 * even share. Its handle, below 2^16; -ENOMEM, or -EINVAL for a name that is none. `context` is the caller's. The same name
 * twice is the caller's mistake; after ledger_drop() it may come back at once.
 */
int ledger_add(struct ledger *ledger, const char *id, const struct law_limit *limit, void *context,
	       uint64_t now_ns);
/* Its limit has been configured anew. The part of it that is this node's stays; ledger_lapse() tells of the share. */
void ledger_change(struct ledger *ledger, int handle, const struct law_limit *limit);
/*
 * Not reported any more, once what it has counted has been (in an outage that is forgotten). The handle is free
 * at once: nothing tells of the key any more.
 */
void ledger_drop(struct ledger *ledger, int handle);

/*
 * Reported in rounds only if on: a client that is not hot has an even share. Groups always are. Begins on. Off: what
 * was counted so far is reported, then the share is even, and what is counted is forgotten with each interval.
 */
void ledger_report(struct ledger *ledger, int handle, bool on);

/* Units since the last count */
void ledger_count(struct ledger *ledger, int handle, uint64_t demand, uint64_t admitted,
		  uint64_t now_ns);

/*
 * Called for each key whose share is another than it was told last (at first: even); share->credit counts once. It
 * must not change the ledger, but may look at it.
 */
typedef void ledger_shared(void *owner, int handle, void *context, const struct law_share *share);

/*
 * Leases that are over: shares of an outage. Returns how many. Tells also of shares that are others for another reason: N, the
 * limit, not reported any more.
 */
size_t ledger_lapse(struct ledger *ledger, uint64_t now_ns, ledger_shared *shared, void *owner);

/* ------------------------------------------------------------------------------------------ batches */

/*
 * EVALSHA of round.lua but for the hash of the script: KEYS then ARGV. Strings of the ledger, good until
 * its answer or ledger_end().
 */
struct ledger_batch {
	unsigned int shard;
	size_t keys;	       /* KEYS of them: argument[0 .. keys) */
	size_t arguments;      /* all of them; behind KEYS comes ARGV */
	const char **argument; /* each ends with a 0 byte beyond its length */
	size_t *length;
	bool again; /* was given before, and not answered */
};

/*
 * What is to be sent now: nothing, while something is under way. ahead: not a round, only what cannot wait for it. Returns how
 * many; *out: an array of them, the ledger's. They may reach Redis in any order.
 */
size_t ledger_next(struct ledger *ledger, uint64_t now_ns, bool *ahead,
		   const struct ledger_batch **out);

/* When ledger_next() has something, if no more is counted: the next round, or a batch that is to be given again */
uint64_t ledger_next_ns(const struct ledger *ledger);

/*
 * What round.lua answered to batch `index`, its numbers one after the other. false: that is no answer of it, nothing was
 * taken of it, and it counts as none. A clock of Redis that goes back is no reason: after a failover it may (law.h).
 */
bool ledger_answer(struct ledger *ledger, size_t index, const int64_t *number, size_t numbers,
		   uint64_t now_ns, ledger_shared *shared, void *owner);

/* No more answers come. */
void ledger_end(struct ledger *ledger, uint64_t now_ns);

/* Some batch was given and not answered. Between ledger_end() and ledger_next(): Redis, or a part of it, is away. */
bool ledger_is_owed(const struct ledger *ledger);

/* ------------------------------------------------------------------------------------------ figures */

uint32_t ledger_nodes(const struct ledger *ledger);   /* N, at least 1 */
bool ledger_knows_nodes(const struct ledger *ledger); /* from an answer, or from before a restart */
/* The key in Redis with the names of the nodes: a sorted set */
const char *ledger_nodes_key(const struct ledger *ledger);
/* The worst of its keys, as of the last ledger_lapse(); without keys as one would be */
enum cluster_mode ledger_mode(const struct ledger *ledger);
/* Redis' clock at the last answer, by its TIME; 0: none yet */
uint64_t ledger_redis_ns(const struct ledger *ledger);
uint64_t ledger_answered_ns(const struct ledger *ledger); /* when that was; 0: never */
/* Of Redis' data in all shards heard of; changes when one has lost its memory; 0: none */
uint64_t ledger_generation(const struct ledger *ledger);

struct ledger_view {
	enum cluster_mode mode;
	struct law_share share; /* credit 0 */
	double ratio;		/* of the limit, 0 .. 1 */
	double level;		/* units in the shared bucket after the last answer */
	uint64_t backlog;	/* units admitted and not acknowledged yet */
	double demand;		/* units/s here, over about the last second */
	bool reported;
};
void ledger_view(const struct ledger *ledger, int handle, struct ledger_view *out);
