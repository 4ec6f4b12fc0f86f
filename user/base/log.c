/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/number.h"
#include "user/base/utf8.h"

/*
 * What the process logs is the process's own, so this is the one place with state of its own. A
 * change of settings while others log shows from their next line on.
 */
static struct {
	atomic_bool json;
	atomic_int level;
	atomic_uint_fast64_t count[LOG_DEBUG + 1];
} state = {.level = LOG_INFO};

/* A pipe takes up to PIPE_BUF (4096) bytes whole, so that lines of several writers do not mix. */
#define LINE_BYTES 4096
#define MESSAGE_BYTES 2048
/* Kept back for what ends a line: the quote, the brace and the newline */
#define LINE_TAIL 8
/* What is not the message takes no more than this, escaped, so that its field always has room */
#define WORD_BYTES 256

struct line {
	char text[LINE_BYTES];
	size_t length;
};

void log_setup(bool json, int level)
{
	atomic_store_explicit(&state.json, json, memory_order_relaxed);
	atomic_store_explicit(&state.level, level, memory_order_relaxed);
}

static int clamp_level(int level)
{
	return level < LOG_EMERG ? LOG_EMERG : level > LOG_DEBUG ? LOG_DEBUG : level;
}

uint64_t log_count(int level)
{
	return atomic_load_explicit(&state.count[clamp_level(level)], memory_order_relaxed);
}

static const char *level_name(int level)
{
	return level <= LOG_ERR	     ? "error"
	       : level <= LOG_NOTICE ? "warning"
	       : level == LOG_INFO   ? "info"
				     : "debug";
}

/* All of the bytes or, without room, none: an escape is never cut in two. */
static bool add(struct line *line, const char *bytes, size_t count)
{
	if (count > sizeof(line->text) - LINE_TAIL - line->length)
		return false;
	memcpy(line->text + line->length, bytes, count);
	line->length += count;
	return true;
}

static bool add_text(struct line *line, const char *text)
{
	return add(line, text, strlen(text));
}

/*
 * What others may have chosen (a request id, an address in a message) must not be able to end the
 * line, close the string or move the terminal's cursor.
 */
static void add_escaped(struct line *line, const char *text, bool json, size_t limit)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t start = line->length;
	char escape[16];

	while (*at) {
		size_t length = utf8_character((const char *)at);
		bool fits;

		if (length == 0) {
			fits = add_text(line, "\xef\xbf\xbd"); /* U+FFFD */
			length = 1;
		} else if (*at < 0x20 || *at == 0x7f) {
			snprintf(escape, sizeof(escape), json ? "\\u%04x" : "\\x%02x", *at);
			fits = add_text(line, escape);
		} else if (json && (*at == '"' || *at == '\\')) {
			snprintf(escape, sizeof(escape), "\\%c", *at);
			fits = add_text(line, escape);
		} else {
			fits = add(line, (const char *)at, length);
		}
		if (!fits || line->length - start >= limit)
			return;
		at += length;
	}
}

static void add_time(struct line *line, bool json)
{
	char text[CLOCK_TEXT];
	uint64_t now_ns = clock_unix_ns();
	time_t seconds = (time_t)(now_ns / NS_PER_SEC);
	struct tm local;

	if (json) {
		add_text(line, clock_text(now_ns, text));
		return;
	}
	localtime_r(&seconds, &local);
	snprintf(text, sizeof(text), "%02d:%02d:%02d.%03u", local.tm_hour, local.tm_min,
		 local.tm_sec, (unsigned int)(now_ns % NS_PER_SEC / 1000000));
	add_text(line, text);
}

static void add_field(struct line *line, const char *name, const char *value, size_t limit)
{
	add_text(line, ",\"");
	add_text(line, name);
	add_text(line, "\":\"");
	add_escaped(line, value, true, limit);
	line->text[line->length++] = '"'; /* within LINE_TAIL */
}

static void format_json(struct line *line, int level, const char *component, const char *request_id,
			const char *message)
{
	add_text(line, "{\"ts\":\"");
	add_time(line, true);
	add_text(line, "\"");
	add_field(line, "level", level_name(level), WORD_BYTES);
	add_field(line, "component", component, WORD_BYTES);
	if (request_id)
		add_field(line, "request_id", request_id, WORD_BYTES);
	add_field(line, "msg", message, LINE_BYTES);
	line->text[line->length++] = '}';
}

static void format_text(struct line *line, int level, const char *component, const char *request_id,
			const char *message)
{
	static const char *const names[] = {"ERROR", "WARN ", "INFO ", "DEBUG"};
	int name = level <= LOG_ERR ? 0 : level <= LOG_NOTICE ? 1 : level == LOG_INFO ? 2 : 3;

	add_time(line, false);
	add_text(line, " ");
	add_text(line, names[name]);
	add_text(line, " ");
	add_escaped(line, component, false, WORD_BYTES);
	add_text(line, ": ");
	if (request_id) {
		add_text(line, "[");
		add_escaped(line, request_id, false, WORD_BYTES);
		add_text(line, "] ");
	}
	add_escaped(line, message, false, LINE_BYTES);
}

/* A line that cannot be written is lost: there is nowhere left to say so, and nobody waits for it. */
static void write_line(const struct line *line)
{
	size_t done = 0;

	while (done < line->length) {
		ssize_t n = write(STDERR_FILENO, line->text + done, line->length - done);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			done += (size_t)n;
	}
}

static void log_line(int level, const char *component, const char *request_id, const char *format,
		     va_list arguments) __attribute__((format(printf, 4, 0)));

static void log_line(int level, const char *component, const char *request_id, const char *format,
		     va_list arguments)
{
	char message[MESSAGE_BYTES];
	struct line line = {.length = 0};
	int saved_errno = errno;

	level = clamp_level(level);
	if (level > atomic_load_explicit(&state.level, memory_order_relaxed))
		return;
	if (vsnprintf(message, sizeof(message), format, arguments) >= (int)sizeof(message))
		memcpy(message + sizeof(message) - 4, "...", 4);
	if (atomic_load_explicit(&state.json, memory_order_relaxed))
		format_json(&line, level, component, request_id, message);
	else
		format_text(&line, level, component, request_id, message);
	line.text[line.length++] = '\n';
	write_line(&line);
	atomic_fetch_add_explicit(&state.count[level], 1, memory_order_relaxed);
	errno = saved_errno;
}

void log_write(int level, const char *component, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(level, component, NULL, format, arguments);
	va_end(arguments);
}

void log_request(int level, const char *component, const char *request_id, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(level, component, request_id, format, arguments);
	va_end(arguments);
}
