/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/breaker/outlier.h"

typedef unsigned __int128 u128;

uint32_t outlier_rate(uint64_t successes, uint64_t calls)
{
	return (uint32_t)((u128)successes * OUTLIER_RATE_MAX / calls);
}

void outlier_add(struct outlier_rates *rates, uint32_t rate)
{
	rates->count++;
	rates->sum += rate;
	rates->squares += (uint64_t)rate * rate;
}

/*
 * With n rates r, sum S and sum of squares Q: the mean is S / n and the variance (n Q - S^2) / n^2. So
 *     r < S / n - k sqrt(n Q - S^2) / n   is   n r < S  and  (S - n r)^2 > k^2 (n Q - S^2).
 * n up to 2^16 and r up to 10^6, below 2^20: both sides stay below 2^72 without k, and with 10^6, or k in
 * thousandths below 2^24, below 2^120.
 */
bool outlier_is(const struct outlier_rates *rates, uint32_t rate, uint32_t factor)
{
	uint64_t below = rates->count * rate;
	u128 spread = (u128)rates->count * rates->squares - (u128)rates->sum * rates->sum;
	u128 distance = rates->sum - below;

	if (below >= rates->sum)
		return false;
	return distance * distance * 1000000 > spread * ((u128)factor * factor);
}
