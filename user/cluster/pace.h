/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When a node talks to Redis: its place in the round, and how long it waits after failures. Pure; times are ns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* One of so many places, by a name: evenly, and the same on all nodes for all time, because keys in Redis go by it. places over 0 */
uint64_t pace_place(const char *name, uint64_t places);

/*
 * Redis' clock, as seen from here. Epochs are counted by it (round.lua), so rounds go by it, too: a node whose rounds reached
 * Redis near the end of an epoch would miss one whenever something takes a few ms longer, and clocks drift until
 * each is there some day.
 */
struct pace_clock {
	bool known;
	int64_t ahead_ns; /* of this node's clock, with the way there: what is sent now arrives at now + ahead */
};

/*
 * Where in each epoch the node's rounds arrive, by its name: in the middle part of it. Up to the end is more than a timer
 * is late by, from the beginning more than an answer of the epoch before.
 */
uint64_t pace_place_ns(const char *node, uint64_t interval_ns);

/*
 * What was sent then reached Redis when its clock said so. An earlier arrival is believed at once, a later one by 1/20 of an interval
 * each: something was late, or clocks drift. If they are more than an interval apart, it is another clock.
 */
void pace_heard(struct pace_clock *clock, uint64_t sent_ns, uint64_t redis_ns,
		uint64_t interval_ns);

/* When to send so that it arrives at this place of an epoch */
uint64_t pace_epoch_ns(const struct pace_clock *clock, uint64_t epoch, uint64_t interval_ns,
		       uint64_t place_ns);

/* The phase of rounds that arrive at this place; the place itself, while Redis' clock is not known */
uint64_t pace_phase_of(const struct pace_clock *clock, uint64_t interval_ns, uint64_t place_ns);

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
