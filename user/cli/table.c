/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/text.h"

#define COLUMNS 16
#define GAP 2	     /* spaces between columns */
#define CUT_LEAST 12 /* a shorter beginning of a sentence says nothing */

struct table {
	const struct column *column;
	size_t columns;
	char **cell; /* row after row */
	enum ink *ink;
	size_t rows, room;
	bool failed;
};

/* The layout for one page: widths, 0 for a column left out */
struct layout {
	size_t width[COLUMNS];
};

struct table *table_new(const struct column *columns, size_t count)
{
	struct table *table = count && count <= COLUMNS ? calloc(1, sizeof(*table)) : NULL;

	if (table) {
		table->column = columns;
		table->columns = count;
	}
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cell[i]);
	free(table->cell);
	free(table->ink);
	free(table);
}

static bool grow(struct table *table)
{
	size_t room = table->room ? table->room * 2 : 32;
	char **cell = reallocarray(table->cell, room * table->columns, sizeof(*cell));
	enum ink *ink;

	if (!cell)
		return false;
	table->cell = cell;
	ink = reallocarray(table->ink, room, sizeof(*ink));
	if (!ink)
		return false;
	table->ink = ink;
	table->room = room;
	return true;
}

void table_row(struct table *table, enum ink ink, const char *const *cells)
{
	char **row;

	if (table->rows == table->room && !grow(table)) {
		table->failed = true;
		return;
	}
	row = table->cell + table->rows * table->columns;
	table->ink[table->rows++] = ink;
	for (size_t i = 0; i < table->columns; i++) {
		row[i] = strdup(cells[i] ? cells[i] : "");
		if (!row[i])
			table->failed = true;
	}
}

size_t table_rows(const struct table *table)
{
	return table->rows;
}

static size_t total_width(const struct table *table, const struct layout *layout)
{
	size_t total = 0;

	for (size_t i = 0; i < table->columns; i++)
		if (layout->width[i])
			total += layout->width[i] + (total ? GAP : 0);
	return total;
}

static bool drop_one(const struct table *table, struct layout *layout)
{
	size_t victim = 0;
	unsigned int highest = 0;

	for (size_t i = 0; i < table->columns; i++) {
		if (layout->width[i] && table->column[i].drop > highest) {
			highest = table->column[i].drop;
			victim = i;
		}
	}
	if (highest)
		layout->width[victim] = 0;
	return highest;
}

static void measure(const struct table *table, size_t rows, struct layout *layout)
{
	for (size_t i = 0; i < table->columns; i++) {
		size_t title = text_width(table->column[i].title), widest = 0;

		for (size_t row = 0; row < rows; row++) {
			size_t width = text_width(table->cell[row * table->columns + i]);

			if (width > widest)
				widest = width;
		}
		layout->width[i] = (widest || !rows) && title > widest ? title : widest;
	}
}

/* Makes a column narrower, but not than `least`, until the line fits. */
static void shrink(const struct table *table, struct layout *layout, size_t column, size_t least,
		   size_t page_width)
{
	size_t total = total_width(table, layout), *width = &layout->width[column];
	size_t excess = total > page_width ? total - page_width : 0;

	if (*width > least)
		*width = *width - least > excess ? *width - excess : least;
}

static bool fits(const struct table *table, struct layout *layout, size_t page_width)
{
	struct layout whole = *layout;

	if (!page_width || total_width(table, layout) <= page_width)
		return true;
	for (size_t i = 0; i < table->columns; i++)
		if (table->column[i].cut)
			shrink(table, layout, i, CUT_LEAST, page_width);
	if (total_width(table, layout) <= page_width)
		return true;
	*layout = whole;
	return false;
}

static void lay_out(const struct table *table, size_t rows, size_t page_width,
		    struct layout *layout)
{
	measure(table, rows, layout);
	while (!fits(table, layout, page_width)) {
		if (!drop_one(table, layout)) {
			shrink(table, layout, 0, 1, page_width);
			return;
		}
	}
}

static void spaces(FILE *out, size_t count)
{
	while (count--)
		fputc(' ', out);
}

static void print_row(const struct table *table, const struct layout *layout,
		      const struct page *page, enum ink ink, char *const *row)
{
	size_t owed = 0; /* spaces, written only before a text, so that no line ends in them */
	bool first = true;

	page_ink(page, ink);
	for (size_t i = 0; i < table->columns; i++) {
		const char *text = row ? row[i] : table->column[i].title;
		size_t width = layout->width[i], used = text_width(text);

		if (!width)
			continue;
		if (used > width)
			used = width;
		owed += first ? 0 : GAP;
		first = false;
		if (table->column[i].right)
			owed += width - used;
		if (used) {
			spaces(page->out, owed);
			text_put(page->out, text, width);
			owed = 0;
		}
		if (!table->column[i].right)
			owed += width - used;
	}
	page_ink_end(page, ink);
	fputc('\n', page->out);
}

int table_print(const struct table *table, const struct page *page, size_t rows)
{
	struct layout layout;

	if (table->failed)
		return -ENOMEM;
	if (!rows || rows > table->rows)
		rows = table->rows;
	lay_out(table, rows, page->width, &layout);
	print_row(table, &layout, page, INK_BOLD, NULL);
	for (size_t i = 0; i < rows; i++)
		print_row(table, &layout, page, table->ink[i], table->cell + i * table->columns);
	return 0;
}
