/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/draft.h"
#include "user/cli/render.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

static const struct column columns[] = {
	{.title = "PREFIX"},
	{.title = "ENDS IN", .right = true, .drop = 1},
	{.title = "ORIGIN", .drop = 2},
};

static void add(struct table *table, const json_t *ban, struct reader *reader)
{
	double left = reader_number_or(reader, ban, "seconds_left", -1);

	table_row(table, INK_PLAIN,
		  (const char *const[]){
			  reader_string(reader, ban, "prefix"),
			  left < 0 ? "never" : text_duration(left).s,
			  reader_string(reader, ban, "origin"),
		  });
}

int render_bans(const json_t *bans, const struct page *page, char *error, size_t size)
{
	_cleanup_table_ struct table *table =
		table_new(columns, sizeof(columns) / sizeof(*columns));
	struct reader reader = {0};
	const json_t *list = reader_array(&reader, bans, "bans");
	struct draft draft;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	for (size_t i = 0; table && i < json_array_size(list); i++)
		add(table, json_array_get(list, i), &reader);
	if (json_array_size(list))
		result = table ? table_print(table, &draft.page, 0) : -1;
	else
		page_line(&draft.page, INK_PLAIN, "no bans");
	return draft_finish(&draft, result, &reader, error, size);
}
