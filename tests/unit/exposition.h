/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Snapshots made by hand, and what is asked of the expositions made from them */
#pragma once

#include "user/base/buffer.h"
#include "user/metrics/metrics.h"

/* interfaces x services x tiers, all figures 0 */
struct snapshot *make_snapshot(size_t interfaces, size_t services, size_t tiers);

/* Two interfaces, one service, one tier, two upstreams with one endpoint each, and something in every family */
struct snapshot *make_full_snapshot(void);

/* Cuts slots at the native bounds and these; before the first sample */
void set_bounds(struct snapshot *snapshot, const uint64_t *le_ns, size_t les);

/* An empty histogram more */
struct weir_histogram *add_latency(struct snapshot *snapshot, enum weir_latency latency,
				   uint16_t owner);

/* So many samples of so many ns into histogram number `index` of the snapshot */
void add_samples(struct snapshot *snapshot, size_t index, uint64_t ns, uint64_t samples);

/* With HTTP figures and a process that are always the same */
void write_metrics(enum metrics_format format, struct snapshot *snapshot, struct buffer *out);

void assert_has(struct buffer *text, const char *part);
void assert_has_not(struct buffer *text, const char *part);

/* Everything from the first line that begins with one text to before the first that begins with the other */
void assert_section(struct buffer *text, const char *from, const char *to, const char *expected);

size_t count_of(const char *text, const char *part);

/*
 * Runs a command with the exposition in the file $FILE, and the same as text in $TEXT: its exit status, its
 * output printed when it is not 0
 */
int run_on(enum metrics_format format, struct snapshot *snapshot, const char *command);

/* Skips the test, for that reason, where the command has this exit status */
void skip_without(const char *command, int absent, const char *reason);

/* Debian's own: another python3 first in PATH lacks the libraries */
#define PYTHON3 "/usr/bin/python3"
