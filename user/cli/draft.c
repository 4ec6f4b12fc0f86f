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

int draft_finish(struct draft *draft, int result, const struct reader *reader, char *error,
		 size_t size)
{
	bool written = !ferror(draft->page.out);

	if (fclose(draft->page.out) || !written || result)
		result = no_memory(error, size);
	else
		result = reader_result(reader, error, size);
	if (!result)
		fwrite(draft->text, 1, draft->size, draft->target);
	free(draft->text);
	return result;
}
