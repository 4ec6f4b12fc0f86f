/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A page that appears as a whole or not at all: what is written to draft.page.out is kept until
 * draft_finish(), which shows it when nothing went wrong. So a broken answer never leaves half a
 * table. Lines that a page of limited height has no room for are left out, and it says so.
 */
#pragma once

#include <stddef.h>

#include "user/cli/page.h"
#include "user/cli/reader.h"

struct draft {
	struct page page;
	FILE *target;
	char *text;
	size_t size;
};

/* 0 or -ENOMEM with a line in error. */
int draft_start(struct draft *draft, const struct page *page, char *error, size_t size);

/* result: 0 or -errno of the caller. That, or what the reader found, or 0 when all is shown. */
int draft_finish(struct draft *draft, int result, const struct reader *reader, char *error,
		 size_t size);
