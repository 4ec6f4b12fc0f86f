/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/base/log_repeats.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)
#define END (START + LOG_REPEATS_WINDOW_NS)

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct log_repeats));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* How many of so many are written */
static unsigned int say(struct log_repeats *repeats, uint64_t now_ns, const char *text,
			unsigned int times)
{
	unsigned int written = 0;

	while (times--)
		written += log_repeats_pass(repeats, now_ns, LOG_INFO, "a", text);
	return written;
}

/* What is told at that time; "": nothing */
static const char *told(struct log_repeats *repeats, uint64_t now_ns)
{
	static char text[LOG_REPEATS_TEXT + 80];
	struct log_repeat repeat;

	text[0] = '\0';
	if (log_repeats_take(repeats, now_ns, &repeat))
		log_repeats_text(&repeat, now_ns == UINT64_MAX ? repeat.last_ns : now_ns, text,
				 sizeof(text));
	return text;
}

static void the_same_line_is_written_so_often_and_then_told_once(void **state)
{
	assert_int_equal(say(*state, START, "down", 1000), LOG_REPEATS_BURST);
	assert_string_equal(told(*state, END - 1), "");
	assert_string_equal(told(*state, END), "down (repeated 990 times, the last 60.0 s ago)");
	assert_string_equal(told(*state, END), "");
	assert_int_equal(say(*state, END, "down", 1000), LOG_REPEATS_BURST);
}

static void what_came_often_but_not_too_often_is_not_told(void **state)
{
	assert_int_equal(say(*state, START, "down", LOG_REPEATS_BURST), LOG_REPEATS_BURST);
	assert_string_equal(told(*state, END), "");
	assert_int_equal(say(*state, END, "down", 1000), LOG_REPEATS_BURST);
}

static void a_window_begins_with_a_line(void **state)
{
	say(*state, START, "down", 1);
	assert_string_equal(told(*state, END + 5 * SECOND), "");
	say(*state, END + 5 * SECOND, "down", 11);
	assert_string_equal(told(*state, END + 64 * SECOND), "");
	assert_string_equal(told(*state, END + 65 * SECOND),
			    "down (repeated 1 time, the last 60.0 s ago)");
}

static void level_component_and_text_make_a_line(void **state)
{
	for (int i = 0; i < LOG_REPEATS_BURST; i++) {
		assert_true(log_repeats_pass(*state, START, LOG_INFO, "a", "down"));
		assert_true(log_repeats_pass(*state, START, LOG_ERR, "a", "down"));
		assert_true(log_repeats_pass(*state, START, LOG_INFO, "b", "down"));
		assert_true(log_repeats_pass(*state, START, LOG_INFO, "a", "down "));
		assert_true(log_repeats_pass(*state, START, LOG_INFO, "a", ""));
	}
	assert_false(log_repeats_pass(*state, START, LOG_INFO, "a", "down"));
	assert_false(log_repeats_pass(*state, START, LOG_ERR, "a", "down"));
	assert_false(log_repeats_pass(*state, START, LOG_INFO, "b", "down"));
}

/* It flaps: what is told last is how things are. */
static void the_latest_is_told_last(void **state)
{
	for (unsigned int i = 0; i < 100; i++) {
		say(*state, START + i, "up", 1);
		say(*state, START + i, "down", 1);
	}
	say(*state, START + SECOND, "up", 1);
	assert_string_equal(told(*state, END), "down (repeated 90 times, the last 60.0 s ago)");
	assert_string_equal(told(*state, END), "up (repeated 91 times, the last 59.0 s ago)");
	assert_string_equal(told(*state, END), "");
}

static void at_the_end_all_is_told(void **state)
{
	say(*state, START, "up", 12);
	assert_string_equal(told(*state, UINT64_MAX), "up (repeated 2 times, the last 0.0 s ago)");
	assert_string_equal(told(*state, UINT64_MAX), "");
}

/* However many different lines there are, each is written, and what was left out of others is told. */
static void a_flood_of_different_lines_loses_none(void **state)
{
	char text[32];

	say(*state, START, "first", 15);
	for (unsigned int i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "line %u", i);
		assert_int_equal(say(*state, START + i, text, 1), 1);
		assert_int_equal(say(*state, START + i, "first", 1), 0);
	}
	assert_string_equal(told(*state, END), "first (repeated 10005 times, the last 60.0 s ago)");
	assert_string_equal(told(*state, END), "");
}

static void with_repeats_of_all_to_tell_another_line_is_still_written(void **state)
{
	char text[32], expected[80];

	for (unsigned int i = 0; i < LOG_REPEATS_LINES; i++) {
		snprintf(text, sizeof(text), "line %u", i);
		say(*state, START + i, text, 11);
	}
	assert_int_equal(say(*state, START, "another", 100), 100);
	for (unsigned int i = 0; i < LOG_REPEATS_LINES; i++) {
		snprintf(expected, sizeof(expected),
			 "line %u (repeated 1 time, the last 60.0 s ago)", i);
		assert_string_equal(told(*state, END), expected);
	}
	assert_string_equal(told(*state, END), "");
}

/* Texts that differ each time must not fill the log of who looks at requests for a minute. */
static void lines_for_debugging_are_counted_by_component(void **state)
{
	unsigned int written = 0;
	char text[32];

	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "GET / 200 in %u ms", i);
		written += log_repeats_pass(*state, START, LOG_DEBUG, "http", text);
	}
	assert_int_equal(written, LOG_REPEATS_DEBUG);
	assert_true(log_repeats_pass(*state, START, LOG_DEBUG, "other", text));
	assert_string_equal(told(*state, END), "4000 more lines left out");
}

static void the_longest_line_is_known_again_and_a_longer_one_written(void **state)
{
	char text[LOG_REPEATS_TEXT + 1];

	memset(text, 'a', sizeof(text));
	text[LOG_REPEATS_TEXT] = '\0';
	assert_int_equal(say(*state, START, text, 100), 100);
	text[LOG_REPEATS_TEXT - 1] = '\0';
	assert_int_equal(say(*state, START, text, 100), LOG_REPEATS_BURST);
	assert_non_null(strstr(told(*state, END), "aaa (repeated 90 times, "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_line_is_written_so_often_and_then_told_once),
		TEST(what_came_often_but_not_too_often_is_not_told),
		TEST(a_window_begins_with_a_line),
		TEST(level_component_and_text_make_a_line),
		TEST(the_latest_is_told_last),
		TEST(at_the_end_all_is_told),
		TEST(a_flood_of_different_lines_loses_none),
		TEST(with_repeats_of_all_to_tell_another_line_is_still_written),
		TEST(lines_for_debugging_are_counted_by_component),
		TEST(the_longest_line_is_known_again_and_a_longer_one_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
