/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes the samples of one family after another, in any of the formats: an emitter knows nothing of them. The
 * family's HELP and TYPE go out with its first sample, so that a family without samples leaves no trace. Label
 * names come from the list; a sample gives their values in the same order.
 */
#pragma once

#include "user/metrics/buckets.h"
#include "user/metrics/list.h"
#include "user/metrics/metrics.h"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

#define METRICS_LABELS 8

struct metrics_writer;

struct metrics_family {
	const char *name;
	enum metrics_type type;
	const char *unit;
	const char *help;
	const char *label[METRICS_LABELS]; /* ends with NULL */
	size_t source; /* offset of the pointer in struct metrics_input; it is not NULL when emit is called */
	void (*emit)(struct metrics_writer *writer, const struct metrics_input *input);
};

struct metrics_writer {
	struct buffer *out;
	enum metrics_format format;
	const struct metrics_family *family;
	bool described;	    /* HELP and TYPE are out */
	struct buffer body; /* protobuf: the family so far, which goes out after its length */
};

/* After the last sample of a family, and before the next family */
void metrics_end_family(struct metrics_writer *writer);

/* As many values as the family has labels, else it aborts: a mistake in an emitter, found by any scrape. */
void metrics_sample_number(struct metrics_writer *writer, uint64_t number, size_t count,
			   const char *const *values);
void metrics_sample_real(struct metrics_writer *writer, double number, size_t count,
			 const char *const *values);
void metrics_sample_histogram(struct metrics_writer *writer, const struct histogram *histogram,
			      size_t count, const char *const *values);
void metrics_sample_buckets(struct metrics_writer *writer, const struct metrics_buckets *buckets,
			    size_t count, const char *const *values);

#define METRICS_VALUES(...)                                                      \
	sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1, \
		(const char *const[]){NULL, ##__VA_ARGS__} + 1

/* metrics_number(writer, 7, "eth0", "web"): labels last, none if there are none */
#define metrics_number(writer, number, ...) \
	metrics_sample_number(writer, number, METRICS_VALUES(__VA_ARGS__))
#define metrics_real(writer, number, ...) \
	metrics_sample_real(writer, number, METRICS_VALUES(__VA_ARGS__))
#define metrics_histogram(writer, histogram, ...) \
	metrics_sample_histogram(writer, histogram, METRICS_VALUES(__VA_ARGS__))
#define metrics_buckets(writer, buckets, ...) \
	metrics_sample_buckets(writer, buckets, METRICS_VALUES(__VA_ARGS__))

/* The emitter of a family without labels that is one field of the input */
#define metrics_scalar(emitter, field)                                 \
	void metrics_emit_##emitter(struct metrics_writer *writer,     \
				    const struct metrics_input *input) \
	{                                                              \
		_Generic(input->field, double                          \
			 : scalar_real, default                        \
			 : scalar_number)(writer, input->field);       \
	}

static inline void scalar_real(struct metrics_writer *writer, double number)
{
	metrics_real(writer, number);
}

static inline void scalar_number(struct metrics_writer *writer, uint64_t number)
{
	metrics_number(writer, number);
}

#define X(emitter, ...)                                            \
	void metrics_emit_##emitter(struct metrics_writer *writer, \
				    const struct metrics_input *input);
METRICS_FAMILIES(X)
#undef X
