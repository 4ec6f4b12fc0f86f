/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A list of an answer as a table: what each has to say is all that differs. */
#pragma once

#include <stdbool.h>

#include "user/cli/reader.h"
#include "user/cli/table.h"

struct listing {
	const struct column *columns;
	size_t count;	  /* of columns */
	const char *list; /* the name of the list in the answer */
	void (*add)(struct table *table, const json_t *item,
		    struct reader *reader); /* any number of rows */
	bool apart;			    /* a blank line before it */
	const char *
		empty; /* what is said where there are no rows; NULL: nothing is, and there is no blank line */
};

/* Up to `rows` rows, 0: all. 0 or -ENOMEM */
int print_listing(const struct listing *listing, const json_t *answer, const struct page *page,
		  size_t rows, struct reader *reader);
