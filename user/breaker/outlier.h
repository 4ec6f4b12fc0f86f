/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which endpoints succeed much less often than the others: below the mean of all success rates less
 * stdev_factor standard deviations (Envoy's success_rate). Exact in integers once a rate is cut to a
 * millionth. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OUTLIER_RATE_MAX 1000000u
/* More rates than any upstream has endpoints; keeps the sums in 128 bits */
#define OUTLIER_RATES_MAX 65536u

/* Of endpoints with enough calls */
struct outlier_rates {
	uint64_t count; /* at most OUTLIER_RATES_MAX */
	uint64_t sum;
	uint64_t squares; /* sum of them */
};

/* successes of calls, at least 1, in millionths */
uint32_t outlier_rate(uint64_t successes, uint64_t calls);

void outlier_add(struct outlier_rates *rates, uint32_t rate);

/* Is this one of the rates below mean - factor * standard deviation (of the population)? factor: thousandths */
bool outlier_is(const struct outlier_rates *rates, uint32_t rate, uint32_t factor);
