/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How full a bucket is, in units, while the limit that it is judged by becomes another. GCRA (bpf/core/gcra.h) knows how far a bucket is from full:
 * kept as it is, that would make a gift of what a greater burst, or a cheaper unit, holds more. Pure. Times, costs and bursts in
 * ticks; `unit` says in what costs are (abi/config.h). Whatever is not a whole tick is the client's loss.
 */
#pragma once

#include <stdbool.h>

#include "bpf/abi/config.h"

/* Parts of a unit in which credit is counted: exact for whole units, and below 2^42 of them */
#define LEVEL_PARTS (1 << 20)

/*
 * The TAT with which the bucket holds under `to` as many units as under `from` with `tat`, less `debit` (parts of a unit): at least none,
 * at most its burst.
 */
u64 level_carry(u64 tat, u64 now, const struct weir_limit *from, const struct weir_limit *to,
		enum weir_unit unit, u64 debit);

/* Whole units that have been taken from the bucket and have not come back yet, rounded up */
u64 level_missing(u64 tat, u64 now, const struct weir_limit *limit, enum weir_unit unit);

/* The TAT with which it holds `credit` more (parts of a unit), at most its burst */
u64 level_credit(u64 tat, u64 now, const struct weir_limit *limit, enum weir_unit unit, u64 credit);
