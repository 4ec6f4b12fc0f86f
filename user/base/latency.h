/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a latency histogram says: quantiles, the slowest, what came since. bound_ns and bounds are those its slots
 * are cut at (user/base/bounds.h). A histogram without samples answers 0; ask for the count first.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/latency.h"

uint64_t latency_count(const struct weir_histogram *histogram);

/*
 * ns that a share q (0 .. 1) of the samples do not exceed. Samples of a slot are taken to lie evenly between its two
 * bounds (the lowest slot begins at 0), as Prometheus does with classic buckets; so the error is less than the
 * width of the slot, at most 19 % of the value above 7.6 us. In the overflow: the highest bound, for nothing
 * more is known.
 */
double latency_quantile_ns(const struct weir_histogram *histogram, const uint64_t *bound_ns,
			   size_t bounds, double q);

/* Upper bound of the highest slot with a sample: no sample was slower, unless in the overflow (the highest bound) */
uint64_t latency_max_ns(const struct weir_histogram *histogram, const uint64_t *bound_ns,
			size_t bounds);

/*
 * now - before, of one histogram at two moments. Where any slot has fewer than before, it has begun anew
 * (other bounds, other pins): then all of now. out may be either of them.
 */
void latency_since(const struct weir_histogram *now, const struct weir_histogram *before,
		   struct weir_histogram *out);
