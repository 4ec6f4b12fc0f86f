/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/bounds.h"

#include <string.h>

/* Doublings of a second at the end of the last octave kept: 2^6 s are 2^(24/4) */
#define OCTAVES (WEIR_NATIVE_LAST / 4)
_Static_assert(WEIR_NATIVE_LAST % 4 == 0 && OCTAVES == 6, "top[] is for 2^6 s");

/*
 * floor(2^(r/4) * 2^6 * 10^9) for r = 0 .. 3. All others are these shifted down, for
 * floor(floor(x) / 2^m) = floor(x / 2^m).
 */
static const uint64_t top[4] = {64000000000, 76109255360, 90509667991, 107634741152};

uint64_t bounds_native_ns(int k)
{
	unsigned int remainder = (unsigned int)k & 3; /* of the floored division, also below 0 */

	return top[remainder] >> (OCTAVES - (k - (int)remainder) / 4);
}

static void add(struct bounds *out, uint64_t ns, uint8_t kind)
{
	if (!out->count || out->ns[out->count - 1] != ns)
		out->ns[out->count++] = ns;
	out->kind[out->count - 1] |= kind;
}

void bounds_make(const uint64_t *le_ns, size_t les, struct bounds *out)
{
	size_t le = 0;

	memset(out, 0, sizeof(*out));
	for (int k = WEIR_NATIVE_FIRST; k <= WEIR_NATIVE_LAST; k++) {
		uint64_t ns = bounds_native_ns(k);

		for (; le < les && le_ns[le] < ns; le++)
			add(out, le_ns[le], WEIR_BOUND_LE);
		add(out, ns, WEIR_BOUND_NATIVE);
	}
	/* One that is the last native bound as well meets it here */
	for (; le < les; le++)
		add(out, le_ns[le], WEIR_BOUND_LE);
	for (size_t i = out->count; i < WEIR_SLOTS; i++)
		out->ns[i] = ~0ULL;
}
