/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures drawn in a line of text: by block characters where the page has them, else by ASCII. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKS_MAX 64			  /* columns */
#define BLOCKS_BYTES (3 * BLOCKS_MAX + 1) /* a block is 3 bytes of UTF-8 */

struct blocks {
	char s[BLOCKS_BYTES];
};

/*
 * A column for each value (up to BLOCKS_MAX), the greatest of them as high as a line, anything above 0 at least the lowest mark.
 * Blanks at the end are left out.
 */
struct blocks blocks_spark(const uint64_t *value, size_t count, bool utf8);

/* value of max, where max has `width` columns (up to BLOCKS_MAX); anything above 0 is at least the thinnest mark */
struct blocks blocks_bar(uint64_t value, uint64_t max, size_t width, bool utf8);
