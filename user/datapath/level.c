// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/level.h"

typedef unsigned __int128 u128;

/* Ticks of `parts` of a unit: at most 2^63 x 2^59 on the way */
static u128 ticks_of(u64 parts, u64 cost, enum weir_unit unit, bool up)
{
	u128 whole = (u128)LEVEL_PARTS << (unit == WEIR_UNIT_BYTES ? WEIR_BYTE_COST_SHIFT : 0);

	return ((u128)parts * cost + (up ? whole - 1 : 0)) / whole;
}

u64 level_carry(u64 tat, u64 now, const struct weir_limit *from, const struct weir_limit *to,
		enum weir_unit unit, u64 debit)
{
	u64 missing = tat > now ? tat - now : 0;
	u128 level = missing < from->burst ? from->burst - missing : 0;
	u128 less = ticks_of(debit, to->cost, unit, true);

	/* Units are ticks by cost, and whether those are units or bytes in small parts does not matter here. */
	level = level * to->cost / from->cost;
	level = level > less ? level - less : 0;
	return now + to->burst - (level < to->burst ? (u64)level : to->burst);
}

u64 level_credit(u64 tat, u64 now, const struct weir_limit *limit, enum weir_unit unit, u64 credit)
{
	u128 more = ticks_of(credit, limit->cost, unit, false);

	if (tat <= now)
		return tat;
	return tat - now > more ? tat - (u64)more : now;
}

u64 level_missing(u64 tat, u64 now, const struct weir_limit *limit, enum weir_unit unit)
{
	u64 ticks = tat > now ? tat - now : 0;
	u128 scaled = (u128)ticks << (unit == WEIR_UNIT_BYTES ? WEIR_BYTE_COST_SHIFT : 0);

	return limit->cost ? (u64)((scaled + limit->cost - 1) / limit->cost) : 0;
}
