/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/cli/draft.h"
#include "user/cli/listing.h"
#include "user/cli/render.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void print_title(const struct flows_view *view, const struct page *page,
			struct reader *reader)
{
	const json_t *table = reader_object(reader, view->flows, "table");
	const char *problem = reader_string_or(reader, view->flows, "problem", "");

	page_line(page, INK_PLAIN, "%s of %s flows, the busiest by %s",
		  text_count(reader_count(reader, table, "entries")).s,
		  text_count(reader_count(reader, table, "capacity")).s,
		  reader_string(reader, view->flows, "by"));
	if (*problem)
		page_line(page, INK_YELLOW, "telemetry: %s", problem);
	if (view->notice)
		page_line(page, INK_RED, "%s", view->notice);
}

static enum ink flow_ink(const char *state)
{
	return !strcmp(state, "closed")	      ? INK_DIM
	       : !strcmp(state, "connecting") ? INK_YELLOW
					      : INK_PLAIN;
}

static void add_flow(struct table *table, const json_t *flow, struct reader *reader)
{
	const char *state = reader_string(reader, flow, "state");

	table_row(table, flow_ink(state),
		  (const char *const[]){
			  text_address(reader_string(reader, flow, "remote"),
				       reader_count(reader, flow, "remote_port"))
				  .s,
			  text_address(reader_string(reader, flow, "local"),
				       reader_count(reader, flow, "local_port"))
				  .s,
			  reader_string(reader, flow, "protocol"),
			  reader_string_or(reader, flow, "service", ""),
			  reader_string_or(reader, flow, "upstream", ""),
			  state,
			  text_rate(reader_number(reader, flow, "bytes_per_second")).s,
			  text_count(reader_count(reader, flow, "bytes_in")).s,
			  text_count(reader_count(reader, flow, "bytes_out")).s,
			  text_duration(reader_number(reader, flow, "silent_seconds")).s,
		  });
}

static int print_flows(const json_t *flows, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "REMOTE"},
		{.title = "LOCAL", .drop = 5},
		{.title = "PROTO", .drop = 7},
		{.title = "SERVICE", .drop = 3},
		{.title = "UPSTREAM", .drop = 3},
		{.title = "STATE", .drop = 4},
		{.title = "BYTES/s", .right = true, .drop = 1},
		{.title = "BYTES IN", .right = true, .drop = 2},
		{.title = "BYTES OUT", .right = true, .drop = 2},
		{.title = "SILENT", .right = true, .drop = 6},
	};
	static const struct listing listing = {
		.columns = columns,
		.count = COUNT(columns),
		.list = "flows",
		.add = add_flow,
		.empty = "no flow has carried anything since the last scan",
	};

	return print_listing(&listing, flows, page, 0, reader);
}

int render_flows(const struct flows_view *view, const struct page *page, char *error, size_t size)
{
	struct reader reader = {0};
	struct draft draft;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	print_title(view, &draft.page, &reader);
	result = print_flows(view->flows, &draft.page, &reader);
	return draft_finish(&draft, result, &reader, error, size);
}
