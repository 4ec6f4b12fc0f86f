/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/endpoints.h"

#include <errno.h>
#include <string.h>

#include "bpf/abi/latency.h"
#include "user/base/words.h"
#include "user/cli/find.h"
#include "user/cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

void endpoints_add(struct table *table, const json_t *upstreams, endpoint_row *row,
		   struct reader *reader)
{
	for (size_t i = 0; i < json_array_size(upstreams); i++) {
		const json_t *upstream = json_array_get(upstreams, i);
		const json_t *list = reader_array(reader, upstream, "endpoints");
		const char *name = reader_string(reader, upstream, "name");

		for (size_t j = 0; j < json_array_size(list); j++)
			row(table, name, json_array_get(list, j), reader);
	}
}

/* What there is to say of its name; "" when all is well */
static const char *name_state(const json_t *endpoint, struct reader *reader)
{
	bool stale = reader_bool(reader, endpoint, "stale");

	if (!reader_count(reader, endpoint, "addresses"))
		return "not resolved yet";
	return stale ? "stale: does not resolve any more" : "";
}

static void add_endpoint(struct table *table, const char *upstream, const json_t *endpoint,
			 struct reader *reader)
{
	uint64_t calls = reader_count(reader, endpoint, "calls");
	uint64_t failures = reader_count(reader, endpoint, "failures");
	const char *state = name_state(endpoint, reader);

	table_row(table, *state ? INK_YELLOW : INK_PLAIN,
		  (const char *const[]){
			  upstream,
			  reader_string(reader, endpoint, "name"),
			  text_count(calls).s,
			  text_count(failures).s,
			  text_share(failures, calls).s,
			  text_count(reader_count(reader, endpoint, "connections")).s,
			  text_count(reader_count(reader, endpoint, "addresses")).s,
			  state,
		  });
}

int endpoints_print(const json_t *upstreams, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "UPSTREAM"},
		{.title = "ENDPOINT", .drop = 2},
		{.title = "CALLS", .right = true, .drop = 1},
		{.title = "FAILED", .right = true, .drop = 1},
		{.title = "SHARE", .right = true, .drop = 5},
		{.title = "OPEN", .right = true, .drop = 4},
		{.title = "ADDRESSES", .right = true, .drop = 6},
		{.title = "NAME", .cut = true, .drop = 3},
	};
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));

	if (!table)
		return -ENOMEM;
	endpoints_add(table, upstreams, add_endpoint, reader);
	if (!table_rows(table))
		return 0;
	fputc('\n', page->out);
	return table_print(table, page, 0);
}

enum { ENDPOINT, RESULT, OPEN = RESULT + WEIR_RESULT_COUNT, NAME, COLUMNS };

/* Calls that ended so; since the earlier answer, where it has no more of them than now */
static uint64_t result_count(const json_t *results, const json_t *before, enum weir_result result,
			     struct reader *reader)
{
	uint64_t now = reader_count(reader, results, result_word(result));
	uint64_t then = before ? reader_count(reader, before, result_word(result)) : 0;

	return then <= now ? now - then : now;
}

static void add_results(struct table *table, const json_t *endpoint, const json_t *before,
			struct reader *reader)
{
	const json_t *results = reader_object(reader, endpoint, "results");
	const json_t *earlier = before ? reader_object(reader, before, "results") : NULL;
	struct text text[WEIR_RESULT_COUNT], open;
	const char *cell[COLUMNS];
	bool failed = false;

	for (u32 i = 0; i < WEIR_RESULT_COUNT; i++) {
		uint64_t count = result_count(results, earlier, i, reader);

		failed |= count && result_is_failure(i);
		text[i] = text_count(count);
		cell[RESULT + i] = text[i].s;
	}
	open = text_count(reader_count(reader, endpoint, "connections"));
	cell[ENDPOINT] = reader_string(reader, endpoint, "name");
	cell[OPEN] = open.s;
	cell[NAME] = name_state(endpoint, reader);
	table_row(table, failed ? INK_RED : *cell[NAME] ? INK_YELLOW : INK_PLAIN, cell);
}

static struct table *results_table(struct column column[COLUMNS])
{
	static const char *const title[] = {
		[WEIR_RESULT_OK] = "OK",
		[WEIR_RESULT_SLOW] = "SLOW",
		[WEIR_RESULT_HTTP_5XX] = "5XX",
		[WEIR_RESULT_REFUSED] = "REFUSED",
		[WEIR_RESULT_RESET] = "RESET",
		[WEIR_RESULT_CONNECT_TIMEOUT] = "CONNECT TIMEOUT",
		[WEIR_RESULT_NO_ANSWER] = "NO ANSWER",
	};

	_Static_assert(COUNT(title) == WEIR_RESULT_COUNT, "a result has no title");
	column[ENDPOINT] = (struct column){.title = "ENDPOINT"};
	for (size_t i = 0; i < COUNT(title); i++)
		column[RESULT + i] =
			(struct column){.title = title[i], .right = true, .drop = i ? 3 : 1};
	column[OPEN] = (struct column){.title = "OPEN", .right = true, .drop = 4};
	column[NAME] = (struct column){.title = "NAME", .cut = true, .drop = 2};
	return table_new(column, COLUMNS);
}

int endpoints_print_results(const json_t *upstream, const json_t *before, const struct page *page,
			    struct reader *reader)
{
	struct column column[COLUMNS];
	_cleanup_table_ struct table *table = results_table(column);
	const json_t *list = reader_array(reader, upstream, "endpoints");
	const json_t *earlier = json_object_get(before, "endpoints");

	for (size_t i = 0; table && i < json_array_size(list); i++) {
		const json_t *endpoint = json_array_get(list, i);
		const char *name = reader_string(reader, endpoint, "name");

		add_results(table, endpoint, find_named(earlier, name), reader);
	}
	if (!table)
		return -ENOMEM;
	fputc('\n', page->out);
	return table_print(table, page, 0);
}
