/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Random numbers for tests (xorshift64*, Vigna 2014): fast and the same everywhere. Begin each test
 * with random_begin(): it prints the seed, and takes it from $SEED to repeat a run.
 */
#pragma once

#include <stdint.h>

struct random {
	uint64_t state; /* never 0 */
};

struct random random_begin(void);

static inline uint64_t random_u64(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * 0x2545f4914f6cdd1dULL;
}

/* 0 .. below - 1 */
static inline uint64_t random_below(struct random *random, uint64_t below)
{
	return (uint64_t)((unsigned __int128)random_u64(random) * below >> 64);
}
