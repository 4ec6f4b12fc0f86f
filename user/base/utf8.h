/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * UTF-8 as RFC 3629 has it. An interface may be named with any bytes, but one invalid byte makes
 * Prometheus refuse a whole scrape and jansson a whole answer.
 */
#pragma once

#include <stddef.h>

/* Bytes of the character at text: 1 to 4, or 0 where it is no valid UTF-8. The terminating zero is a character. */
size_t utf8_character(const char *text);

/* Whether all of it is valid. */
int utf8_valid(const char *text);
