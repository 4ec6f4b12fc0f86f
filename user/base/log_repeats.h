/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which lines of the log are left out because they came too often. Pure: the time is passed in; one thread at a time.
 *
 * Time is cut into windows, the first of which begins with a line. The same line (level, component and the whole text) is
 * written LOG_REPEATS_BURST times in a window; what comes after that is counted, and told in one line when the window ends. A line that says
 * something else is never left out, so no change of state is. Of lines for debugging, whose text differs
 * each time, LOG_REPEATS_DEBUG of a component are written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_REPEATS_WINDOW_NS 60000000000ULL
#define LOG_REPEATS_BURST 10
#define LOG_REPEATS_DEBUG 1000
/*
 * Different lines that are remembered. When all of them are lines with repeats to be told, others are written without being
 * counted; else the one not seen for longest is forgotten, and may be written LOG_REPEATS_BURST times again.
 */
#define LOG_REPEATS_LINES 32
#define LOG_REPEATS_TEXT 2048 /* bytes of a message, with its terminating zero */
#define LOG_REPEATS_WORD 32   /* of a component */

struct log_repeat {
	uint64_t last_ns;
	uint64_t seen; /* in this window; 0: the place is free */
	uint64_t left_out;
	int level;
	char component[LOG_REPEATS_WORD];
	char text[LOG_REPEATS_TEXT]; /* "": lines for debugging */
};

/* All zero to begin with */
struct log_repeats {
	uint64_t window_ns; /* when it began; only while there are lines */
	struct log_repeat line[LOG_REPEATS_LINES];
};

/* Whether it is to be written. First log_repeats_take() what is due. */
bool log_repeats_pass(struct log_repeats *repeats, uint64_t now_ns, int level,
		      const char *component, const char *text);

/*
 * The next line whose repeats are to be told, into *out, the one that came last as the last: it is what holds. False: none, until the window
 * ends. UINT64_MAX as the time ends it.
 */
bool log_repeats_take(struct log_repeats *repeats, uint64_t now_ns, struct log_repeat *out);

/* What to write of it at that time. */
void log_repeats_text(const struct log_repeat *repeat, uint64_t now_ns, char *out, size_t size);
