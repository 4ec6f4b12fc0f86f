/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The histograms of GET /v1/latency, read back from JSON: of all time, or of the time between two answers. Pure.
 * A field that cannot be read is noted by the reader and leaves an empty histogram.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/latency.h"
#include "user/cli/reader.h"

/* What an answer, and perhaps an earlier one, are read with */
struct distribution_bounds {
	uint64_t ns[WEIR_BOUNDS];
	size_t count;
};
void distribution_read_bounds(const json_t *answer, struct distribution_bounds *out,
			      struct reader *reader);

struct distribution {
	struct weir_histogram histogram;
	uint64_t count;
};
void distribution_read(const json_t *histogram, struct distribution *out, struct reader *reader);

/* *now becomes what came after *before; unchanged where counting began anew meanwhile. */
void distribution_since(struct distribution *now, const struct distribution *before);

/*
 * Samples by powers of two: octave[i] is those above 2^(k-1) s and up to 2^k s, k = i + OCTAVE_FIRST. Exact up to 64 s, for
 * each 2^k is a bound of slots; a slot above that, where only configured bounds are, counts for the octave its
 * upper bound is in, and one that reaches below the first octave for the first.
 */
#define OCTAVE_FIRST (-30)
#define OCTAVES 64
struct octaves {
	uint64_t octave[OCTAVES];
	uint64_t overflow; /* above every bound */
};
void distribution_octaves(const struct distribution *distribution,
			  const struct distribution_bounds *bounds, struct octaves *out);

/* Seconds: the upper bound of octave[i] */
double octave_seconds(size_t i);

/* Octaves from first to the last that has a sample; false when none has. Widens *first and *last. */
bool octaves_range(const struct octaves *octaves, size_t *first, size_t *last);
