/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The list of fields in docs/man/weir.yaml.5 is a copy of what the schema writes. This test compares
 * them, from the root of the repository; to renew the copy:
 *     WEIR_UPDATE_MAN=1 build/unit/test_config_man
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

#define PAGE "docs/man/weir.yaml.5"
#define BEGIN ".\\\" BEGIN FIELDS, made by tests/unit/test_config_man.c\n"
#define END ".\\\" END FIELDS\n"

static char *read_page(void)
{
	_cleanup_fclose_ FILE *file = fopen(PAGE, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		fail_msg("no " PAGE ": run this from the root of the repository");
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	return text;
}

static void write_page(const char *page, const char *begin, const char *end, const char *reference)
{
	_cleanup_fclose_ FILE *file = fopen(PAGE, "w");

	assert_non_null(file);
	fwrite(page, 1, (size_t)(begin - page), file);
	fputs(reference, file);
	fputs(end, file);
	assert_int_equal(ferror(file), 0);
}

static void the_manual_lists_every_field_of_the_schema(void **state)
{
	_cleanup_free_ char *page = read_page(), *reference = NULL;
	size_t length;
	FILE *out = open_memstream(&reference, &length);
	const char *begin = strstr(page, BEGIN), *end = strstr(page, END);

	(void)state;
	assert_true(begin && end && begin < end);
	begin += strlen(BEGIN);
	assert_non_null(out);
	schema_reference(out);
	assert_int_equal(fclose(out), 0);
	if (getenv("WEIR_UPDATE_MAN"))
		write_page(page, begin, end, reference);
	else if ((size_t)(end - begin) != length || memcmp(begin, reference, length))
		fail_msg(PAGE " is not what the schema says; WEIR_UPDATE_MAN=1 %s renews it",
			 "build/unit/test_config_man");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_lists_every_field_of_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
