/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Redis, as far as a ledger talks to it (user/cluster/ledger.h), for tests: reads the very strings of a batch, has the
 * script's twin run it (tests/lib/round_twin.h), and answers with the numbers the script would give. What is not as
 * round.lua and ledger.h say fails the test: names, places and spelling of arguments; a number that does not
 * grow; a batch that comes again with other counts.
 *
 * Nodes are called n0 to n127, with anything behind a '-'.
 */
#pragma once

#include "tests/lib/round_twin.h"
#include "user/cluster/ledger.h"

enum { LEDGER_REDIS_NUMBERS = 6 + 4 * LEDGER_BATCH };

struct ledger_redis {
	const char *prefix; /* PREFIX:1.T: of all names */
	struct ledger_redis_shard {
		struct twin twin;
		size_t ids;
		char id[TWIN_KEYS][LEDGER_ID];
		struct {
			char boot[32];
			uint64_t sequence, counts;
		} last[TWIN_NODES][TWIN_LANES];
		/* What was counted, of each key and node: units */
		int64_t spent[TWIN_KEYS][TWIN_NODES], advanced[TWIN_KEYS][TWIN_NODES];
	} shard[LEDGER_SHARDS];
	uint64_t batches, repeats, keys;
	unsigned int lanes; /* the most that were used */
};

/* EVALSHA at now_us. Returns how many numbers there are in the answer */
size_t ledger_redis_run(struct ledger_redis *redis, const struct ledger_batch *batch,
			uint64_t now_us, int64_t number[LEDGER_REDIS_NUMBERS]);

/* FLUSHALL, of one shard */
void ledger_redis_flush(struct ledger_redis *redis, unsigned int shard);

/* What was counted of a key, in all; 0 of one never heard of */
struct ledger_redis_sum {
	int64_t spent, advanced;
};
struct ledger_redis_sum ledger_redis_sum(const struct ledger_redis *redis, const char *id,
					 unsigned int node);
