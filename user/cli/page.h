/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where human output goes and what it can take there: every line is cut to the width, none wraps.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct page {
	FILE *out;
	size_t width;  /* columns; 0: any */
	size_t height; /* lines; 0: any */
	bool colour;
	bool blocks; /* can show block characters, which are UTF-8: else ASCII stands for them */
};

enum ink { INK_PLAIN, INK_BOLD, INK_DIM, INK_RED, INK_GREEN, INK_YELLOW };

/* What goes between these has the colour, where there is any. */
void page_ink(const struct page *page, enum ink ink);
void page_ink_end(const struct page *page, enum ink ink);

/* One line, its end included. Control characters in it are made visible. */
void page_line(const struct page *page, enum ink ink, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
