/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Buckets in the kernel's memory, while the limits they are charged by become others and packets are judged by them. Their level is carried
 * in units (level.h). Cost, burst and TAT are three words. In which order they are written is chosen so that whoever comes in between finds
 * no more in the bucket than it holds before, or after. For one thread at a time; the kernel's packets are the others.
 *
 * Races, all with packets:
 *  - one that read numbers before they were changed is charged by what was: one packet, or chunk, for each processor and write.
 *  - where a cost falls while its burst falls by more, the numbers go first, and what passes until the TAT is moved, nanoseconds unless
 *    the writing thread is interrupted just there, counts for only its part of the new cost of what it was.
 */
#pragma once

#include <stddef.h>

#include "user/datapath/level.h"

/* A bucket on its way from one limit to another */
struct carry {
	u64 *tat; /* NULL: there is none */
	struct weir_limit from, to;
	enum weir_unit unit;
	u64 debit; /* parts of a unit, see level.h */
	bool done;
};

/*
 * Before `to` is what packets are judged by, and after it: each bucket is moved once, by the first if it then looks emptier to who
 * still judges by `from`.
 */
void carry_before(struct carry *carry, size_t count);
void carry_after(struct carry *carry, size_t count);

/* A limit in force, its words, and its bucket */
struct bucket {
	u64 *cost, *burst;
	u64 *tat;   /* NULL: there is none */
	u32 *chunk; /* NULL: no group limit */
	enum weir_unit unit;
};

/*
 * Makes the limit what `to` (and, of a group limit, `chunk`) says: level = min(burst, max(0, level + credit)), credit in units.
 */
void bucket_change(const struct bucket *bucket, const struct weir_limit *to, u32 chunk,
		   double credit);
