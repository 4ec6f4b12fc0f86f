/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A node's book of what it reports: its keys, each with its law (law.h), and the batches they go to Redis in (round.lua). Pure: no
 * clock, no thread, no Redis. Time is any clock of this node that never goes back. The cluster thread has it all.
 *
 *   every 10 ms     ledger_count() for each key, then ledger_lapse()
 *   then            ledger_next(): the round, or what is due ahead of it, if nothing is under way
 *   it was answered ledger_answer(); or not: ledger_fail(), and ledger_next() gives the same batches again when
 *                   the caller has waited long enough
 *
 * A key is one limit, or one limit and one client. All keys of a shard have one hash tag, and go in batches of at most LEDGER_BATCH. The batches
 * of a shard carry sequence numbers and must reach Redis in the order they are given; that of a shard which
 * was not answered is sent again word for word before anything else of that shard.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/cluster/law.h"

#define LEDGER_BATCH 50	 /* keys of a batch */
#define LEDGER_SHARDS 16 /* at most */
#define LEDGER_ID 40	 /* bytes of a key's name, with its terminating zero */

struct ledger;

struct ledger_settings {
	const char *prefix; /* of all keys in Redis; copied */
	const char *node;   /* its name; copied */
	uint64_t boot;	    /* random: another at each start */
	uint64_t interval_ns;
	unsigned int shards; /* the same on all nodes: 1, or LEDGER_SHARDS for a Redis Cluster */
};

/* NULL without memory. now_ns: rounds begin at this node's phase (pace.h) */
struct ledger *ledger_new(const struct ledger_settings *settings, uint64_t now_ns);
void ledger_free(struct ledger *ledger); /* NULL is allowed */

/*
 * A key, by its name in Redis (letters, digits, '.', ':', '-'; the same on all nodes; no client address in it), with an even share. Its handle, below 2^16,
 * or -ENOMEM. `context` is the caller's. The same name twice is the caller's mistake.
 */
int ledger_add(struct ledger *ledger, const char *id, const struct law_limit *limit, void *context,
	       uint64_t now_ns);
/* The rate or burst of its limit has been configured anew. */
void ledger_change(struct ledger *ledger, int handle, const struct law_limit *limit);
/* Not reported any more, once what it has counted has been. The handle is free at once. */
void ledger_drop(struct ledger *ledger, int handle);

/* Reported in rounds only if on: a client that is not hot has an even share. Groups always are. Begins on. */
void ledger_report(struct ledger *ledger, int handle, bool on);

/* Units since the last count */
void ledger_count(struct ledger *ledger, int handle, uint64_t demand, uint64_t admitted,
		  uint64_t now_ns);

/* Called for each key whose share is another now; share->credit counts once. */
typedef void ledger_shared(void *owner, int handle, void *context, const struct law_share *share);

/* Leases that are over: shares of an outage. Returns how many. */
size_t ledger_lapse(struct ledger *ledger, uint64_t now_ns, ledger_shared *shared, void *owner);

/* ------------------------------------------------------------------------------------------ batches */

/* EVALSHA of round.lua but for the hash of the script: KEYS then ARGV. Strings of the ledger, good until the answer or failure. */
struct ledger_batch {
	unsigned int shard;
	size_t keys;	  /* KEYS of them: argument[0 .. keys) */
	size_t arguments; /* and ARGV: the rest */
	const char **argument;
	size_t *length;
};

/*
 * What is to be sent now: nothing, while something is under way. ahead: not a round, only what cannot wait for it. Returns how many;
 * *out: an array of them, the ledger's.
 */
size_t ledger_next(struct ledger *ledger, uint64_t now_ns, bool *ahead,
		   const struct ledger_batch **out);

/* When ledger_next() has something, if no more is counted: the next round */
uint64_t ledger_next_ns(const struct ledger *ledger);

/*
 * What round.lua answered to batch `index`, its numbers one after the other. false: that is no answer of it, counts as no answer.
 * After the last one, or instead of it, ledger_end().
 */
bool ledger_answer(struct ledger *ledger, size_t index, const int64_t *number, size_t numbers,
		   uint64_t now_ns, ledger_shared *shared, void *owner);

/* No more answers come. Batches without one will be sent again, word for word. */
void ledger_end(struct ledger *ledger, uint64_t now_ns);

/* ------------------------------------------------------------------------------------------ figures */

uint32_t ledger_nodes(const struct ledger *ledger); /* N, at least 1 */
enum cluster_mode ledger_mode(const struct ledger *ledger);
uint64_t ledger_redis_ns(
	const struct ledger *ledger); /* Redis' clock at the last answer, by its TIME; 0: none yet */
uint64_t ledger_answered_ns(const struct ledger *ledger); /* when that was; 0: never */
uint64_t ledger_generation(
	const struct ledger
		*ledger); /* of Redis' data; changes when it has lost its memory; 0: none */

struct ledger_view {
	enum cluster_mode mode;
	struct law_share share;
	double ratio;	  /* of the limit, 0 .. 1 */
	double level;	  /* units in the shared bucket after the last answer */
	uint64_t backlog; /* units admitted and not acknowledged yet */
	double demand;	  /* units/s here, over about the last second */
	bool reported;
};
void ledger_view(const struct ledger *ledger, int handle, struct ledger_view *out);
