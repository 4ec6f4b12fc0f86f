/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/protobuf.h"

#include <math.h>
#include <string.h>

#include "user/base/utf8.h"
#include "user/metrics/metrics.pb-c.h"

/* Where libprotobuf-c writes to */
struct sink {
	ProtobufCBuffer base;
	struct buffer *out;
};

static void append(ProtobufCBuffer *base, size_t length, const uint8_t *bytes)
{
	buffer_add(((struct sink *)base)->out, bytes, length);
}

static void pack(struct metrics_writer *writer, const Prometheus__MetricFamily *family)
{
	struct sink sink = {.base.append = append, .out = &writer->body};

	prometheus__metric_family__pack_to_buffer(family, &sink.base);
}

void protobuf_head(struct metrics_writer *writer)
{
	static const Prometheus__MetricType type[] = {
		[METRICS_COUNTER] = PROMETHEUS__METRIC_TYPE__COUNTER,
		[METRICS_GAUGE] = PROMETHEUS__METRIC_TYPE__GAUGE,
		[METRICS_HISTOGRAM] = PROMETHEUS__METRIC_TYPE__HISTOGRAM,
	};
	Prometheus__MetricFamily family = PROMETHEUS__METRIC_FAMILY__INIT;

	family.name = (char *)writer->family->name;
	family.help = (char *)writer->family->help;
	family.has_type = true;
	family.type = type[writer->family->type];
	pack(writer, &family);
}

/* The value with '?' for each byte that is no UTF-8: protobuf's strings must be, as labels of Prometheus must */
static char *utf8_text(const char *value, struct buffer *scratch)
{
	if (utf8_valid(value))
		return (char *)value;
	while (*value) {
		size_t length = utf8_character(value);

		buffer_add(scratch, length ? value : "?", length ? length : 1);
		value += length ? length : 1;
	}
	return (char *)buffer_string(scratch);
}

/* One sample: its labels, and the value that the caller has put into `metric` */
static void pack_sample(struct metrics_writer *writer, Prometheus__Metric *metric, size_t count,
			const char *const *values)
{
	Prometheus__MetricFamily family = PROMETHEUS__METRIC_FAMILY__INIT;
	Prometheus__LabelPair label[METRICS_LABELS], *labels[METRICS_LABELS];
	struct buffer scratch[METRICS_LABELS] = {0};

	for (size_t i = 0; i < count; i++) {
		prometheus__label_pair__init(&label[i]);
		label[i].name = (char *)writer->family->label[i];
		label[i].value = utf8_text(values[i], &scratch[i]);
		writer->body.failed |= scratch[i].failed;
		labels[i] = &label[i];
	}
	metric->n_label = count;
	metric->label = labels;
	family.n_metric = 1;
	family.metric = &metric;
	pack(writer, &family);
	for (size_t i = 0; i < count; i++)
		buffer_release(&scratch[i]);
}

void protobuf_number(struct metrics_writer *writer, double number, size_t count,
		     const char *const *values)
{
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	Prometheus__Counter counter = PROMETHEUS__COUNTER__INIT;
	Prometheus__Gauge gauge = PROMETHEUS__GAUGE__INIT;

	counter.has_value = gauge.has_value = true;
	counter.value = gauge.value = number;
	if (writer->family->type == METRICS_COUNTER)
		metric.counter = &counter;
	else
		metric.gauge = &gauge;
	pack_sample(writer, &metric, count, values);
}

/* The spans and deltas of a native histogram */
struct sparse {
	Prometheus__BucketSpan span[WEIR_NATIVE_BOUNDS], *spans[WEIR_NATIVE_BOUNDS];
	size_t span_count;
	int64_t delta[WEIR_NATIVE_BOUNDS];
	size_t delta_count;
	int32_t next;	   /* index after the last bucket told */
	uint64_t previous; /* samples in it */
};

static void add_bucket(struct sparse *out, uint64_t samples)
{
	out->delta[out->delta_count++] = (int64_t)(samples - out->previous);
	out->previous = samples;
	out->span[out->span_count - 1].length++;
	out->next++;
}

static void add_span(struct sparse *out, int32_t index)
{
	Prometheus__BucketSpan *span = &out->span[out->span_count];

	prometheus__bucket_span__init(span);
	span->has_offset = span->has_length = true;
	span->offset = index - out->next; /* the first: from 0 */
	out->next = index;
	out->spans[out->span_count++] = span;
}

/* A span costs as much as two empty buckets */
#define GAP 2

static void add_sparse(struct sparse *out, int32_t index, uint64_t samples)
{
	if (!samples)
		return;
	if (!out->span_count || index - out->next > GAP)
		add_span(out, index);
	while (out->next < index)
		add_bucket(out, 0);
	add_bucket(out, samples);
}

/*
 * Index of the bucket up to infinity: one after that of the largest double, 2^1024. What is above our last bound
 * is known to be above it and no more, so it goes there: the count is right and no finite bucket tells a lie.
 */
#define INFINITE_INDEX ((1024 << WEIR_NATIVE_SCHEMA) + 1)

static void native(const struct metrics_buckets *buckets, struct sparse *sparse,
		   Prometheus__Histogram *out)
{
	*sparse = (struct sparse){0};
	for (int i = 1; i < WEIR_NATIVE_BOUNDS; i++)
		add_sparse(sparse, WEIR_NATIVE_FIRST + i, buckets->power[i]);
	add_sparse(sparse, INFINITE_INDEX, buckets->power[WEIR_NATIVE_BOUNDS]);

	out->has_schema = out->has_zero_threshold = out->has_zero_count = true;
	out->schema = WEIR_NATIVE_SCHEMA;
	out->zero_threshold = exp2((double)WEIR_NATIVE_FIRST / (1 << WEIR_NATIVE_SCHEMA));
	out->zero_count = buckets->power[0];
	out->n_positive_span = sparse->span_count;
	out->positive_span = sparse->spans;
	out->n_positive_delta = sparse->delta_count;
	out->positive_delta = sparse->delta;
}
_Static_assert(WEIR_NATIVE_FIRST % (1 << WEIR_NATIVE_SCHEMA) == 0,
	       "the zero threshold must be a power of two, or exp2() is not exact");

void protobuf_buckets(struct metrics_writer *writer, const struct metrics_buckets *buckets,
		      size_t count, const char *const *values)
{
	Prometheus__Bucket bucket[WEIR_BOUNDS], *list[WEIR_BOUNDS];
	Prometheus__Histogram histogram = PROMETHEUS__HISTOGRAM__INIT;
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	struct sparse sparse;

	for (size_t i = 0; i < buckets->bounds; i++) {
		prometheus__bucket__init(&bucket[i]);
		bucket[i].has_upper_bound = bucket[i].has_cumulative_count = true;
		bucket[i].upper_bound = buckets->bound[i];
		bucket[i].cumulative_count = buckets->within[i];
		list[i] = &bucket[i];
	}
	histogram.n_bucket = buckets->bounds;
	histogram.bucket = list;
	histogram.has_sample_count = histogram.has_sample_sum = true;
	histogram.sample_count = buckets->count;
	histogram.sample_sum = buckets->sum;
	if (buckets->native)
		native(buckets, &sparse, &histogram);
	metric.histogram = &histogram;
	pack_sample(writer, &metric, count, values);
}

void protobuf_end(struct metrics_writer *writer)
{
	size_t length = writer->body.length;

	if (length) {
		for (; length > 0x7f; length >>= 7)
			buffer_char(writer->out, (char)(length | 0x80));
		buffer_char(writer->out, (char)length);
		buffer_add(writer->out, writer->body.data, writer->body.length);
	}
	writer->out->failed |= writer->body.failed;
	writer->body.length = 0;
}
