/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "spoil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/client.h"

static const char *const wrong[] = {
	"null",	 "true",   "-1",	 "1.5", "18446744073709551616.0",
	"1e308", "''",	   "'x'",	 "[]",	"{}",
	"[[]]",	 "[null]", "{'name':1}",
};

json_t *quoted(const char *text)
{
	char *copy = strdup(text);
	json_error_t fault;
	json_t *value;

	assert_non_null(copy);
	for (char *at = copy; (at = strchr(at, '\'')); at++)
		*at = '"';
	value = json_loads(copy, JSON_DECODE_ANY, &fault);
	if (!value)
		fail_msg("%s at %d: %s", fault.text, fault.position, copy);
	free(copy);
	return value;
}

static void spoil_part(const json_t *whole, json_t *part, try_answer *try)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(part, next, key, value)
	{
		_cleanup_json_ json_t *keep = json_incref(value);

		spoil_part(whole, keep, try);
		for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
			json_object_set_new(part, key, quoted(wrong[i]));
			try(whole);
		}
		json_object_set(part, key, keep);
	}
	for (size_t i = 0; i < json_array_size(part); i++) {
		_cleanup_json_ json_t *keep = json_incref(json_array_get(part, i));

		spoil_part(whole, keep, try);
		for (size_t j = 0; j < sizeof(wrong) / sizeof(*wrong); j++) {
			json_array_set_new(part, i, quoted(wrong[j]));
			try(whole);
		}
		json_array_set(part, i, keep);
	}
}

void spoil(json_t *answer, try_answer *try)
{
	spoil_part(answer, answer, try);
}
