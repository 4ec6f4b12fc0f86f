/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A classic Prometheus histogram of durations in seconds. A slot holds what is above the bound
 * before it and not above its own (`le` is inclusive); the last slot, beyond every bound, is in +Inf
 * alone. The count is the sum of the slots and is not kept beside them. Not locked: the owner is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 12

/* 0.5 ms to 2.5 s: below is noise of the clock and the scheduler, above something is broken */
extern const double histogram_bound[HISTOGRAM_BOUNDS];

struct histogram {
	uint64_t slot[HISTOGRAM_BOUNDS + 1];
	double sum;
};

/* Not a number is not counted; below zero (a clock set back) counts as zero. */
void histogram_observe(struct histogram *histogram, double seconds);

uint64_t histogram_count(const struct histogram *histogram);
