/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A histogram as an exposition tells it, however it is kept: classic buckets by `le`, and for latency those of a
 * native histogram as well. Both are exact sums of slots, so they agree with one another and with the count.
 */
#pragma once

#include "user/metrics/snapshot.h"

struct metrics_buckets {
	/* Classic: samples not above each bound. Those above all are in the count alone, which is le="+Inf". */
	size_t bounds;
	double bound[WEIR_BOUNDS]; /* seconds, ascending */
	uint64_t within[WEIR_BOUNDS];
	uint64_t count;
	double sum; /* seconds */

	/*
	 * Native, schema WEIR_NATIVE_SCHEMA: [0] is the zero bucket, samples not above 2^(WEIR_NATIVE_FIRST/4) s; [i] the
	 * bucket with index WEIR_NATIVE_FIRST + i; the last one what is above 2^(WEIR_NATIVE_LAST/4) s.
	 */
	bool native;
	uint64_t power[WEIR_NATIVE_BOUNDS + 1];
};

void buckets_of_histogram(const struct histogram *histogram, struct metrics_buckets *out);

/* bound_ns and kind: what the slots are cut at, as in struct snapshot */
void buckets_of_latency(const struct weir_histogram *histogram, const uint64_t *bound_ns,
			const uint8_t *kind, size_t bounds, struct metrics_buckets *out);
