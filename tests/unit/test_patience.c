/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "user/http/patience.h"

#define LIMIT_MS 200
#define PERIOD_MS 20

/* Whether the other end sees the connection end within that time */
static bool ends(int fd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&poll_fd, 1, timeout_ms) == 1 && read(fd, &byte, 1) == 0;
}

static void who_takes_too_long_is_cut_and_nobody_else(void **state)
{
	struct patience patience;
	struct patience_entry *entry[3];
	int fd[3][2];

	(void)state;
	assert_int_equal(patience_start(&patience, LIMIT_MS, PERIOD_MS), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd[i]), 0);
		entry[i] = patience_add(&patience, fd[i][0]);
		assert_non_null(entry[i]);
	}
	/* The first is quiet, the second has one request after the other, the third has left */
	patience_remove(&patience, entry[2]);
	assert_false(ends(fd[0][1], LIMIT_MS / 2));
	patience_touch(&patience, entry[1]);
	assert_true(ends(fd[0][1], 10 * LIMIT_MS));
	for (int i = 0; i < 4; i++) {
		patience_touch(&patience, entry[1]);
		assert_false(ends(fd[1][1], LIMIT_MS / 2));
	}
	assert_false(ends(fd[2][1], 0));
	patience_remove(&patience, entry[0]);
	assert_true(ends(fd[1][1], 10 * LIMIT_MS));
	patience_remove(&patience, entry[1]);
	patience_stop(&patience);
	for (size_t i = 0; i < 6; i++)
		close(fd[i / 2][i % 2]);
}

static void a_pause_lasts_until_the_next_touch(void **state)
{
	struct patience patience;
	struct patience_entry *entry;
	int fd[2];

	(void)state;
	assert_int_equal(patience_start(&patience, LIMIT_MS, PERIOD_MS), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	entry = patience_add(&patience, fd[0]);
	assert_non_null(entry);
	patience_pause(&patience, entry);
	assert_false(ends(fd[1], 2 * LIMIT_MS));
	patience_touch(&patience, entry);
	assert_false(ends(fd[1], LIMIT_MS / 2));
	assert_true(ends(fd[1], 10 * LIMIT_MS));
	patience_remove(&patience, entry);
	patience_stop(&patience);
	close(fd[0]);
	close(fd[1]);
}

static void stopping_does_not_wait_for_the_period(void **state)
{
	struct patience patience, never = {.running = false};
	struct timespec before, after;

	(void)state;
	assert_int_equal(patience_start(&patience, 60000, 60000), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	patience_stop(&patience);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 5);
	patience_stop(&patience);
	patience_stop(&never);
	patience_touch(&patience, NULL);
	patience_pause(&patience, NULL);
	patience_remove(&patience, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_takes_too_long_is_cut_and_nobody_else),
		cmocka_unit_test(a_pause_lasts_until_the_next_touch),
		cmocka_unit_test(stopping_does_not_wait_for_the_period),
	};

	return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
