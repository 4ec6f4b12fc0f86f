/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When a node talks to Redis: its place in the round, and how long it waits after failures. Pure; times are ns.
 */
#pragma once

#include <stdint.h>

/* One of so many places, by a name: evenly, and the same on all nodes for all time, because keys in Redis go by it. places over 0 */
uint64_t pace_place(const char *name, uint64_t places);

/*
 * Where in each interval the node's rounds begin, 0 .. interval - 1: by its name, so that nodes started by one command do not
 * come all at once, and a node that restarts comes when it did before. interval_ns over 0.
 */
uint64_t pace_phase_ns(const char *node, uint64_t interval_ns);

/* The first round after now: rounds begin at phase, phase + interval, ... of the clock that now is read from */
uint64_t pace_next_ns(uint64_t now_ns, uint64_t interval_ns, uint64_t phase_ns);

/*
 * Decorrelated backoff: each wait is drawn between the least and three times the last one, up to the most. Spreads nodes that
 * failed together better than doubling with jitter does. Source: M. Brooker, "Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015.
 */
#define PACE_LEAST_NS 100000000ULL
#define PACE_MOST_NS 5000000000ULL

struct pace_backoff {
	uint64_t random;  /* of a generator with any seed, e.g. a hash of node and boot */
	uint64_t wait_ns; /* the last one; 0: none since the last success */
};

struct pace_backoff pace_backoff_begin(uint64_t seed);

/* After a failure: how long to wait, PACE_LEAST_NS .. most_ns, and never more than PACE_MOST_NS */
uint64_t pace_backoff_ns(struct pace_backoff *backoff, uint64_t most_ns);

/* After a success */
void pace_backoff_reset(struct pace_backoff *backoff);
