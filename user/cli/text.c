/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

struct text text_count(uint64_t count)
{
	char digits[24];
	struct text text;
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	size_t to = 0;

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text.s[to++] = ',';
		text.s[to++] = digits[i];
	}
	text.s[to] = '\0';
	return text;
}

/* Three significant digits of a value that is 0 or more. */
static int digits_after_point(double value)
{
	/* The limits are where rounding would add a digit: 9.996 is "10.0", not "10.00" */
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

struct text text_rate(double per_second)
{
	static const char *const suffix[] = {"", "k", "M", "G", "T"};
	double value = per_second > 0 ? per_second : 0; /* also of NaN */
	struct text text;
	size_t i = 0;

	for (; i < 4 && value >= 999.5; i++)
		value /= 1000;
	if (!i && value == (double)(uint64_t)value)
		snprintf(text.s, sizeof(text.s), "%.0f", value);
	else if (value < 1e6)
		snprintf(text.s, sizeof(text.s), "%.*f%s", digits_after_point(value), value,
			 suffix[i]);
	else /* too high to be true, but it must fit */
		snprintf(text.s, sizeof(text.s), "%.2e%s", value, suffix[i]);
	return text;
}

struct text text_duration(double seconds)
{
	struct text text;
	uint64_t s;

	if (!(seconds > 0)) {
		snprintf(text.s, sizeof(text.s), "0s");
		return text;
	}
	if (seconds < 0.9995) {
		snprintf(text.s, sizeof(text.s), "%.0fms", seconds < 0.001 ? 1 : seconds * 1000);
		return text;
	}
	s = seconds < 1e15 ? (uint64_t)(seconds + 0.5) : (uint64_t)1e15;
	if (s < 60)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
	return text;
}

struct text text_latency(double seconds)
{
	static const char *const unit[] = {"ns", "us", "ms", "s"};
	double value = seconds > 0 ? seconds * 1e9 : 0; /* also of NaN */
	struct text text;
	size_t i = 0;

	for (; i < 3 && value >= 999.5; i++)
		value /= 1000;
	if (value < 1e6)
		snprintf(text.s, sizeof(text.s), "%.*f %s", i ? digits_after_point(value) : 0,
			 value, unit[i]);
	else /* too long to be true, but it must fit */
		snprintf(text.s, sizeof(text.s), "%.2e %s", value, unit[i]);
	return text;
}

struct text_address text_address(const char *address, uint64_t port)
{
	struct text_address text;

	if (!port)
		snprintf(text.s, sizeof(text.s), "%s", address);
	else
		snprintf(text.s, sizeof(text.s), strchr(address, ':') ? "[%s]:%llu" : "%s:%llu",
			 address, (unsigned long long)port);
	return text;
}

struct text text_share(uint64_t part, uint64_t whole)
{
	struct text text = {""};

	if (whole)
		snprintf(text.s, sizeof(text.s), "%.1f %%", 100.0 * (double)part / (double)whole);
	return text;
}

static bool local_time(double unix_time, struct tm *tm)
{
	time_t whole;

	if (!(unix_time >= 0 && unix_time < 253402300800.0)) /* to the end of the year 9999 */
		return false;
	whole = (time_t)unix_time;
	return localtime_r(&whole, tm) != NULL;
}

struct text text_clock(double unix_time)
{
	struct text text = {"?"};
	struct tm tm;
	uint64_t ms;

	if (!local_time(unix_time, &tm))
		return text;
	/* To the nearest: .678 is not exact in binary, and must not become .677 */
	ms = (uint64_t)(unix_time * 1000 + 0.5);
	if (local_time((double)(ms / 1000), &tm))
		snprintf(text.s, sizeof(text.s), "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min,
			 tm.tm_sec, (int)(ms % 1000));
	return text;
}

/* Bytes of the code point at text, by its first byte; never past the terminating zero. */
static size_t code_point(const char *text)
{
	size_t length = 1;

	while (((unsigned char)text[length] & 0xc0) == 0x80)
		length++;
	return length;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text += code_point(text))
		width++;
	return width;
}

/* C0, DEL, and C1 (U+0080 to U+009F), which some terminals obey like escape sequences. */
static bool is_control(const char *text)
{
	unsigned char first = (unsigned char)text[0];

	return first < 0x20 || first == 0x7f || (first >= 0x80 && first < 0xc0) ||
	       (first == 0xc2 && (unsigned char)text[1] < 0xa0);
}

size_t text_put(FILE *out, const char *text, size_t width)
{
	bool cut = width && text_width(text) > width;
	size_t written = 0;

	for (; *text; text += code_point(text), written++) {
		if (cut && written + 1 == width) {
			fputc('~', out);
			return written + 1;
		}
		if (is_control(text))
			fputc('?', out);
		else
			fwrite(text, 1, code_point(text), out);
	}
	return written;
}
