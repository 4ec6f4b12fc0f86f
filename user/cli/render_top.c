/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/cli/draft.h"
#include "user/cli/moment.h"
#include "user/cli/render.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

double render_taken(const json_t *status)
{
	const char *time = json_string_value(json_object_get(status, "time"));

	return time ? moment_of(time) : -1;
}

static const json_t *find_service(const json_t *status, const char *name)
{
	const json_t *list = json_object_get(status, "services");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *service = json_array_get(list, i);
		const char *other = json_string_value(json_object_get(service, "name"));

		if (other && !strcmp(other, name))
			return service;
	}
	return NULL;
}

/* Packets a second between two answers; "-" without an earlier one, or when counting began anew. */
static struct text packet_rate(const json_t *before, const json_t *now, const char *what,
			       double seconds, struct reader *reader)
{
	uint64_t to = reader_count(reader, reader_object(reader, now, what), "packets"), from;

	if (!before || seconds <= 0)
		return (struct text){"-"};
	from = reader_count(reader, reader_object(reader, before, what), "packets");
	if (to < from)
		return (struct text){"-"};
	return text_rate((double)(to - from) / seconds);
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

static void add_service(struct table *table, const struct top_view *view, const json_t *service,
			double seconds, struct reader *reader)
{
	const char *name = reader_string(reader, service, "name");
	const json_t *before = find_service(view->before, name);
	bool pressure = reader_bool(reader, service, "under_pressure");

	if (view->service && strcmp(view->service, name))
		return;
	table_row(table, pressure ? INK_RED : INK_PLAIN,
		  (const char *const[]){
			  name,
			  packet_rate(before, service, "passed", seconds, reader).s,
			  packet_rate(before, service, "refused", seconds, reader).s,
			  text_count(reader_count(reader, service, "clients")).s,
			  text_count(reader_count(reader, service, "clients_limited")).s,
			  pressure ? "yes" : "no",
			  strcmp(reader_string(reader, service, "mode"), "observe")
				  ? ""
				  : "observe only",
		  });
}

/* At most `rows` services, in the order of the configuration; returns the lines used. */
static int print_services(const struct top_view *view, const struct page *page, size_t rows,
			  size_t *lines, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "SERVICE"},
		{.title = "PASSED/s", .right = true, .drop = 1},
		{.title = "REFUSED/s", .right = true, .drop = 1},
		{.title = "CLIENTS", .right = true, .drop = 4},
		{.title = "LIMITED", .right = true, .drop = 3},
		{.title = "PRESSURE", .drop = 2},
		{.title = "MODE", .drop = 5},
	};
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));
	const json_t *list = reader_array(reader, view->status, "services");
	double seconds = view->before ? render_taken(view->status) - render_taken(view->before) : 0;
	size_t shown;
	int result;

	for (size_t i = 0; table && i < json_array_size(list); i++)
		add_service(table, view, json_array_get(list, i), seconds, reader);
	result = table ? table_print(table, page, rows) : -ENOMEM;
	if (result)
		return result;
	shown = table_rows(table);
	*lines = shown + 1;
	if (rows && shown > rows) {
		page_line(page, INK_DIM, "and %zu more: a higher terminal shows them, or --service",
			  shown - rows);
		*lines = rows + 2;
	}
	return 0;
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

	table_row(table, client_ink(state, refused_rate),
		  (const char *const[]){
			  reader_string(reader, client, "client"),
			  reader_string(reader, client, "service"),
			  reader_string(reader, client, "tier"),
			  text_rate(reader_number(reader, client, "passed_per_second")).s,
			  text_rate(refused_rate).s,
			  text_count(reader_count(reader, client, "passed")).s,
			  text_count(reader_count(reader, client, "refused")).s,
			  parent		 ? "parent"
			  : !strcmp(state, "ok") ? ""
						 : state,
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
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));
	const json_t *list = reader_array(reader, top, "clients");

	for (size_t i = 0; table && i < json_array_size(list); i++)
		add_client(table, json_array_get(list, i), reader);
	if (table && !table_rows(table)) {
		page_line(page, INK_DIM, "no client has sent anything since the last scan");
		return 0;
	}
	return table ? table_print(table, page, rows) : -ENOMEM;
}

/*
 * The parts one below the other: title, notice, services (a third of the height), clients (the
 * rest).
 */
static int print_frame(const struct top_view *view, const struct page *page, struct reader *reader)
{
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
	result = print_services(view, page, height ? height / 3 : 0, &lines, reader);
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
