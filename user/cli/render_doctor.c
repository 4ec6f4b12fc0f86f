/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/draft.h"
#include "user/cli/render.h"
#include "user/cli/table.h"

static const struct column columns[] = {
	{.title = "STATUS"},
	{.title = "CHECK"},
	{.title = "FOUND"},
};

enum word { WORD_OK, WORD_SKIP, WORD_WARN, WORD_FAIL, WORDS };
static const struct {
	const char *word;
	enum ink ink;
} words[WORDS] = {
	[WORD_OK] = {"ok", INK_PLAIN},
	[WORD_SKIP] = {"skip", INK_DIM},
	[WORD_WARN] = {"warn", INK_YELLOW},
	[WORD_FAIL] = {"fail", INK_RED},
};

static enum word find_word(const char *status)
{
	enum word word = WORD_OK;

	while (word < WORD_FAIL && strcmp(words[word].word, status))
		word++;
	return word;
}

/* What to do is a line of its own, below what was found. */
static void add(struct table *table, const json_t *check, struct reader *reader,
		size_t count[WORDS])
{
	const char *status = reader_string(reader, check, "status");
	const char *name = reader_string(reader, check, "name");
	const char *fix = reader_string(reader, check, "fix");
	const char *interface = json_string_value(json_object_get(check, "interface"));
	enum word word = find_word(status);
	char label[64];

	snprintf(label, sizeof(label), "%s%s%s", name, interface ? " " : "",
		 interface ? interface : "");
	count[word]++;
	table_row(table, words[word].ink,
		  (const char *const[]){status, label, reader_string(reader, check, "message")});
	if (*fix) {
		char line[1024];

		snprintf(line, sizeof(line), "to do: %s", fix);
		table_row(table, words[word].ink, (const char *const[]){"", "", line});
	}
}

static void conclude(const struct page *page, const size_t count[WORDS])
{
	fputc('\n', page->out);
	page_line(page,
		  count[WORD_FAIL]   ? INK_RED
		  : count[WORD_WARN] ? INK_YELLOW
				     : INK_GREEN,
		  "%zu fine, %zu to look at, %zu in the way of Weir, %zu not looked at",
		  count[WORD_OK], count[WORD_WARN], count[WORD_FAIL], count[WORD_SKIP]);
}

int render_doctor(const json_t *report, const struct page *page, char *error, size_t size)
{
	_cleanup_table_ struct table *table =
		table_new(columns, sizeof(columns) / sizeof(*columns));
	struct reader reader = {0};
	const json_t *list = reader_array(&reader, report, "checks");
	size_t count[WORDS] = {0};
	struct draft draft;
	int result;

	result = draft_start(&draft, page, error, size);
	if (result)
		return result;
	for (size_t i = 0; table && i < json_array_size(list); i++)
		add(table, json_array_get(list, i), &reader, count);
	result = table ? table_print(table, &draft.page, 0) : -ENOMEM;
	conclude(&draft.page, count);
	return draft_finish(&draft, result, &reader, error, size);
}
