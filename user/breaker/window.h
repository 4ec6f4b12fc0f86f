/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts of calls over a sliding window of time, in ten parts: as time goes on the oldest part leaves. So the
 * window spans nine to ten parts of its length; a call is forgotten up to a tenth early, never late.
 * Pure. Time in ns, never less than in the call before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_PARTS 10

struct window_counts {
	uint64_t calls;	   /* that were completed, one way or another */
	uint64_t failures; /* of them; never more */
	uint64_t slow;	   /* likewise */
};

struct window {
	uint64_t part_ns;  /* length of a part, at least 1 */
	uint64_t start_ns; /* of the part that is filled at present */
	unsigned int head; /* its place in part[] */
	struct window_counts part[WINDOW_PARTS];
	struct window_counts sum; /* of all parts */
};

/* Empties it. length_ns is cut to tenths. */
void window_reset(struct window *window, uint64_t length_ns, uint64_t now_ns);

/* Forgets what time has carried out of it. */
void window_advance(struct window *window, uint64_t now_ns);

/*
 * Counts what was completed just now. The counts may come from counters that are read one after the other: failures
 * and slow calls beyond `calls` are left out.
 */
void window_add(struct window *window, const struct window_counts *counts, uint64_t now_ns);

/* Are `part` of the calls so far at least `ratio` (parts of 10,000)? False below min_calls: unknown. */
bool window_reaches(const struct window *window, uint64_t part, uint32_t ratio, uint32_t min_calls);
