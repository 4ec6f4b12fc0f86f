/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slot of a sample (abi/latency.h), pure. A slot holds what is above the bound before it and not above its own:
 * `le` is inclusive. What is above every bound in use falls into the first slot whose bound is ~0.
 *
 * A binary search of seven steps without a branch: durations are as good as random, and a processor that
 * guesses wrong loses more than all the steps cost. To the verifier it is one path, not 2^7.
 */
#pragma once

#include "bpf/abi/latency.h"
#include "compat.h"

/* a > b, as 0 or 1, for a < 2^63 */
weir_inline u64 weir_above(u64 a, u64 b)
{
	return ((b - a) & ~b) >> 63;
}

/*
 * First i with ns <= bound_ns[i]; 0 .. WEIR_SLOTS - 1. bound_ns is ascending, those not in use are ~0. ns is
 * less than 2^63 (292 years); a small negative difference, of two processors' clocks, goes to slot 0.
 */
weir_inline u32 weir_slot(const u64 bound_ns[WEIR_SLOTS], u64 ns)
{
	u64 slot = 0;

#pragma unroll
	for (u64 step = WEIR_SLOTS / 2; step; step /= 2) {
		u64 up = step * weir_above(ns, bound_ns[slot + step - 1]);

		weir_opaque(up); /* or the sum becomes an or, at which Linux 6.1 forgets bounds */
		slot += up;
	}
	return (u32)slot;
}
_Static_assert(WEIR_SLOTS == 128, "seven steps reach bound_ns[0] .. bound_ns[126]");
