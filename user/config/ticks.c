// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rates and bursts as the kernel wants them: the only place where units become ticks */
#include <math.h>

#include "user/config/limit.h"

typedef unsigned __int128 u128;

#define YEAR_TICKS (LIMIT_REFILL_MAX_NS * WEIR_TICKS_PER_NS)
/* A year of the fastest limit, whose cost of 16 ticks may have been rounded up by one: clients are forgotten by a clock that holds for 1.1 */
#define BURST_MAX (YEAR_TICKS + YEAR_TICKS / 16)

/* Bursts are taken in parts of a unit, for a share of one need not be whole: 2^-20 units */
#define PART_SHIFT 20

static u128 divide_up(u128 value, u128 by)
{
	return (value + by - 1) / by;
}

static unsigned int cost_shift(enum weir_unit unit)
{
	return unit == WEIR_UNIT_BYTES ? WEIR_BYTE_COST_SHIFT : 0;
}

static uint64_t slowest_cost(enum weir_unit unit)
{
	return unit == WEIR_UNIT_BYTES
		       ? (WEIR_TICKS_PER_SEC << WEIR_BYTE_COST_SHIFT) / LIMIT_BYTES_MIN
		       : YEAR_TICKS;
}

/*
 * `amount` units in each `period` (ticks, at most 2^107), and a burst of `parts`. Nothing overflows: the cost of a byte is at most 2^46 (256 B/s),
 * of anything else 2^59 (one a year), and a burst at most some more than a year, 2^59.
 */
static void to_ticks(enum weir_unit unit, u128 period, u128 amount, u128 parts,
		     struct weir_limit *out)
{
	unsigned int shift = cost_shift(unit);
	uint64_t least = unit == WEIR_UNIT_BYTES ? LIMIT_FRAME_BYTES : 1;
	u128 cost = divide_up(period << shift, amount), burst = BURST_MAX, one;

	if (cost > slowest_cost(unit))
		cost = slowest_cost(unit);
	if (parts <= ((u128)BURST_MAX << (shift + PART_SHIFT)) / cost)
		burst = divide_up(cost * parts, (u128)1 << (shift + PART_SHIFT));
	one = divide_up(cost * least, (u128)1 << shift);
	out->cost = (uint64_t)cost;
	out->burst = (uint64_t)(burst > one ? burst : one);
}

void config_limit_ticks(const struct config_limit *limit, struct weir_limit *out)
{
	config_even_ticks(limit, 1, out);
}

void config_even_ticks(const struct config_limit *limit, uint32_t nodes, struct weir_limit *out)
{
	if (!nodes)
		nodes = 1;
	to_ticks(limit->unit, (u128)limit->period_ns * WEIR_TICKS_PER_NS * nodes, limit->amount,
		 ((u128)limit->burst << PART_SHIFT) / nodes, out);
}

void config_share_ticks(enum weir_unit unit, double rate, double burst, struct weir_limit *out)
{
	double slowest = unit == WEIR_UNIT_BYTES ? (double)LIMIT_BYTES_MIN
						 : 1e9 / (double)LIMIT_REFILL_MAX_NS;
	double fastest = unit == WEIR_UNIT_BYTES ? (double)LIMIT_BYTES_MAX : (double)LIMIT_RATE_MAX;
	double fraction;
	int exponent;

	if (!(rate > 0)) {
		*out = (struct weir_limit){.cost = slowest_cost(unit)};
		return;
	}
	/* Exactly that number, as a fraction: 2^53 times its digits come in 2^(53 - exponent) seconds */
	fraction = frexp(fmin(fmax(rate, slowest), fastest), &exponent);
	burst = fmin(fmax(burst, 0), 0x1p63);
	to_ticks(unit, (u128)WEIR_TICKS_PER_SEC << (53 - exponent),
		 (u128)(uint64_t)(fraction * 0x1p53), (u128)(burst * (1 << PART_SHIFT)), out);
}
