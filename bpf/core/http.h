/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the first bytes of a segment say of HTTP/1 (RFC 9112, 3 and 4). Pure. */
#pragma once

#include "compat.h"

/* Bytes that weir_begins() and weir_http_class() read */
#define WEIR_BEGINS_BYTES 8
#define WEIR_HTTP_STATUS_BYTES 12

enum weir_begins {
	WEIR_BEGINS_ANYHOW, /* neither, or nobody looked */
	WEIR_BEGINS_REQUEST,
	WEIR_BEGINS_ANSWER,
};

weir_inline bool weir_is_word(const u8 *at, char a, char b, char c, char d)
{
	return at[0] == a && at[1] == b && at[2] == c && at[3] == d;
}

/* Four letters of a method are enough: what they are asked of is whether a body goes on or a request begins. */
weir_inline enum weir_begins weir_begins(const u8 at[WEIR_BEGINS_BYTES])
{
	if (weir_is_word(at, 'H', 'T', 'T', 'P') && at[4] == '/' && at[5] == '1' && at[6] == '.')
		return WEIR_BEGINS_ANSWER;
	if (weir_is_word(at, 'G', 'E', 'T', ' ') || weir_is_word(at, 'H', 'E', 'A', 'D') ||
	    weir_is_word(at, 'P', 'O', 'S', 'T') || weir_is_word(at, 'P', 'U', 'T', ' ') ||
	    weir_is_word(at, 'D', 'E', 'L', 'E') || weir_is_word(at, 'P', 'A', 'T', 'C') ||
	    weir_is_word(at, 'O', 'P', 'T', 'I') || weir_is_word(at, 'C', 'O', 'N', 'N') ||
	    weir_is_word(at, 'T', 'R', 'A', 'C'))
		return WEIR_BEGINS_REQUEST;
	return WEIR_BEGINS_ANYHOW;
}

/* The class of the status in "HTTP/1.x NNN": 1 .. 5; 0: no status line of HTTP/1 */
weir_inline u32 weir_http_class(const u8 at[WEIR_HTTP_STATUS_BYTES])
{
	u32 class = at[9] - '0';

	if (weir_begins(at) != WEIR_BEGINS_ANSWER || at[8] != ' ' || class < 1 || class > 5)
		return 0;
	return class;
}
