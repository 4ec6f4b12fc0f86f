/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/draft.h"

#include <errno.h>
#include <stdlib.h>

static int no_memory(char *error, size_t size)
{
	snprintf(error, size, "out of memory");
	return -ENOMEM;
}

int draft_start(struct draft *draft, const struct page *page, char *error, size_t size)
{
	*draft = (struct draft){.page = *page, .target = page->out};
	draft->page.out = open_memstream(&draft->text, &draft->size);
	return draft->page.out ? 0 : no_memory(error, size);
}

static size_t count_lines(const char *text, size_t size)
{
	size_t lines = 0;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	return lines;
}

static void show(const struct draft *draft)
{
	struct page page = draft->page;
	size_t lines = count_lines(draft->text, draft->size), size = 0;

	page.out = draft->target;
	if (!page.height || lines <= page.height) {
		fwrite(draft->text, 1, draft->size, page.out);
		return;
	}
	for (size_t left = page.height - 1; left; size++)
		left -= draft->text[size] == '\n';
	fwrite(draft->text, 1, size, page.out);
	page_line(&page, INK_DIM, "and %zu more lines: a higher terminal shows them",
		  lines - page.height + 1);
}

int draft_finish(struct draft *draft, int result, const struct reader *reader, char *error,
		 size_t size)
{
	bool written = !ferror(draft->page.out);

	if (fclose(draft->page.out) || !written || result)
		result = no_memory(error, size);
	else
		result = reader_result(reader, error, size);
	if (!result)
		show(draft);
	free(draft->text);
	return result;
}
