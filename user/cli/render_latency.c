/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/base/latency.h"
#include "user/cli/blocks.h"
#include "user/cli/draft.h"
#include "user/cli/endpoints.h"
#include "user/cli/find.h"
#include "user/cli/latency_frame.h"
#include "user/cli/render.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define BAR_MAX 50 /* columns: enough to compare, few enough for a narrow window */
#define HISTOGRAM_LABELS \
	21 /* columns left of a bar, but for the counts: "> 64.0 s", "100.0 %", gaps */

/* As people say it, where the table says already whether it is a service or an upstream */
static const char *latency_title(const char *name)
{
	return !strcmp(name, "client_round_trip")   ? "round trip"
	       : !strcmp(name, "upstream_connect")  ? "connect"
	       : !strcmp(name, "upstream_response") ? "response"
						    : name;
}

static void print_title(const struct latency_frame *frame, const struct page *page,
			struct reader *reader)
{
	const json_t *latency = frame->view->latency;
	const json_t *flows = reader_object(reader, latency, "flows");
	const json_t *discarded = reader_object(reader, flows, "samples_discarded");
	const char *problem = reader_string_or(reader, latency, "problem", "");
	const char *key;
	json_t *value;
	uint64_t sum = 0;
	char lost[80] = "";

	json_object_foreach((json_t *)discarded, key, value)
		sum += reader_count(reader, discarded, key);
	if (sum)
		snprintf(lost, sizeof(lost), "; %s samples discarded since the start",
			 text_count(sum).s);
	page_line(page, INK_PLAIN, "latency %s%s; %s of %s flows%s",
		  frame->seconds > 0 ? "in the last " : "since counting began",
		  frame->seconds > 0 ? text_latency(frame->seconds).s : "",
		  text_count(reader_count(reader, flows, "entries")).s,
		  text_count(reader_count(reader, flows, "capacity")).s, lost);
	if (*problem)
		page_line(page, INK_YELLOW, "telemetry: %s", problem);
	if (frame->view->notice)
		page_line(page, INK_RED, "%s", frame->view->notice);
}

/* "> 64.0 s" where it is slower than every bound: nothing more is known. */
static struct text bounded(const struct latency_frame *frame,
			   const struct distribution *distribution, double ns)
{
	const struct distribution_bounds *bounds = &frame->bounds;
	double last = bounds->count ? (double)bounds->ns[bounds->count - 1] : 0;
	bool over = distribution->histogram.slot[bounds->count] && ns >= last;
	struct text text;

	if (!distribution->count)
		return (struct text){"-"};
	snprintf(text.s, sizeof(text.s), "%s%.24s", over ? "> " : "", text_latency(ns / 1e9).s);
	return text;
}

static struct text quantile(const struct latency_frame *frame, const struct latency_row *row,
			    double q)
{
	const struct distribution *distribution = &row->distribution;

	return bounded(frame, distribution,
		       latency_quantile_ns(&distribution->histogram, frame->bounds.ns,
					   frame->bounds.count, q));
}

static void print_row(const struct latency_frame *frame, const struct latency_row *row,
		      const struct page *page, struct table *table)
{
	const struct distribution *distribution = &row->distribution;
	uint64_t max_ns =
		latency_max_ns(&distribution->histogram, frame->bounds.ns, frame->bounds.count);
	size_t octaves = frame->any ? frame->last - frame->first + 1 : 0;

	table_row(table, distribution->count ? INK_PLAIN : INK_DIM,
		  (const char *const[]){
			  row->owner,
			  latency_title(row->latency),
			  frame->seconds > 0
				  ? text_rate((double)distribution->count / frame->seconds).s
				  : text_count(distribution->count).s,
			  quantile(frame, row, 0.5).s,
			  quantile(frame, row, 0.9).s,
			  quantile(frame, row, 0.95).s,
			  quantile(frame, row, 0.99).s,
			  bounded(frame, distribution, (double)max_ns).s,
			  octaves ? blocks_spark(row->octaves.octave + frame->first, octaves,
						 page->blocks)
					    .s
				  : "",
		  });
}

/* The rows from..to, below a title for what they belong to. */
static int print_rows(const struct latency_frame *frame, const char *owner, size_t from, size_t to,
		      const struct page *page)
{
	char axis[80] = "";
	const struct column columns[] = {
		{.title = owner},
		{.title = "LATENCY", .drop = 1},
		{.title = frame->seconds > 0 ? "COUNT/s" : "COUNT", .right = true, .drop = 3},
		{.title = "P50", .right = true, .drop = 2},
		{.title = "P90", .right = true, .drop = 6},
		{.title = "P95", .right = true, .drop = 7},
		{.title = "P99", .right = true, .drop = 2},
		{.title = "MAX", .right = true, .drop = 5},
		{.title = axis, .drop = 4},
	};
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));

	if (!table)
		return -ENOMEM;
	if (from == to)
		return 0;
	if (frame->any) /* what the first and the last column of a picture stand for */
		snprintf(axis, sizeof(axis), "%s%s%s", text_latency(octave_seconds(frame->first)).s,
			 frame->first < frame->last ? " to " : "",
			 frame->first < frame->last ? text_latency(octave_seconds(frame->last)).s
						    : "");
	for (size_t i = from; i < to; i++)
		print_row(frame, &frame->row[i], page, table);
	fputc('\n', page->out);
	return table_print(table, page, 0);
}

static size_t bar_width(const struct page *page, uint64_t max)
{
	size_t digits = text_width(text_count(max).s), title = strlen("SAMPLES");
	size_t labels = HISTOGRAM_LABELS + (digits > title ? digits : title);

	if (!page->width || page->width > labels + BAR_MAX)
		return BAR_MAX;
	return page->width > labels ? page->width - labels : 0;
}

static void add_octave(struct table *table, const char *label, uint64_t samples, uint64_t all,
		       uint64_t max, const struct page *page)
{
	table_row(table, INK_PLAIN,
		  (const char *const[]){
			  label,
			  text_count(samples).s,
			  text_share(samples, all).s,
			  blocks_bar(samples, max, bar_width(page, max), page->blocks).s,
		  });
}

/* A line for each power of two between the fastest sample and the slowest. */
static int print_histogram(const struct latency_frame *frame, const struct latency_row *row,
			   const struct page *page)
{
	static const struct column columns[] = {
		{.title = "UP TO", .right = true},
		{.title = "SAMPLES", .right = true, .drop = 1},
		{.title = "SHARE", .right = true, .drop = 3},
		{.title = "", .drop = 2},
	};
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));
	const struct octaves *octaves = &row->octaves;
	uint64_t all = row->distribution.count, max = octaves->overflow;
	size_t first = OCTAVES, last = 0;
	char label[48];

	if (!table)
		return -ENOMEM;
	if (!all)
		return 0;
	if (octaves_range(octaves, &first, &last))
		for (size_t i = first; i <= last; i++)
			max = octaves->octave[i] > max ? octaves->octave[i] : max;
	for (size_t i = first; i <= last; i++)
		add_octave(table, text_latency(octave_seconds(i)).s, octaves->octave[i], all, max,
			   page);
	if (octaves->overflow) {
		snprintf(label, sizeof(label), "> %s",
			 text_latency(frame->bounds.count
					      ? (double)frame->bounds.ns[frame->bounds.count - 1] /
							1e9
					      : 0)
				 .s);
		add_octave(table, label, octaves->overflow, all, max, page);
	}
	fputc('\n', page->out);
	page_line(page, INK_BOLD, "%s, %s", row->owner, latency_title(row->latency));
	return table_print(table, page, 0);
}

/* Of what was asked for alone: its histograms, and the endpoints of an upstream */
static int print_whole(const struct latency_frame *frame, const struct page *page,
		       struct reader *reader)
{
	const json_t *upstreams = reader_array(reader, frame->view->latency, "upstreams");
	const json_t *before =
		frame->seconds > 0 ? json_object_get(frame->view->before, "upstreams") : NULL;
	int result = 0;

	for (size_t i = 0; !result && i < frame->rows; i++)
		result = print_histogram(frame, &frame->row[i], page);
	for (size_t i = 0; !result && i < json_array_size(upstreams); i++) {
		const json_t *upstream = json_array_get(upstreams, i);
		const char *name = reader_string(reader, upstream, "name");

		result = endpoints_print_results(upstream, find_named(before, name), page, reader);
	}
	return result;
}

static int print_frame(const struct latency_frame *frame, const struct page *page,
		       struct reader *reader)
{
	int result;

	print_title(frame, page, reader);
	if (!frame->rows) {
		page_line(page, INK_DIM,
			  "no flows of it are followed: see `latency` in weir.yaml(5)");
		return 0;
	}
	result = print_rows(frame, "SERVICE", 0, frame->services, page);
	if (!result)
		result = print_rows(frame, "UPSTREAM", frame->services, frame->rows, page);
	if (!result && frame->view->whole)
		result = print_whole(frame, page, reader);
	return result;
}

int render_latency(const struct latency_view *view, const struct page *page, char *error,
		   size_t size)
{
	struct reader reader = {0};
	struct latency_frame frame;
	struct draft draft;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	result = latency_frame_read(view, &frame, &reader);
	if (!result)
		result = print_frame(&frame, &draft.page, &reader);
	latency_frame_free(&frame);
	return draft_finish(&draft, result, &reader, error, size);
}
