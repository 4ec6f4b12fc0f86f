/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/json.h"

#include <math.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/utf8.h"

#define LAST_SECOND 253402300799.0 /* of the year 9999: RFC 3339 has four digits */

static void fail(json_t **container)
{
	json_decref(*container);
	*container = NULL;
}

void json_set(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value))
		fail(object);
}

void json_add(json_t **list, json_t *value)
{
	if (json_array_append_new(*list, value))
		fail(list);
}

json_t *json_text(const char *text)
{
	char clean[512];
	size_t at = 0;

	if (utf8_valid(text))
		return json_string(text);
	while (*text && at + 4 < sizeof(clean)) {
		size_t length = utf8_character(text);

		if (length)
			memcpy(clean + at, text, length);
		else
			clean[at] = '?';
		at += length ? length : 1;
		text += length ? length : 1;
	}
	clean[at] = '\0';
	return json_string(clean);
}

json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

json_t *json_double(double number)
{
	return json_real(isfinite(number) ? number : 0);
}

json_t *json_time(double unix_seconds)
{
	char text[CLOCK_TEXT];

	if (!isfinite(unix_seconds) || unix_seconds <= 0 || unix_seconds > LAST_SECOND)
		return json_null();
	return json_string(clock_text((uint64_t)(unix_seconds * 1e3 + 0.5) * 1000000, text));
}

json_t *json_age(const struct snapshot *snapshot, uint64_t now_ns)
{
	uint64_t age_ns = now_ns > snapshot->time_ns ? now_ns - snapshot->time_ns : 0;

	return json_double((double)age_ns / 1e9);
}
