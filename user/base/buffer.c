/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/buffer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST_BYTES 4096 /* a health answer fits, a scrape doubles a few times */

static bool reserve(struct buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_BYTES;
	char *data;

	if (buffer->failed)
		return false;
	if (more <= buffer->capacity - buffer->length)
		return true;

	while (capacity - buffer->length < more) {
		if (capacity > SIZE_MAX / 2)
			goto fail;
		capacity *= 2;
	}
	data = realloc(buffer->data, capacity);
	if (!data)
		goto fail;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
fail:
	buffer->failed = true;
	return false;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
	if (!length || !reserve(buffer, length))
		return;
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_char(struct buffer *buffer, char byte)
{
	buffer_add(buffer, &byte, 1);
}

void buffer_number(struct buffer *buffer, uint64_t number)
{
	char digits[20]; /* 2^64 - 1 has 20 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	buffer_add(buffer, digits + at, sizeof(digits) - at);
}

void buffer_real(struct buffer *buffer, double number)
{
	char text[32];

	/* As %.15g writes it, much sooner; -0 has a sign */
	if (number > 0 && number < 1e15 && number == (double)(uint64_t)number) {
		buffer_number(buffer, (uint64_t)number);
		return;
	}
	if (isnan(number)) {
		buffer_text(buffer, "NaN");
		return;
	}
	if (isinf(number)) {
		buffer_text(buffer, number > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, number);
		if (strtod(text, NULL) == number)
			break;
	}
	buffer_text(buffer, text);
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || !reserve(buffer, (size_t)length + 1)) {
		buffer->failed = true;
		return;
	}
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
}

const char *buffer_string(struct buffer *buffer)
{
	if (!reserve(buffer, 1))
		return NULL;
	buffer->data[buffer->length] = '\0';
	return buffer->data;
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}
