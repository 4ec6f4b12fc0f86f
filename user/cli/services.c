/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/services.h"

#include <errno.h>
#include <string.h>

#include "user/cli/find.h"
#include "user/cli/render.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

/* Packets of a service: of all time, or of the interval */
struct traffic {
	uint64_t passed, refused, observed;
	bool known;
	double seconds; /* of the interval; 0: totals */
};

static struct traffic totals(const json_t *service, struct reader *reader)
{
	return (struct traffic){
		.passed = reader_count(reader, reader_object(reader, service, "passed"), "packets"),
		.refused =
			reader_count(reader, reader_object(reader, service, "refused"), "packets"),
		.observed = reader_count(reader, service, "observed"),
		.known = true,
	};
}

/* Between two answers; not known without an earlier one, or when counting began anew. */
static struct traffic difference(const struct services_view *view, const json_t *service,
				 const struct traffic *now, struct reader *reader)
{
	const json_t *earlier = find_named(json_object_get(view->before, "services"),
					   reader_string(reader, service, "name"));
	struct traffic then, unknown = {0};
	double seconds = render_taken(view->status) - render_taken(view->before);

	if (!earlier || seconds <= 0)
		return unknown;
	then = totals(earlier, reader);
	if (now->passed < then.passed || now->refused < then.refused ||
	    now->observed < then.observed)
		return unknown;
	return (struct traffic){
		.passed = now->passed - then.passed,
		.refused = now->refused - then.refused,
		.observed = now->observed - then.observed,
		.known = true,
		.seconds = seconds,
	};
}

static struct text packets(const struct traffic *traffic, uint64_t count)
{
	if (!traffic->known)
		return (struct text){"-"};
	return traffic->seconds > 0 ? text_rate((double)count / traffic->seconds)
				    : text_count(count);
}

static void add_service(struct table *table, const struct services_view *view,
			const json_t *service, struct reader *reader)
{
	const char *name = reader_string(reader, service, "name");
	bool pressure = reader_bool(reader, service, "under_pressure");
	struct traffic traffic = totals(service, reader);

	if (view->only && strcmp(view->only, name))
		return;
	if (view->rates)
		traffic = difference(view, service, &traffic, reader);
	table_row(table, pressure ? INK_RED : INK_PLAIN,
		  (const char *const[]){
			  name,
			  reader_string(reader, service, "mode"),
			  text_count(reader_count(reader, service, "clients")).s,
			  text_count(reader_count(reader, service, "clients_limited")).s,
			  packets(&traffic, traffic.passed).s,
			  packets(&traffic, traffic.refused).s,
			  text_share(traffic.refused, traffic.passed + traffic.refused).s,
			  traffic.observed ? packets(&traffic, traffic.observed).s : "",
			  pressure ? "new clients" : "",
		  });
}

static struct table *new_table(bool rates)
{
#define COLUMNS(per)                                                             \
	{                                                                        \
		{.title = "SERVICE"}, {.title = "MODE", .drop = 4},              \
			{.title = "CLIENTS", .right = true, .drop = 3},          \
			{.title = "LIMITED", .right = true, .drop = 5},          \
			{.title = "PASSED" per, .right = true, .drop = 1},       \
			{.title = "REFUSED" per, .right = true, .drop = 1},      \
			{.title = "SHARE", .right = true, .drop = 6},            \
			{.title = "WOULD REFUSE" per, .right = true, .drop = 7}, \
			{.title = "PRESSURE", .drop = 2},                        \
	}
	static const struct column total[] = COLUMNS(""), rate[] = COLUMNS("/s");
#undef COLUMNS

	return table_new(rates ? rate : total, sizeof(total) / sizeof(*total));
}

int services_print(const struct services_view *view, const struct page *page, size_t rows,
		   size_t *lines, struct reader *reader)
{
	_cleanup_table_ struct table *table = new_table(view->rates);
	const json_t *list = reader_array(reader, view->status, "services");
	size_t shown;
	int result;

	for (size_t i = 0; table && i < json_array_size(list); i++)
		add_service(table, view, json_array_get(list, i), reader);
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
