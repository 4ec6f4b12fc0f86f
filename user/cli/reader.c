/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/reader.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

static const char *type_name(const json_t *value)
{
	static const char *const name[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",  [JSON_INTEGER] = "a whole number",
		[JSON_REAL] = "a number",    [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};

	return value ? name[json_typeof(value)] : "missing";
}

static void note(struct reader *reader, const char *field, const json_t *value,
		 const char *expected)
{
	if (reader->failed)
		return;
	reader->failed = true;
	snprintf(reader->error, sizeof(reader->error),
		 "the daemon's answer cannot be read: \"%s\" is %s, expected %s; "
		 "are `weir` and the daemon of the same version?",
		 field, type_name(value), expected);
}

static bool absent(const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	return json_is_object(object) && (!value || json_is_null(value));
}

const char *reader_string(struct reader *reader, const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	if (json_is_string(value))
		return json_string_value(value);
	note(reader, field, value, "a string");
	return "";
}

const char *reader_string_or(struct reader *reader, const json_t *object, const char *field,
			     const char *fallback)
{
	return absent(object, field) ? fallback : reader_string(reader, object, field);
}

double reader_number(struct reader *reader, const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	if (json_is_number(value) && isfinite(json_number_value(value)))
		return json_number_value(value);
	note(reader, field, value, "a number");
	return 0;
}

double reader_number_or(struct reader *reader, const json_t *object, const char *field,
			double fallback)
{
	return absent(object, field) ? fallback : reader_number(reader, object, field);
}

static bool is_count(const json_t *value, uint64_t *out)
{
	double number = json_number_value(value);

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*out = (uint64_t)json_integer_value(value);
		return true;
	}
	/* A server may write large counts as reals: above 2^53 they are no longer exact anyway */
	if (json_is_real(value) && number >= 0 && number < 0x1p64 &&
	    number == (double)(uint64_t)number) {
		*out = (uint64_t)number;
		return true;
	}
	return false;
}

uint64_t reader_count(struct reader *reader, const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);
	uint64_t count = 0;

	if (!is_count(value, &count))
		note(reader, field, value, "a whole number, 0 or more");
	return count;
}

/* Up to max elements; NULL, and noted, where it is something else or longer. */
static const json_t *short_array(struct reader *reader, const json_t *object, const char *field,
				 size_t max)
{
	const json_t *array = json_object_get(object, field);
	char expected[64];

	if (json_is_array(array) && json_array_size(array) <= max)
		return array;
	snprintf(expected, sizeof(expected), "an array of at most %zu numbers", max);
	note(reader, field, array, expected);
	return NULL;
}

size_t reader_counts(struct reader *reader, const json_t *object, const char *field, uint64_t *out,
		     size_t max)
{
	const json_t *array = short_array(reader, object, field, max);
	size_t count = json_array_size(array);

	for (size_t i = 0; i < count; i++) {
		if (!is_count(json_array_get(array, i), &out[i])) {
			note(reader, field, array, "whole numbers, 0 or more, only");
			return 0;
		}
	}
	return count;
}

size_t reader_numbers(struct reader *reader, const json_t *object, const char *field, double *out,
		      size_t max)
{
	const json_t *array = short_array(reader, object, field, max);
	size_t count = json_array_size(array);

	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_array_get(array, i);

		if (!json_is_number(value) || !isfinite(json_number_value(value))) {
			note(reader, field, array, "numbers only");
			return 0;
		}
		out[i] = json_number_value(value);
	}
	return count;
}

bool reader_bool(struct reader *reader, const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	if (!json_is_boolean(value))
		note(reader, field, value, "true or false");
	return json_is_true(value);
}

const json_t *reader_array(struct reader *reader, const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	if (json_is_array(value))
		return value;
	note(reader, field, value, "an array");
	return NULL; /* jansson takes NULL for an array without elements */
}

const json_t *reader_object(struct reader *reader, const json_t *object, const char *field)
{
	const json_t *value = json_object_get(object, field);

	if (json_is_object(value))
		return value;
	note(reader, field, value, "an object");
	return NULL;
}

int reader_result(const struct reader *reader, char *error, size_t size)
{
	if (!reader->failed)
		return 0;
	snprintf(error, size, "%s", reader->error);
	return -EPROTO;
}
