/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int problem_set(struct problem *problem, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

void problem_clean(const char *text, char *buffer, size_t size)
{
	size_t length = strnlen(text, size);

	if (length == size) { /* too long: leave out the end, whole UTF-8 sequences of it */
		length = size - 4;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		memcpy(buffer + length, "...", 4);
	} else {
		buffer[length] = '\0';
	}
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		buffer[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
}

struct quoted quote(const char *text)
{
	struct quoted out;

	out.text[0] = '"';
	problem_clean(text, out.text + 1, sizeof(out.text) - 2);
	strcat(out.text, "\"");
	return out;
}
