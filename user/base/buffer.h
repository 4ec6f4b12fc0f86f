/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A text buffer that grows. Errors stick: after the first failed allocation everything is ignored
 * and `failed` stays set, so that a formatter checks once, at its end. Start with struct buffer b = {0}.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/cleanup.h"

struct buffer {
	char *data; /* not terminated; see buffer_string() */
	size_t length;
	size_t capacity;
	bool failed;
};

void buffer_add(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_char(struct buffer *buffer, char byte);
void buffer_number(struct buffer *buffer, uint64_t number);

/* The shortest decimal that reads back as the same double; NaN, +Inf, -Inf as Prometheus spells them. */
void buffer_real(struct buffer *buffer, double number);

void buffer_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Terminated, borrowed; NULL if anything failed. */
const char *buffer_string(struct buffer *buffer);

void buffer_release(struct buffer *buffer);
#define _cleanup_buffer_ _cleanup_(buffer_release)
