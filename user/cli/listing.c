/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/listing.h"

#include <errno.h>
#include <stdio.h>

int print_listing(const struct listing *listing, const json_t *answer, const struct page *page,
		  size_t rows, struct reader *reader)
{
	_cleanup_table_ struct table *table = table_new(listing->columns, listing->count);
	const json_t *list = reader_array(reader, answer, listing->list);

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(list); i++)
		listing->add(table, json_array_get(list, i), reader);
	if (listing->apart && (table_rows(table) || listing->empty))
		fputc('\n', page->out);
	if (table_rows(table))
		return table_print(table, page, rows);
	if (listing->empty)
		page_line(page, INK_DIM, "%s", listing->empty);
	return 0;
}
