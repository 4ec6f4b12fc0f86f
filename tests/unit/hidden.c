/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/unit/hidden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/cleanup.h"

#define PIECE 4 /* characters: fewer are in a message by chance */

void assert_hidden(const char *about, const char *message)
{
	for (size_t i = 0; i + PIECE <= strlen(HIDDEN); i++) {
		char piece[PIECE + 1] = "";

		memcpy(piece, HIDDEN + i, PIECE);
		if (strstr(message, piece))
			fail_msg("%s\nshows %s: %s", about, piece, message);
	}
}

unsigned int for_each_mistake(const char *text, void (*try)(const char *text))
{
	static const char delimiters[] = ":/@?#%,[]{}$\"'\\ \n\t-=&*!|>";
	size_t length = strlen(text);
	_cleanup_free_ char *spoilt = malloc(length + 2);
	unsigned int count = 0;

	assert_non_null(spoilt);
	for (size_t i = 0; i < length; i++) {
		for (const char *c = delimiters; *c; c++) {
			snprintf(spoilt, length + 2, "%.*s%c%s", (int)i, text, *c, text + i);
			try(spoilt);
			strcpy(spoilt, text);
			spoilt[i] = *c;
			try(spoilt);
			count += 2;
		}
		snprintf(spoilt, length + 2, "%.*s%s", (int)i, text, text + i + 1);
		try(spoilt);
		count++;
	}
	return count;
}
