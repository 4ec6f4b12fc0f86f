/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is wrong with one value and what was expected instead: "WHAT IS WRONG; expected WHAT". The
 * parsers of values (prefix.h, match.h, limit.h) know no file; whoever calls them adds file, line and field.
 */
#pragma once

#include <stddef.h>

struct problem {
	char text[320];
};

/* Returns -EINVAL, so that a check can end with it. */
int problem_set(struct problem *problem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A piece of the user's text for a message: in double quotes, cut to what a line can bear, nothing
 * in it that a terminal or a log would act on. Use: quote(text).text within one expression.
 */
struct quoted {
	char text[64];
};
struct quoted quote(const char *text);

/* The same without the quotes, into a buffer. */
void problem_clean(const char *text, char *buffer, size_t size);
