/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The protobuf format of Prometheus, delimited: each family is a message io.prometheus.client.MetricFamily after its
 * length. Latency goes out as a native histogram with its classic buckets beside it; a scraper takes what it knows.
 *
 * A message is its fields one after another, and a repeated field may come in pieces. So the family's
 * head and each sample are packed on their own into one body, and no tree of the whole family is built.
 */
#pragma once

#include "user/metrics/buckets.h"
#include "user/metrics/writer.h"

/* Into writer->body. values: as many as the family has labels */
void protobuf_head(struct metrics_writer *writer);
void protobuf_number(struct metrics_writer *writer, double number, size_t count,
		     const char *const *values);
void protobuf_buckets(struct metrics_writer *writer, const struct metrics_buckets *buckets,
		      size_t count, const char *const *values);

/* The body with its length to writer->out; nothing, where there was no sample */
void protobuf_end(struct metrics_writer *writer);
