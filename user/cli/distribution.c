/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/distribution.h"

#include <math.h>
#include <string.h>

#include "user/base/latency.h"
#include "user/base/number.h"

#define SECONDS_MAX 1e9 /* a bound beyond this is no bound: it would not fit in ns */

void distribution_read_bounds(const json_t *answer, struct distribution_bounds *out,
			      struct reader *reader)
{
	double seconds[WEIR_BOUNDS];

	*out = (struct distribution_bounds){
		.count = reader_numbers(reader, answer, "bounds", seconds, WEIR_BOUNDS),
	};
	for (size_t i = 0; i < out->count; i++) {
		double bound = seconds[i] < 0 ? 0 : fmin(seconds[i], SECONDS_MAX);

		out->ns[i] = (uint64_t)llround(bound * 1e9);
	}
}

void distribution_read(const json_t *histogram, struct distribution *out, struct reader *reader)
{
	uint64_t slot[WEIR_SLOTS] = {0};

	reader_counts(reader, histogram, "slots", slot, WEIR_SLOTS);
	*out = (struct distribution){0};
	memcpy(out->histogram.slot, slot, sizeof(slot));
	out->count = latency_count(&out->histogram);
}

void distribution_since(struct distribution *now, const struct distribution *before)
{
	latency_since(&now->histogram, &before->histogram, &now->histogram);
	now->count = latency_count(&now->histogram);
}

/* floor(2^k) s in ns, as the bounds of slots are: k from -30 up to 33 */
static uint64_t octave_ns(int k)
{
	return k < 0 ? NS_PER_SEC >> -k : NS_PER_SEC << k;
}

static size_t octave_of(uint64_t bound_ns)
{
	size_t i = 0;

	while (i + 1 < OCTAVES && octave_ns((int)i + OCTAVE_FIRST) < bound_ns)
		i++;
	return i;
}

void distribution_octaves(const struct distribution *distribution,
			  const struct distribution_bounds *bounds, struct octaves *out)
{
	*out = (struct octaves){0};
	for (size_t i = 0; i < WEIR_SLOTS; i++) {
		uint64_t samples = distribution->histogram.slot[i];

		if (i < bounds->count)
			out->octave[octave_of(bounds->ns[i])] += samples;
		else
			out->overflow += samples;
	}
}

double octave_seconds(size_t i)
{
	return ldexp(1, (int)i + OCTAVE_FIRST);
}

bool octaves_range(const struct octaves *octaves, size_t *first, size_t *last)
{
	bool any = false;

	for (size_t i = 0; i < OCTAVES; i++) {
		if (!octaves->octave[i])
			continue;
		if (i < *first)
			*first = i;
		if (i > *last)
			*last = i;
		any = true;
	}
	return any;
}
