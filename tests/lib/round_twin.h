/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/cluster/round.lua once more, in C, for tests: the same arithmetic on the same doubles, with a clock that is passed
 * in. tests/e2e/cluster_script.bats holds the two to the same answers, digit by digit, on a real Redis. Nothing expires
 * here: by the time the script's keys do, they say what a new one would.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TWIN_NODES = 128, TWIN_LANES = 8, TWIN_KEYS = 64 };

struct twin_bucket {
	bool there;
	double epoch, running, running_above, complete, complete_above, level, changed_us;
};

struct twin {
	uint64_t generation; /* 0: empty memory */
	struct twin_node {
		/* A node's last batches: a name of KEYS[2] for each lane */
		struct twin_last {
			char boot[32];
			uint64_t sequence, counted;
			bool known;
		} last[TWIN_LANES];
		uint64_t heard_us;
		bool among_nodes;
	} node[TWIN_NODES];
	struct twin_bucket bucket[TWIN_KEYS];
};

struct twin_batch {
	unsigned int node, lane; /* below TWIN_NODES, TWIN_LANES */
	const char *boot;
	uint64_t sequence, interval_us, knows;
	bool count_nodes;
	size_t keys;
	struct twin_key {
		unsigned int key; /* below TWIN_KEYS */
		double rate, burst;
		uint64_t demand, above, want;
		int64_t spent, hint;
		bool has_hint;
	} key[TWIN_KEYS];
};

struct twin_answer {
	uint64_t generation, now_us, epoch, counted, nodes;
	bool repeat;
	struct {
		uint64_t demand, above, advance;
		int64_t level;
	} key[TWIN_KEYS];
};

/* EVALSHA at now_us */
void twin_run(struct twin *twin, const struct twin_batch *batch, uint64_t now_us,
	      struct twin_answer *answer);

/* FLUSHALL */
void twin_flush(struct twin *twin);
