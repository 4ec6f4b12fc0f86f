/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures, tables and times as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/moment.h"
#include "user/cli/table.h"
#include "user/cli/text.h"

static void counts_have_thousands_separators(void **state)
{
	assert_string_equal(text_count(0).s, "0");
	assert_string_equal(text_count(999).s, "999");
	assert_string_equal(text_count(1000).s, "1,000");
	assert_string_equal(text_count(1234567).s, "1,234,567");
	assert_string_equal(text_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
}

static void rates_have_three_digits_and_a_suffix(void **state)
{
	assert_string_equal(text_rate(0).s, "0");
	assert_string_equal(text_rate(7).s, "7");
	assert_string_equal(text_rate(0.25).s, "0.25");
	assert_string_equal(text_rate(9.994).s, "9.99");
	assert_string_equal(text_rate(9.996).s, "10.0");
	assert_string_equal(text_rate(99.96).s, "100");
	assert_string_equal(text_rate(999).s, "999");
	assert_string_equal(text_rate(999.7).s, "1.00k");
	assert_string_equal(text_rate(12345).s, "12.3k");
	assert_string_equal(text_rate(999499).s, "999k");
	assert_string_equal(text_rate(999600).s, "1.00M");
	assert_string_equal(text_rate(1.2e9).s, "1.20G");
	assert_string_equal(text_rate(-3).s, "0");
	assert_string_equal(text_rate(__builtin_nan("")).s, "0");
	assert_true(strlen(text_rate(1e300).s) < 16);
	assert_true(strlen(text_rate(__builtin_inf()).s) < 16);
}

static void durations_have_their_two_largest_units(void **state)
{
	assert_string_equal(text_duration(0).s, "0s");
	assert_string_equal(text_duration(-5).s, "0s");
	assert_string_equal(text_duration(0.0001).s, "1ms");
	assert_string_equal(text_duration(0.0134).s, "13ms");
	assert_string_equal(text_duration(0.9999).s, "1s");
	assert_string_equal(text_duration(59.4).s, "59s");
	assert_string_equal(text_duration(59.6).s, "1m00s");
	assert_string_equal(text_duration(593).s, "9m53s");
	assert_string_equal(text_duration(7980).s, "2h13m");
	assert_string_equal(text_duration(266400).s, "3d02h");
	assert_true(strlen(text_duration(1e300).s) < sizeof(struct text));
	assert_string_equal(text_duration(__builtin_nan("")).s, "0s");
}

static void shares_are_percent_of_something(void **state)
{
	assert_string_equal(text_share(0, 0).s, "");
	assert_string_equal(text_share(0, 7).s, "0.0 %");
	assert_string_equal(text_share(991, 121336).s, "0.8 %");
	assert_string_equal(text_share(7, 7).s, "100.0 %");
}

static void times_are_read_strictly(void **state)
{
	static const char *const wrong[] = {
		"",
		"now",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04:05+01:00",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05.5",
		"2026-13-02T03:04:05Z",
		"2026-01-02T03:04:05.9e9Z",
		"2026-01-02T03:04:05Zx",
	};

	assert_true(moment_of("1970-01-01T00:00:00Z") == 0);
	assert_true(moment_of("2026-01-02T03:04:05Z") == 1767323045);
	assert_true(moment_of("2026-01-02T03:04:05.500Z") == 1767323045.5);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (moment_of(wrong[i]) != -1)
			fail_msg("'%s' was taken for a time", wrong[i]);
}

static void clocks_show_the_local_time_of_day(void **state)
{
	assert_string_equal(text_clock(1767323045.678).s, "03:04:05.678");
	assert_string_equal(text_clock(-1).s, "?");
	assert_string_equal(text_clock(1e300).s, "?");
}

static char *put(const char *text, size_t width)
{
	char *made = NULL;
	size_t length;
	FILE *out = open_memstream(&made, &length);

	assert_non_null(out);
	text_put(out, text, width);
	fclose(out);
	return made;
}

static void assert_put(const char *text, size_t width, const char *expected)
{
	char *made = put(text, width);

	assert_string_equal(made, expected);
	free(made);
}

static void a_text_cannot_steer_the_terminal(void **state)
{
	assert_put("a\033[2Jb\r\n\tc\177", 0, "a?[2Jb???c?");
	assert_put("\xc2\x9b"
		   "31m",
		   0, "?31m"); /* CSI as one character */
	assert_put("caf\xc3\xa9", 0, "caf\xc3\xa9");
	assert_put("\xff\xfe", 0, "\xff\xfe");
	assert_put("\x80\x80", 0, "?");
}

static void a_cut_counts_characters_and_shows(void **state)
{
	assert_put("abcdef", 6, "abcdef");
	assert_put("abcdef", 5, "abcd~");
	assert_put("abcdef", 1, "~");
	assert_put("\xc3\xa9\xc3\xa9\xc3\xa9", 3, "\xc3\xa9\xc3\xa9\xc3\xa9");
	assert_put("\xc3\xa9\xc3\xa9\xc3\xa9", 2, "\xc3\xa9~");
}

static const struct column columns[] = {
	{.title = "CLIENT"},
	{.title = "RATE", .right = true, .drop = 1},
	{.title = "TIER", .drop = 3},
	{.title = "STATE", .drop = 2},
};

static void assert_table(size_t width, size_t rows, bool state, const char *expected)
{
	_cleanup_table_ struct table *table = table_new(columns, 4);
	struct page page = {.width = width};
	char *made = NULL;
	size_t length;

	table_row(table, INK_PLAIN, (const char *const[]){"192.0.2.1", "12", "gold", NULL});
	table_row(table, INK_PLAIN,
		  (const char *const[]){"2001:db8::7", "1,234", "x", state ? "banned" : ""});
	page.out = open_memstream(&made, &length);
	assert_non_null(page.out);
	assert_int_equal(table_print(table, &page, rows), 0);
	fclose(page.out);
	assert_string_equal(made, expected);
	free(made);
}

static void columns_are_aligned_and_no_line_ends_in_blanks(void **state)
{
	assert_table(0, 0, true,
		     "CLIENT        RATE  TIER  STATE\n"
		     "192.0.2.1       12  gold\n"
		     "2001:db8::7  1,234  x     banned\n");
}

static void a_column_without_text_is_left_out(void **state)
{
	assert_table(0, 0, false,
		     "CLIENT        RATE  TIER\n"
		     "192.0.2.1       12  gold\n"
		     "2001:db8::7  1,234  x\n");
	assert_table(0, 1, true,
		     "CLIENT     RATE  TIER\n"
		     "192.0.2.1    12  gold\n");
}

static void a_narrow_page_loses_what_matters_least(void **state)
{
	assert_table(31, 0, true,
		     "CLIENT        RATE  STATE\n"
		     "192.0.2.1       12\n"
		     "2001:db8::7  1,234  banned\n");
	assert_table(18, 0, true,
		     "CLIENT        RATE\n"
		     "192.0.2.1       12\n"
		     "2001:db8::7  1,234\n");
	assert_table(5, 0, true,
		     "CLIE~\n"
		     "192.~\n"
		     "2001~\n");
	assert_table(1, 0, true, "~\n~\n~\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_thousands_separators),
		cmocka_unit_test(rates_have_three_digits_and_a_suffix),
		cmocka_unit_test(durations_have_their_two_largest_units),
		cmocka_unit_test(shares_are_percent_of_something),
		cmocka_unit_test(times_are_read_strictly),
		cmocka_unit_test(clocks_show_the_local_time_of_day),
		cmocka_unit_test(a_text_cannot_steer_the_terminal),
		cmocka_unit_test(a_cut_counts_characters_and_shows),
		cmocka_unit_test(columns_are_aligned_and_no_line_ends_in_blanks),
		cmocka_unit_test(a_column_without_text_is_left_out),
		cmocka_unit_test(a_narrow_page_loses_what_matters_least),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
