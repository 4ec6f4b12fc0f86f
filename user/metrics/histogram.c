/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/histogram.h"

#include <math.h>

const double histogram_bound[HISTOGRAM_BOUNDS] = {
	0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
};

void histogram_observe(struct histogram *histogram, double seconds)
{
	size_t slot = 0;

	if (isnan(seconds))
		return;
	if (seconds < 0)
		seconds = 0;
	while (slot < HISTOGRAM_BOUNDS && seconds > histogram_bound[slot])
		slot++;
	histogram->slot[slot]++;
	histogram->sum += seconds;
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		count += histogram->slot[i];
	return count;
}
