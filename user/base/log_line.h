/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one line of the log looks like. Pure: the time is passed in. Whatever bytes a message, a request id or an
 * interface's name has, the outcome is one line of valid UTF-8 that ends with a newline: what could end the
 * line, close the string, move the cursor or turn the reading direction is escaped, an invalid byte is U+FFFD.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A pipe takes up to PIPE_BUF (4096) bytes whole, so that lines of several writers do not mix. */
#define LOG_LINE_BYTES 4096

/* Where it goes. The journal keeps the time by itself and wants the priority in front: sd-daemon(3) */
struct log_style {
	bool json;
	bool journal;
};

struct log_entry {
	uint64_t unix_ns;
	int level; /* of syslog(3) */
	const char *component;
	const char *request_id; /* NULL: none */
	const char *message;
};

struct log_line {
	char text[LOG_LINE_BYTES]; /* not terminated */
	size_t length;
};

/* Cut to fit, at a whole character. */
void log_line_format(struct log_line *line, struct log_style style, const struct log_entry *entry);
