/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/secret.h"

static char path[] = "/tmp/weir-test-secret-XXXXXX";

static void put(const char *text, size_t length)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void the_first_line_is_the_secret(void **state)
{
	/* clang-format off */
	static const struct {
		const char *file;
		size_t length;
		int result;
		const char *expected; /* the secret, or what is wrong */
	} row[] = {
#define ROW(file, ...) {file, sizeof(file) - 1, __VA_ARGS__}
		ROW("hush", 0, "hush"),
		ROW("hush\n", 0, "hush"),
		ROW("hush\r\n", 0, "hush"),
		ROW("hush\n\n# a remark\n", 0, "hush"),
		ROW(" hu sh \n", 0, " hu sh "),
		ROW("hush\n\0", 0, "hush"),
		ROW("h\xc3\xbcsh\n", 0, "h\xc3\xbcsh"),
		ROW("four8888", 0, "four8888"),
		ROW("four8888\n", 0, "four8888"),
		ROW("four88889", -EFBIG, "its first line must have 4 to 8 characters"),
		ROW("four88889 and so on and on\n", -EFBIG, "its first line must have 4 to 8 characters"),
		ROW("hus\n", -ENODATA, "its first line must have 4 to 8 characters"),
		ROW("\nhush\n", -ENODATA, "its first line must have 4 to 8 characters"),
		ROW("", -ENODATA, "it is empty"),
		ROW("hush\0sh\n", -EILSEQ, "a byte of it is 0; expected text"),
#undef ROW
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char why[SECRET_WHY] = "", *secret = NULL;

		put(row[i].file, row[i].length);
		assert_int_equal(secret_read(path, 4, 8, &secret, why), row[i].result);
		assert_string_equal(row[i].result ? why : secret, row[i].expected);
		assert_true(!secret == !!row[i].result);
		secret_free(secret);
	}
}

static void what_cannot_be_read_is_said(void **state)
{
	char why[SECRET_WHY], *secret = NULL;

	(void)state;
	assert_int_equal(secret_read("/no/such/file", 1, 8, &secret, why), -ENOENT);
	assert_string_equal(why, "No such file or directory");
	assert_int_equal(secret_read("/tmp", 1, 8, &secret, why), -EISDIR);
	assert_string_equal(why, "Is a directory");
	/* and is not waited for */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(secret_read(path, 1, 8, &secret, why), -ENODATA);
	assert_string_equal(why, "it is empty");
	assert_null(secret);
	secret_free(NULL);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_the_secret),
		cmocka_unit_test(what_cannot_be_read_is_said),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
