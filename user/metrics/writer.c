/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/writer.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/utf8.h"
#include "user/metrics/protobuf.h"

static const char *const type_name[] = {
	[METRICS_COUNTER] = "counter",
	[METRICS_GAUGE] = "gauge",
	[METRICS_HISTOGRAM] = "histogram",
};

static bool ends_with(const char *text, size_t length, const char *end)
{
	size_t tail = strlen(end);

	return length > tail && !memcmp(text + length - tail, end, tail);
}

/* Text 0.0.4 escapes \ and newline in HELP, OpenMetrics " as well; both all three in label values. */
static void escape(struct buffer *out, const char *text, const char *special)
{
	while (*text) {
		size_t plain = strcspn(text, special);

		buffer_add(out, text, plain);
		text += plain;
		if (!*text)
			return;
		buffer_char(out, '\\');
		buffer_char(out, *text == '\n' ? 'n' : *text);
		text++;
	}
}

/* Length of what needs neither escaping nor checking: nearly always the whole value */
static size_t plain_ascii(const char *text)
{
	size_t length = 0;

	while ((signed char)text[length] > 0 && text[length] != '\\' && text[length] != '"' &&
	       text[length] != '\n')
		length++;
	return length;
}

/* A byte that is no UTF-8 becomes '?': one of them would make Prometheus refuse the whole scrape. */
static void label_value(struct buffer *out, const char *text)
{
	for (;;) {
		size_t length = plain_ascii(text);
		char character[5] = "?";

		buffer_add(out, text, length);
		text += length;
		if (!*text)
			return;
		length = utf8_character(text);
		if (length)
			memcpy(character, text, length);
		escape(out, character, "\\\"\n");
		text += length ? length : 1;
	}
}

static void metadata(struct metrics_writer *writer, const char *keyword, size_t name_length)
{
	buffer_text(writer->out, "# ");
	buffer_text(writer->out, keyword);
	buffer_char(writer->out, ' ');
	buffer_add(writer->out, writer->family->name, name_length);
	buffer_char(writer->out, ' ');
}

static void describe_text(struct metrics_writer *writer)
{
	const struct metrics_family *family = writer->family;
	bool open = writer->format == METRICS_OPENMETRICS;
	size_t length = strlen(family->name);

	if (open && family->type == METRICS_COUNTER && ends_with(family->name, length, "_total"))
		length -= strlen("_total");

	metadata(writer, "HELP", length);
	escape(writer->out, family->help, open ? "\\\"\n" : "\\\n");
	buffer_char(writer->out, '\n');
	metadata(writer, "TYPE", length);
	buffer_text(writer->out, type_name[family->type]);
	buffer_char(writer->out, '\n');
	if (open && *family->unit && ends_with(family->name, length, family->unit)) {
		metadata(writer, "UNIT", length);
		buffer_text(writer->out, family->unit);
		buffer_char(writer->out, '\n');
	}
}

/* What comes before each sample, in any format */
static void begin_sample(struct metrics_writer *writer, size_t labels)
{
	for (size_t i = 0; i < labels; i++)
		if (!writer->family->label[i])
			abort();
	if (writer->family->label[labels])
		abort();
	if (writer->described)
		return;
	writer->described = true;
	if (writer->format == METRICS_PROTOBUF)
		protobuf_head(writer);
	else
		describe_text(writer);
}

void metrics_end_family(struct metrics_writer *writer)
{
	if (writer->format == METRICS_PROTOBUF)
		protobuf_end(writer);
	writer->described = false;
}

static void label(struct buffer *out, char before, const char *name, const char *value)
{
	buffer_char(out, before);
	buffer_text(out, name);
	buffer_add(out, "=\"", 2);
	label_value(out, value);
	buffer_char(out, '"');
}

/* name_suffix{labels} and the space before the value; le: one more label, or NULL */
static void series(struct metrics_writer *writer, const char *suffix, const char *le, size_t count,
		   const char *const *values)
{
	char before = '{';

	buffer_text(writer->out, writer->family->name);
	buffer_text(writer->out, suffix);
	for (size_t i = 0; i < count; i++) {
		label(writer->out, before, writer->family->label[i], values[i]);
		before = ',';
	}
	if (le) {
		label(writer->out, before, "le", le);
		before = ',';
	}
	if (before == ',')
		buffer_char(writer->out, '}');
	buffer_char(writer->out, ' ');
}

void metrics_sample_number(struct metrics_writer *writer, uint64_t number, size_t count,
			   const char *const *values)
{
	begin_sample(writer, count);
	if (writer->format == METRICS_PROTOBUF) {
		protobuf_number(writer, (double)number, count, values);
		return;
	}
	series(writer, "", NULL, count, values);
	buffer_number(writer->out, number);
	buffer_char(writer->out, '\n');
}

void metrics_sample_real(struct metrics_writer *writer, double number, size_t count,
			 const char *const *values)
{
	begin_sample(writer, count);
	if (writer->format == METRICS_PROTOBUF) {
		protobuf_number(writer, number, count, values);
		return;
	}
	series(writer, "", NULL, count, values);
	buffer_real(writer->out, number);
	buffer_char(writer->out, '\n');
}

/* OpenMetrics wants whole bounds as "1.0"; the text format takes it too. */
static void bound_text(char *text, size_t size, double bound)
{
	_cleanup_buffer_ struct buffer digits = {0};

	buffer_real(&digits, bound);
	*text = '\0';
	if (digits.failed) /* the scrape fails as well, by the same want of memory */
		return;
	snprintf(text, size, "%s%s", buffer_string(&digits),
		 memchr(digits.data, '.', digits.length) ? "" : ".0");
}

static void bucket(struct metrics_writer *writer, const char *le, uint64_t within, size_t count,
		   const char *const *values)
{
	series(writer, "_bucket", le, count, values);
	buffer_number(writer->out, within);
	buffer_char(writer->out, '\n');
}

void metrics_sample_buckets(struct metrics_writer *writer, const struct metrics_buckets *buckets,
			    size_t count, const char *const *values)
{
	begin_sample(writer, count);
	if (writer->format == METRICS_PROTOBUF) {
		protobuf_buckets(writer, buckets, count, values);
		return;
	}
	for (size_t i = 0; i < buckets->bounds; i++) {
		char le[32];

		bound_text(le, sizeof(le), buckets->bound[i]);
		bucket(writer, le, buckets->within[i], count, values);
	}
	bucket(writer, "+Inf", buckets->count, count, values);
	series(writer, "_sum", NULL, count, values);
	buffer_real(writer->out, buckets->sum);
	buffer_char(writer->out, '\n');
	series(writer, "_count", NULL, count, values);
	buffer_number(writer->out, buckets->count);
	buffer_char(writer->out, '\n');
}

void metrics_sample_histogram(struct metrics_writer *writer, const struct histogram *histogram,
			      size_t count, const char *const *values)
{
	struct metrics_buckets buckets;

	buckets_of_histogram(histogram, &buckets);
	metrics_sample_buckets(writer, &buckets, count, values);
}
