/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/buckets.h"

#include <string.h>

static void add_bound(struct metrics_buckets *out, double bound)
{
	out->bound[out->bounds] = bound;
	out->within[out->bounds++] = out->count;
}

void buckets_of_histogram(const struct histogram *histogram, struct metrics_buckets *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		out->count += histogram->slot[i];
		add_bound(out, histogram_bound[i]);
	}
	out->count += histogram->slot[HISTOGRAM_BOUNDS];
	out->sum = histogram->sum;
}

void buckets_of_latency(const struct weir_histogram *histogram, const uint64_t *bound_ns,
			const uint8_t *kind, size_t bounds, struct metrics_buckets *out)
{
	size_t power = 0;

	memset(out, 0, sizeof(*out));
	out->native = true;
	for (size_t i = 0; i < WEIR_SLOTS; i++) {
		out->count += histogram->slot[i];
		out->power[power] += histogram->slot[i];
		if (i < bounds && kind[i] & WEIR_BOUND_LE)
			add_bound(out, (double)bound_ns[i] / 1e9);
		if (i < bounds && kind[i] & WEIR_BOUND_NATIVE && power < WEIR_NATIVE_BOUNDS)
			power++;
	}
	out->sum = (double)histogram->sum_ns / 1e9;
}
