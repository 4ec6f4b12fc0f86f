/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Figures -> exposition, pure: everything read is passed in, nothing is kept. Formats are the Prometheus
 * text format 0.0.4, OpenMetrics 1.0 and protobuf (delimited io.prometheus.client.MetricFamily). All carry the
 * same series under the same labels (`le` as OpenMetrics spells it, "1.0", in both texts), so that negotiating
 * another format makes no new series; only in protobuf a latency histogram has native buckets beside the classic.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/buffer.h"
#include "user/metrics/histogram.h"
#include "user/metrics/snapshot.h"

/* In the order of what they can say */
enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS, METRICS_PROTOBUF, METRICS_FORMATS };

/* What one HTTP handler has answered. A code with count 0 is listed too: it is one it may answer. */
#define METRICS_HANDLERS 24
#define METRICS_CODES 12
struct metrics_handler {
	const char *name;
	struct {
		unsigned int code;
		uint64_t count;
	} code[METRICS_CODES];
	size_t codes;
	struct histogram duration;
};

struct metrics_http {
	struct metrics_handler handler[METRICS_HANDLERS];
	size_t handlers;
	uint64_t in_progress;
};

struct metrics_process {
	double cpu_seconds;
	double start_time; /* Unix seconds */
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
	uint64_t threads;
};

/* Any of them may be NULL: its families are then left out. */
struct metrics_input {
	const struct snapshot *snapshot;
	const struct snapshot_cluster *cluster; /* the snapshot's: metrics_cluster() */
	const struct metrics_http *http;
	const struct metrics_process *process;
};

/* The snapshot's cluster, where one is configured; else NULL. So is it of NULL. */
const struct snapshot_cluster *metrics_cluster(const struct snapshot *snapshot);

/* Appends the whole exposition. 0 or -ENOMEM. */
int metrics_write(enum metrics_format format, const struct metrics_input *input,
		  struct buffer *out);

/* For the header Content-Type */
const char *metrics_content_type(enum metrics_format format);

/* Appends the tables of docs/metrics.md: families, then verdicts. 0 or -ENOMEM. */
int metrics_document(struct buffer *out);
