/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which clients of a node are worth a key in Redis. While every node sees less than R/N of a client, all together see less than
 * R, and nobody needs to know. So only those over half of R/N are reported, the hottest first, and no more than fit: a flood
 * of spoofed sources must not fill Redis.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By R/N: from here on a client is reported */
#define HOT_FROM 0.5
/* By R/N: who was reported the last time is until it is below this, so that nobody comes and goes with each round */
#define HOT_STAY 0.25

struct hot_client {
	uint64_t key;	 /* its hash: decides between equals, the same way every time */
	double demand;	 /* units/s, passed and refused */
	double rate;	 /* R of its limit, units/s, over 0 */
	bool was_chosen; /* the last time */
};

/*
 * Writes the places of the chosen to chosen, the hottest (by demand / R) first; returns how many, at most most. N of 0 is taken as
 * 1. In one pass over all clients, and without memory of its own: a scan may hold a million.
 */
size_t hot_choose(const struct hot_client *clients, size_t count, uint32_t nodes, size_t *chosen,
		  size_t most);
