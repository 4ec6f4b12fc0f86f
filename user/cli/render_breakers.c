/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/cli/draft.h"
#include "user/cli/endpoints.h"
#include "user/cli/render.h"
#include "user/cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static enum ink state_ink(const char *state, const char *held)
{
	if (!strcmp(state, "open") || !strcmp(state, "forced_open"))
		return INK_RED;
	if (!strcmp(state, "half_open") || !strcmp(state, "forced_closed") || *held)
		return INK_YELLOW;
	return !strcmp(state, "disabled") ? INK_DIM : INK_PLAIN;
}

/* "12 of 40": failures of calls in the window; "" where nobody called */
static struct text failed(uint64_t failures, uint64_t calls)
{
	struct text text = {""};

	if (calls)
		snprintf(text.s, sizeof(text.s), "%.12s of %.12s", text_rate((double)failures).s,
			 text_rate((double)calls).s);
	return text;
}

static void add_endpoint(struct table *table, const char *upstream, const json_t *endpoint,
			 struct reader *reader)
{
	const char *state = reader_string(reader, endpoint, "state");
	const char *held = reader_string_or(reader, endpoint, "held", "");
	double left = reader_number_or(reader, endpoint, "seconds_left", -1);
	bool observed = reader_bool(reader, endpoint, "observed") && strcmp(state, "disabled");
	char shown[48], reason[96];

	snprintf(shown, sizeof(shown), "%s%s", state, observed ? " (observed)" : "");
	if (*held)
		snprintf(reason, sizeof(reason), "held: %s, too many are out", held);
	else
		snprintf(reason, sizeof(reason), "%s",
			 reader_string_or(reader, endpoint, "reason", ""));
	table_row(table, state_ink(state, held),
		  (const char *const[]){
			  upstream,
			  reader_string(reader, endpoint, "name"),
			  shown,
			  text_duration(reader_number(reader, endpoint, "since_seconds")).s,
			  left < 0 ? "" : text_duration(left).s,
			  failed(reader_count(reader, endpoint, "failures"),
				 reader_count(reader, endpoint, "calls"))
				  .s,
			  text_count(reader_count(reader, endpoint, "streak")).s,
			  text_count(reader_count(reader, endpoint, "connections")).s,
			  text_count(reader_count(reader, endpoint, "ejections")).s,
			  text_count(reader_count(reader, endpoint, "rejected")).s,
			  reason,
		  });
}

static int print_endpoints(const json_t *upstreams, const struct page *page, struct reader *reader)
{
	static const struct column columns[] = {
		{.title = "UPSTREAM"},
		{.title = "ENDPOINT"},
		{.title = "STATE"},
		{.title = "FOR", .right = true, .drop = 4},
		{.title = "LEFT", .right = true, .drop = 1},
		{.title = "FAILED", .right = true, .drop = 2},
		{.title = "STREAK", .right = true, .drop = 3},
		{.title = "OPEN", .right = true, .drop = 7},
		{.title = "EJECTIONS", .right = true, .drop = 6},
		{.title = "REJECTED", .right = true, .drop = 5},
		{.title = "REASON", .cut = true, .drop = 2},
	};
	_cleanup_table_ struct table *table = table_new(columns, COUNT(columns));

	if (!table)
		return -ENOMEM;
	endpoints_add(table, upstreams, add_endpoint, reader);
	if (!table_rows(table)) {
		page_line(page, INK_DIM, "no upstreams are configured");
		return 0;
	}
	return table_print(table, page, 0);
}

int render_breakers(const struct answer_view *view, const struct page *page, char *error,
		    size_t size)
{
	struct reader reader = {0};
	struct draft draft;
	const char *problem;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	problem = reader_string_or(&reader, view->answer, "problem", "");
	if (*problem)
		page_line(&draft.page, INK_YELLOW, "nothing may be refused: %s", problem);
	if (view->notice)
		page_line(&draft.page, INK_RED, "%s", view->notice);
	result = print_endpoints(reader_array(&reader, view->answer, "upstreams"), &draft.page,
				 &reader);
	return draft_finish(&draft, result, &reader, error, size);
}
