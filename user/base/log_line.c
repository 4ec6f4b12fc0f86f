/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/base/log_line.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "user/base/clock.h"
#include "user/base/number.h"
#include "user/base/utf8.h"

/* Kept back for what ends a line: the quote, the brace and the newline */
#define LINE_TAIL 8
/* What is not the message takes no more than this, escaped, so that its field always has room */
#define WORD_BYTES 256

/* In JSON, and in text */
struct level_words {
	const char *name, *column;
};

static const struct level_words *words_of(int level)
{
	static const struct level_words error = {"error", "ERROR "},
					warning = {"warning", "WARN  "}, info = {"info", "INFO  "},
					debug = {"debug", "DEBUG "};

	return level <= LOG_ERR	     ? &error
	       : level <= LOG_NOTICE ? &warning
	       : level == LOG_INFO   ? &info
				     : &debug;
}

/* All of the bytes or, without room, none: an escape is never cut in two. */
static bool add(struct log_line *line, const char *bytes, size_t count)
{
	if (count > sizeof(line->text) - LINE_TAIL - line->length)
		return false;
	memcpy(line->text + line->length, bytes, count);
	line->length += count;
	return true;
}

static bool add_text(struct log_line *line, const char *text)
{
	return add(line, text, strlen(text));
}

/* Of a valid character of at most three bytes; of a longer one something above 0xffff */
static uint32_t code_point(const unsigned char *at, size_t length)
{
	switch (length) {
	case 1:
		return at[0];
	case 2:
		return (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
	case 3:
		return (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
	default:
		return 0x10000;
	}
}

/* C0 and C1 (of which U+009B begins a command to a terminal), separators of lines, changes of direction */
static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static void add_escaped(struct log_line *line, const char *text, bool json, size_t limit)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t start = line->length;
	char escape[16];

	while (*at) {
		size_t length = utf8_character((const char *)at);
		uint32_t point = code_point(at, length);
		bool fits;

		if (length == 0) {
			fits = add_text(line, "\xef\xbf\xbd"); /* U+FFFD */
			length = 1;
		} else if (is_control(point)) {
			snprintf(escape, sizeof(escape),
				 json || point > 0xff ? "\\u%04x" : "\\x%02x", point);
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

static void add_local_time(struct log_line *line, uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / NS_PER_SEC);
	char text[CLOCK_TEXT];
	struct tm local;

	localtime_r(&seconds, &local);
	snprintf(text, sizeof(text), "%02d:%02d:%02d.%03u ", local.tm_hour, local.tm_min,
		 local.tm_sec, (unsigned int)(unix_ns % NS_PER_SEC / 1000000));
	add_text(line, text);
}

static void add_field(struct log_line *line, const char *name, const char *value, size_t limit)
{
	add_text(line, ",\"");
	add_text(line, name);
	add_text(line, "\":\"");
	add_escaped(line, value, true, limit);
	line->text[line->length++] = '"'; /* within LINE_TAIL */
}

static void format_json(struct log_line *line, const struct log_entry *entry)
{
	char time[CLOCK_TEXT];

	add_text(line, "{\"ts\":\"");
	add_text(line, clock_text(entry->unix_ns, time));
	add_text(line, "\"");
	add_field(line, "level", words_of(entry->level)->name, WORD_BYTES);
	add_field(line, "component", entry->component, WORD_BYTES);
	if (entry->request_id)
		add_field(line, "request_id", entry->request_id, WORD_BYTES);
	add_field(line, "msg", entry->message, LOG_LINE_BYTES);
	line->text[line->length++] = '}';
}

/* The journal shows time and priority as whoever reads it likes. */
static void format_text(struct log_line *line, bool journal, const struct log_entry *entry)
{
	if (!journal) {
		add_local_time(line, entry->unix_ns);
		add_text(line, words_of(entry->level)->column);
	}
	add_escaped(line, entry->component, false, WORD_BYTES);
	add_text(line, ": ");
	if (entry->request_id) {
		add_text(line, "[");
		add_escaped(line, entry->request_id, false, WORD_BYTES);
		add_text(line, "] ");
	}
	add_escaped(line, entry->message, false, LOG_LINE_BYTES);
}

void log_line_format(struct log_line *line, struct log_style style, const struct log_entry *entry)
{
	const char priority[] = {'<', (char)('0' + entry->level), '>'};

	line->length = 0;
	if (style.journal)
		add(line, priority, sizeof(priority));
	if (style.json)
		format_json(line, entry);
	else
		format_text(line, style.journal, entry);
	line->text[line->length++] = '\n';
}
