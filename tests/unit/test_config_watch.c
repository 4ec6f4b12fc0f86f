/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Each way in which a configuration becomes another one, and what looks like it, in a real directory. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#include "user/daemon/config_watch.h"

#define PATIENCE_MS 20000

static char home[64];

static const char *at(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", home, name);
	return path[turn];
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void rename_to(const char *from, const char *to)
{
	assert_int_equal(rename(at(from), at(to)), 0);
}

static bool readable(int fd, int patience_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, patience_ms) == 1;
}

/* As the daemon's loop: an event, the wait, the question. */
static bool seen(struct config_watch *watch)
{
	assert_true(readable(config_watch_fd(watch), PATIENCE_MS));
	assert_true(config_watch_events(watch));
	assert_true(readable(config_watch_timer_fd(watch), PATIENCE_MS));
	return config_watch_changed(watch);
}

static int set_up(void **state)
{
	struct config_watch *watch = NULL;

	strcpy(home, "/tmp/weir-watch-XXXXXX");
	assert_non_null(mkdtemp(home));
	assert_int_equal(mkdir(at("..one"), 0700), 0);
	assert_int_equal(mkdir(at("..two"), 0700), 0);
	write_file("..one/mapped", "1");
	write_file("..two/mapped", "2");
	assert_int_equal(symlink("..one", at("..data")), 0);
	assert_int_equal(symlink("..data/mapped", at("mapped")), 0);
	write_file("plain", "1");
	assert_int_equal(config_watch_open(at("plain"), &watch), 0);
	*state = watch;
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	config_watch_free(*state);
	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

static void a_file_written_again_is_another(void **state)
{
	write_file("plain", "22");
	assert_true(seen(*state));
	config_watch_note(*state);
	write_file("plain", "333");
	assert_true(seen(*state));
}

static void a_file_replaced_by_rename_is_another(void **state)
{
	write_file("new", "1");
	rename_to("new", "plain");
	assert_true(seen(*state));
}

static void a_file_that_is_still_open_is_left_in_peace(void **state)
{
	FILE *file = fopen(at("plain"), "w");

	assert_non_null(file);
	fputs("half", file);
	fflush(file);
	assert_false(readable(config_watch_fd(*state), CONFIG_WATCH_WAIT_MS));
	fclose(file);
	assert_true(seen(*state));
}

static void a_config_map_that_is_switched_is_another(void **state)
{
	struct config_watch *watch = NULL;

	assert_int_equal(config_watch_open(at("mapped"), &watch), 0);
	assert_int_equal(symlink("..two", at("..data_tmp")), 0);
	rename_to("..data_tmp", "..data");
	assert_true(seen(watch));
	config_watch_note(watch);
	/* the kubelet then removes the old directory: that changes nothing */
	assert_int_equal(unlink(at("..one/mapped")) | rmdir(at("..one")), 0);
	assert_false(readable(config_watch_fd(watch), CONFIG_WATCH_WAIT_MS));
	config_watch_free(watch);
}

static void other_files_do_not_matter(void **state)
{
	write_file("neighbour", "1");
	assert_false(seen(*state));
}

static void what_was_noted_meanwhile_is_not_seen_again(void **state)
{
	write_file("plain", "22");
	config_watch_note(*state);
	assert_false(seen(*state));
}

static void a_file_that_is_away_is_waited_for(void **state)
{
	rename_to("plain", "backup");
	assert_false(seen(*state));
	rename_to("backup", "plain");
	assert_false(seen(*state)); /* the same again */
	rename_to("plain", "backup");
	write_file("plain", "22");
	assert_true(seen(*state));
}

static void a_busy_directory_does_not_put_it_off(void **state)
{
	write_file("plain", "22");
	for (int i = 0; i < 10 * CONFIG_WATCH_WAIT_MS; i++) {
		write_file("neighbour", "1");
		config_watch_events(*state);
		if (readable(config_watch_timer_fd(*state), 1)) {
			assert_true(config_watch_changed(*state));
			return;
		}
	}
	fail_msg("never asked");
}

static void a_directory_that_goes_is_told(void **state)
{
	struct config_watch *watch = NULL;

	assert_int_equal(config_watch_open(at("..two/mapped"), &watch), 0);
	assert_int_equal(unlink(at("..two/mapped")) | rmdir(at("..two")), 0);
	assert_true(readable(config_watch_fd(watch), PATIENCE_MS));
	assert_false(config_watch_events(watch));
	config_watch_free(watch);
}

static void what_cannot_be_watched_is_an_error(void **state)
{
	struct config_watch *watch = NULL;

	assert_int_equal(config_watch_open("/no/such/file", &watch), -ENOENT);
	assert_int_equal(config_watch_open("/etc/passwd/file", &watch), -ENOTDIR);
	assert_null(watch);
}

static void no_watch_sees_nothing(void **state)
{
	assert_int_equal(config_watch_fd(NULL), -1);
	assert_int_equal(config_watch_timer_fd(NULL), -1);
	assert_false(config_watch_changed(NULL));
	config_watch_note(NULL);
	config_watch_free(NULL);
}

#define IN_HOME(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_HOME(a_file_written_again_is_another),
		IN_HOME(a_file_replaced_by_rename_is_another),
		IN_HOME(a_file_that_is_still_open_is_left_in_peace),
		IN_HOME(a_config_map_that_is_switched_is_another),
		IN_HOME(other_files_do_not_matter),
		IN_HOME(what_was_noted_meanwhile_is_not_seen_again),
		IN_HOME(a_file_that_is_away_is_waited_for),
		IN_HOME(a_busy_directory_does_not_put_it_off),
		IN_HOME(a_directory_that_goes_is_told),
		cmocka_unit_test(what_cannot_be_watched_is_an_error),
		cmocka_unit_test(no_watch_sees_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
