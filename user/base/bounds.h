/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the slots of latency histograms are cut (bpf/abi/latency.h): at the native bounds and at the configured `le`,
 * so that both kinds of buckets are exact sums of slots. Samples are whole nanoseconds: a sample is not above
 * 2^(k/4) s exactly if it is not above the integer part of that in ns, so integer bounds lose nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/latency.h"

struct bounds {
	uint64_t ns[WEIR_SLOTS];  /* ascending, inclusive; from [count] on ~0 */
	uint8_t kind[WEIR_SLOTS]; /* WEIR_BOUND_*; from [count] on 0 */
	size_t count;		  /* at most WEIR_BOUNDS. Slot `count` is the overflow */
};

/* floor(2^(k/4) * 10^9), exactly, for k = WEIR_NATIVE_FIRST .. WEIR_NATIVE_LAST */
uint64_t bounds_native_ns(int k);

/* le_ns: ascending, at least 1, less than 2^63; at most WEIR_LE_MAX of them */
void bounds_make(const uint64_t *le_ns, size_t les, struct bounds *out);
