/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cluster/pace.h"

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit of the input reaches every bit of the output */
static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* x / 2^64 of below, without the bias and the cost of a remainder */
static uint64_t scaled(uint64_t x, uint64_t below)
{
	return (uint64_t)((unsigned __int128)x * below >> 64);
}

uint64_t pace_place(const char *name, uint64_t places)
{
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
	return scaled(mixed(hash), places);
}

uint64_t pace_place_ns(const char *node, uint64_t interval_ns)
{
	return interval_ns / 5 + pace_place(node, interval_ns / 2 + 1);
}

void pace_heard(struct pace_clock *clock, uint64_t sent_ns, uint64_t redis_ns, uint64_t interval_ns)
{
	int64_t ahead_ns = (int64_t)(redis_ns - sent_ns), interval = (int64_t)interval_ns;
	int64_t late_ns = ahead_ns - clock->ahead_ns;

	if (clock->known && late_ns > interval / 20 && late_ns <= interval)
		clock->ahead_ns += interval / 20;
	else
		clock->ahead_ns = ahead_ns;
	clock->known = true;
}

uint64_t pace_epoch_ns(const struct pace_clock *clock, uint64_t epoch, uint64_t interval_ns,
		       uint64_t place_ns)
{
	return epoch * interval_ns + place_ns - (uint64_t)clock->ahead_ns;
}

uint64_t pace_phase_of(const struct pace_clock *clock, uint64_t interval_ns, uint64_t place_ns)
{
	int64_t phase = ((int64_t)place_ns - clock->ahead_ns) % (int64_t)interval_ns;

	return (uint64_t)(phase < 0 ? phase + (int64_t)interval_ns : phase);
}

uint64_t pace_next_ns(uint64_t now_ns, uint64_t interval_ns, uint64_t phase_ns)
{
	uint64_t begin = now_ns - now_ns % interval_ns + phase_ns % interval_ns;

	return begin > now_ns ? begin : begin + interval_ns;
}

struct pace_backoff pace_backoff_begin(uint64_t seed)
{
	return (struct pace_backoff){.random = seed};
}

uint64_t pace_backoff_ns(struct pace_backoff *backoff, uint64_t most_ns)
{
	uint64_t last = backoff->wait_ns ? backoff->wait_ns : PACE_LEAST_NS;
	uint64_t wait;

	backoff->random += 0x9e3779b97f4a7c15ULL; /* splitmix64 */
	wait = PACE_LEAST_NS + scaled(mixed(backoff->random), 3 * last - PACE_LEAST_NS + 1);
	if (most_ns > PACE_MOST_NS)
		most_ns = PACE_MOST_NS;
	if (most_ns < PACE_LEAST_NS)
		most_ns = PACE_LEAST_NS;
	backoff->wait_ns = wait < most_ns ? wait : most_ns;
	return backoff->wait_ns;
}

void pace_backoff_reset(struct pace_backoff *backoff)
{
	backoff->wait_ns = 0;
}
