/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/cli/draft.h"
#include "user/cli/moment.h"
#include "user/cli/listing.h"
#include "user/cli/render.h"
#include "user/cli/services.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

double render_taken(const json_t *answer)
{
	const char *time = json_string_value(json_object_get(answer, "time"));

	return time ? moment_of(time) : -1;
}

static void print_title(const json_t *status, const json_t *top, const struct page *page,
			struct reader *reader)
{
	const json_t *table = reader_object(reader, status, "table");
	uint64_t bans = reader_count(reader, status, "bans");

	page_line(page, INK_PLAIN, "weir on %s: %s, up %s; %s of %s clients, %s ban%s; by %s",
		  reader_string(reader, status, "node"), reader_string(reader, status, "status"),
		  text_duration(reader_number(reader, status, "uptime_seconds")).s,
		  text_count(reader_count(reader, table, "entries")).s,
		  text_count(reader_count(reader, table, "capacity")).s, text_count(bans).s,
		  bans == 1 ? "" : "s", reader_string(reader, top, "by"));
}

static enum ink client_ink(const char *state, double refused_rate)
{
	if (!strcmp(state, "banned") || !strcmp(state, "denied"))
		return INK_RED;
	return refused_rate > 0 ? INK_YELLOW : INK_PLAIN;
}

static void add_client(struct table *table, const json_t *client, struct reader *reader)
{
	double refused_rate = reader_number(reader, client, "refused_per_second");
	const char *state = reader_string(reader, client, "state");
	bool parent = reader_bool(reader, client, "parent");
	bool watched = reader_bool(reader, client, "watched");

	table_row(table, client_ink(state, refused_rate),
		  (const char *const[]){
			  reader_string(reader, client, "client"),
			  reader_string(reader, client, "service"),
			  reader_string(reader, client, "tier"),
			  text_rate(reader_number(reader, client, "passed_per_second")).s,
			  text_rate(refused_rate).s,
			  text_count(reader_count(reader, client, "passed")).s,
			  text_count(reader_count(reader, client, "refused")).s,
			  parent		? "parent"
			  : strcmp(state, "ok") ? state
			  : watched		? "watched"
						: "",
		  });
}

static int print_clients(const json_t *top, const struct page *page, size_t rows,
			 struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "CLIENT"},
		{.title = "SERVICE", .drop = 2},
		{.title = "TIER", .drop = 4},
		{.title = "PASSED/s", .right = true, .drop = 1},
		{.title = "REFUSED/s", .right = true, .drop = 1},
		{.title = "PASSED", .right = true, .drop = 6},
		{.title = "REFUSED", .right = true, .drop = 5},
		{.title = "STATE", .drop = 3},
	};
	static const struct listing listing = {
		.columns = columns,
		.count = COUNT(columns),
		.list = "clients",
		.add = add_client,
		.empty = "no client has sent anything since the last scan",
	};

	return print_listing(&listing, top, page, rows, reader);
}

/*
 * The parts one below the other: title, notice, services (a third of the height), clients (the
 * rest).
 */
static int print_frame(const struct top_view *view, const struct page *page, struct reader *reader)
{
	struct services_view services = {
		.status = view->status,
		.rates = true,
		.before = view->before,
		.only = view->service,
	};
	size_t height = page->height, lines = 0, used, rows = 0;
	int result;

	print_title(view->status, view->top, page, reader);
	if (height == 1)
		return 0;
	if (view->notice)
		page_line(page, INK_RED, "%s", view->notice);
	used = view->notice ? 2 : 1;
	if (height && height < used + 5) /* two titles, two rows and a blank between */
		return 0;
	result = services_print(&services, page, height ? height / 3 : 0, &lines, reader);
	if (result)
		return result;
	used += lines;
	if (height && used + 3 > height)
		return 0;
	fputc('\n', page->out);
	if (height)
		rows = height - used - 2;
	return print_clients(view->top, page, rows, reader);
}

int render_top(const struct top_view *view, const struct page *page, char *error, size_t size)
{
	struct reader reader = {0};
	struct draft draft;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	result = print_frame(view, &draft.page, &reader);
	return draft_finish(&draft, result, &reader, error, size);
}
