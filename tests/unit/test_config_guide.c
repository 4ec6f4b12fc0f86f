/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables of fields in docs/configuration.md are what the schema writes, and no field is missing there.
 * A table stands between "<!-- made: PATH ... -->" and "<!-- made: end -->", a PATH for each group of fields.
 * WEIR_UPDATE=1 renews them. Runs from the top of the repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/cleanup.h"
#include "user/config/schema.h"

#define PAGE "docs/configuration.md"
#define BEGIN "<!-- made: "
#define MARK_END " -->\n"
#define END "<!-- made: end -->\n"
#define HEAD "| field | what it says | value | default |\n| --- | --- | --- | --- |\n"

static char *read_page(void)
{
	_cleanup_fclose_ FILE *file = fopen(PAGE, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		fail_msg("no " PAGE ": run this from the top of the repository");
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	return text;
}

/* The rows of all paths, which are words up to `end` */
static void write_table(const char *paths, const char *end, FILE *out)
{
	_cleanup_free_ char *words = strndup(paths, (size_t)(end - paths));
	char *rest;

	assert_non_null(words);
	fputs(HEAD, out);
	for (char *path = strtok_r(words, " ", &rest); path; path = strtok_r(NULL, " ", &rest))
		if (schema_rows(path, out))
			fail_msg(PAGE ": there is no field %s", path);
}

/* The page with all tables made anew */
static char *renew(const char *page)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	for (const char *begin = strstr(page, BEGIN); begin; begin = strstr(page, BEGIN)) {
		const char *paths = begin + strlen(BEGIN), *mark_end = strstr(paths, MARK_END),
			   *end = strstr(paths, END);

		assert_true(mark_end && end && mark_end < end);
		fwrite(page, 1, (size_t)(mark_end + strlen(MARK_END) - page), out);
		fputs("\n", out);
		write_table(paths, mark_end, out);
		fputs("\n" END, out);
		page = end + strlen(END);
	}
	fputs(page, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void tables_of_the_guide_are_what_the_schema_says(void **state)
{
	_cleanup_free_ char *is = read_page(), *should = renew(is);

	(void)state;
	if (getenv("WEIR_UPDATE")) {
		_cleanup_fclose_ FILE *file = fopen(PAGE, "we");

		assert_non_null(file);
		assert_true(fputs(should, file) >= 0);
	} else if (strcmp(is, should)) {
		fail_msg(
			PAGE
			" is not what the schema says: WEIR_UPDATE=1 build/unit/test_config_guide");
	}
}

static void every_field_has_its_row_in_the_guide(void **state)
{
	_cleanup_free_ char *page = read_page(), *made = renew(page), *paths = NULL;
	size_t length;
	FILE *out = open_memstream(&paths, &length);
	char *rest;

	(void)state;
	assert_non_null(out);
	schema_paths(out);
	assert_int_equal(fclose(out), 0);
	for (char *path = strtok_r(paths, "\n", &rest); path; path = strtok_r(NULL, "\n", &rest)) {
		char row[256];
		const char *at;

		snprintf(row, sizeof(row), "\n| `%s` |", path);
		at = strstr(made, row);
		if (!at)
			fail_msg(PAGE ": %s is in no table; name its group in a made part", path);
		if (strstr(at + 1, row))
			fail_msg(PAGE ": %s is there twice", path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_of_the_guide_are_what_the_schema_says),
		cmocka_unit_test(every_field_has_its_row_in_the_guide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
