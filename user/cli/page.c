/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/page.h"

#include <stdarg.h>
#include <stdlib.h>

#include "user/base/cleanup.h"
#include "user/cli/text.h"

void page_ink(const struct page *page, enum ink ink)
{
	static const char *const start[] = {
		[INK_PLAIN] = "",	[INK_BOLD] = "\033[1m",	  [INK_DIM] = "\033[2m",
		[INK_RED] = "\033[31m", [INK_GREEN] = "\033[32m", [INK_YELLOW] = "\033[33m",
	};

	if (page->colour)
		fputs(start[ink], page->out);
}

void page_ink_end(const struct page *page, enum ink ink)
{
	if (page->colour && ink != INK_PLAIN)
		fputs("\033[0m", page->out);
}

void page_line(const struct page *page, enum ink ink, const char *format, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&line, format, arguments) < 0)
		line = NULL;
	va_end(arguments);
	if (line) {
		page_ink(page, ink);
		text_put(page->out, line, page->width);
		page_ink_end(page, ink);
	}
	fputc('\n', page->out);
}
