/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/latency.h"

uint64_t latency_count(const struct weir_histogram *histogram)
{
	uint64_t count = 0;

	for (size_t i = 0; i < WEIR_SLOTS; i++)
		count += histogram->slot[i];
	return count;
}

double latency_quantile_ns(const struct weir_histogram *histogram, const uint64_t *bound_ns,
			   size_t bounds, double q)
{
	double rank = q * (double)latency_count(histogram), before = 0;

	for (size_t i = 0; i < bounds; i++) {
		double samples = (double)histogram->slot[i];
		double lower = i ? (double)bound_ns[i - 1] : 0;

		if (histogram->slot[i] && before + samples >= rank)
			return lower + ((double)bound_ns[i] - lower) * (rank - before) / samples;
		before += samples;
	}
	/* It lies in the overflow */
	return (double)latency_max_ns(histogram, bound_ns, bounds);
}

uint64_t latency_max_ns(const struct weir_histogram *histogram, const uint64_t *bound_ns,
			size_t bounds)
{
	for (size_t i = WEIR_SLOTS; i-- > 0;)
		if (histogram->slot[i] && bounds)
			return bound_ns[i < bounds ? i : bounds - 1];
	return 0;
}

static int began_anew(const struct weir_histogram *now, const struct weir_histogram *before)
{
	for (size_t i = 0; i < WEIR_SLOTS; i++)
		if (now->slot[i] < before->slot[i])
			return 1;
	return 0;
}

void latency_since(const struct weir_histogram *now, const struct weir_histogram *before,
		   struct weir_histogram *out)
{
	int anew = began_anew(now, before);

	/* Slots and sum are not read at one moment: a sum that lags is no reason for a negative one. */
	out->sum_ns = anew			     ? now->sum_ns
		      : now->sum_ns > before->sum_ns ? now->sum_ns - before->sum_ns
						     : 0;
	for (size_t i = 0; i < WEIR_SLOTS; i++)
		out->slot[i] = now->slot[i] - (anew ? 0 : before->slot[i]);
}
