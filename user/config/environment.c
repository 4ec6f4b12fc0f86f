/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/config/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define NAME_BYTES 128

static bool is_name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

/* What a file could not hold either: control characters would end a log line or a metric label. */
static bool is_clean(const char *value)
{
	for (const char *at = value; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f || (unsigned char)*at >= 0x80)
			return false;
	return true;
}

/* *text is behind "${"; moves it behind the "}". */
static int expand_one(const char **text, FILE *out, struct problem *problem)
{
	const char *start = *text, *at = start, *end, *value;
	char name[NAME_BYTES];

	while (is_name_char(*at, at == start) && at - start < NAME_BYTES - 1)
		at++;
	memcpy(name, start, (size_t)(at - start));
	name[at - start] = '\0';
	end = strchr(at, '}');
	if (at == start || !end || (*at != '}' && strncmp(at, ":-", 2)))
		return problem_set(
			problem,
			"a ${ that begins no variable; expected ${NAME} or ${NAME:-default} ($$ for a $)");
	value = getenv(name);
	if (*at == ':' && (!value || !*value)) {
		fwrite(at + 2, 1, (size_t)(end - at - 2), out);
	} else if (!value) {
		return problem_set(
			problem,
			"environment variable %s is not set; expected it set, or ${%s:-default}",
			quote(name).text, name);
	} else if (!is_clean(value)) {
		return problem_set(
			problem,
			"environment variable %s is not plain text; expected printable ASCII",
			quote(name).text);
	} else {
		fputs(value, out);
	}
	*text = end + 1;
	return 0;
}

static int expand_all(const char *text, FILE *out, struct problem *problem)
{
	while (*text) {
		size_t plain = strcspn(text, "$");
		int r;

		fwrite(text, 1, plain, out);
		text += plain;
		if (!*text)
			break;
		if (text[1] == '$') {
			fputc('$', out);
			text += 2;
			continue;
		}
		if (text[1] != '{')
			return problem_set(
				problem,
				"a single $; expected $$ for a $, or ${NAME} (quoted inside {} and [])");
		text += 2;
		r = expand_one(&text, out, problem);
		if (r < 0)
			return r;
	}
	return 0;
}

int environment_expand(const char *text, char **out, struct problem *problem)
{
	_cleanup_free_ char *expanded = NULL;
	size_t length = 0;
	FILE *stream;
	int r, failed;

	stream = open_memstream(&expanded, &length);
	if (!stream)
		return -ENOMEM;
	r = expand_all(text, stream, problem);
	failed = ferror(stream);
	failed |= fclose(stream);
	if (r < 0)
		return r;
	if (failed || !expanded) /* glibc may leave NULL behind and call it a success */
		return -ENOMEM;
	*out = steal_ptr(expanded);
	return 0;
}
