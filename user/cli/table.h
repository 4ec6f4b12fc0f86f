/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Aligned columns. On a page too narrow they lose the ends of sentences, then the columns that
 * matter least, then the end of the first one. A column without any text is left out.
 */
#pragma once

#include <stddef.h>

#include "user/cli/page.h"

struct column {
	const char *title;
	bool right;	   /* aligned: figures */
	bool cut;	   /* loses its end before any column is left out: sentences */
	unsigned int drop; /* 0: never left out; else the highest goes first */
};

struct table;

/* The columns are borrowed. NULL: no memory. */
struct table *table_new(const struct column *columns, size_t count);
void table_free(struct table *table);

/* One text for each column, copied; NULL is "". Running out of memory shows in table_print(). */
void table_row(struct table *table, enum ink ink, const char *const *cells);

size_t table_rows(const struct table *table);

/* The titles and up to `rows` rows (0: all). 0 or -ENOMEM with nothing written. */
int table_print(const struct table *table, const struct page *page, size_t rows);

static inline void cleanup_table(struct table **table)
{
	table_free(*table);
}
#define _cleanup_table_ __attribute__((cleanup(cleanup_table)))
