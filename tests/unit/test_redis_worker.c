/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The worker as a mailbox, where there is no Redis; tests/e2e/redis*.bats have real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/cluster/redis_worker.h"

#define MS 1000000ULL

struct world {
	struct config *config;
	struct redis_worker *worker;
	char path[64];
	int silent; /* a socket at path that accepts nobody */
};

static int begin(void **state)
{
	static const char *const interface = "lo";
	struct world *world = calloc(1, sizeof(*world));
	struct config_error error;

	assert_non_null(world);
	*state = world;
	world->silent = -1;
	snprintf(world->path, sizeof(world->path), "/tmp/weir-test-redis.%d", getpid());
	assert_int_equal(config_default(&interface, 1, &world->config, &error), 0);
	world->config->cluster.redis.path = world->path;
	world->worker = redis_worker_new(world->config);
	assert_non_null(world->worker);
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	redis_worker_free(world->worker);
	world->config->cluster.redis.path = NULL;
	config_unref(world->config);
	if (world->silent >= 0) {
		close(world->silent);
		unlink(world->path);
	}
	free(world);
	return 0;
}

/* A server that is stopped: the kernel takes connections for it */
static void listen_in_silence(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->path);
	world->silent = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(world->silent, (const struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(world->silent, 8), 0);
}

static const char *const ping[] = {"PING"};
static const size_t ping_length[] = {4};

static struct redis_command command(void)
{
	return (struct redis_command){.argument = ping, .length = ping_length, .arguments = 1};
}

static bool readable(const struct redis_worker *worker, int timeout_ms)
{
	struct pollfd fd = {.fd = redis_worker_fd(worker), .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

static void work_comes_back_with_the_reason_and_can_be_given_again(void **state)
{
	struct world *world = *state;
	struct redis_command commands[2] = {command(), command()};
	struct redis_work work = {
		.command = commands,
		.commands = 2,
		.command_timeout_ns = 1000 * MS,
		.connect_timeout_ns = 1000 * MS,
	};

	assert_null(redis_worker_take(world->worker));
	for (int i = 0; i < 3; i++) {
		assert_true(redis_worker_give(world->worker, &work));
		assert_true(readable(world->worker, 10000));
		assert_ptr_equal(redis_worker_take(world->worker), &work);
		assert_false(readable(world->worker, 0));
		assert_null(redis_worker_take(world->worker));
		assert_int_equal(work.state, REDIS_STATE_UNREACHABLE);
		assert_int_equal(commands[1].state, REDIS_STATE_UNREACHABLE);
		assert_non_null(strstr(work.error, world->path));
		assert_non_null(strstr(work.error, "No such file"));
		assert_false(work.reconnected);
	}
}

static void one_piece_of_work_at_a_time(void **state)
{
	struct world *world = *state;
	struct redis_command commands[2] = {command(), command()};
	struct redis_work first = {
		.command = &commands[0],
		.commands = 1,
		.command_timeout_ns = 200 * MS,
		.connect_timeout_ns = 200 * MS,
	};
	struct redis_work second = first;

	second.command = &commands[1];
	listen_in_silence(world);
	assert_true(redis_worker_give(world->worker, &first));
	assert_false(redis_worker_give(world->worker, &second));
	assert_null(redis_worker_take(world->worker));
	assert_true(readable(world->worker, 10000));
	/* Done, but not taken back */
	assert_false(redis_worker_give(world->worker, &second));
	assert_ptr_equal(redis_worker_take(world->worker), &first);
	assert_int_equal(first.state, REDIS_STATE_TIMEOUT);
	assert_true(redis_worker_give(world->worker, &second));
	assert_true(readable(world->worker, 10000));
	assert_ptr_equal(redis_worker_take(world->worker), &second);
}

static void it_can_end_in_the_middle_of_something(void **state)
{
	struct world *world = *state;
	struct redis_command one = command();
	struct redis_work work = {
		.command = &one,
		.commands = 1,
		.command_timeout_ns = 100 * MS,
		.connect_timeout_ns = 100 * MS,
	};

	listen_in_silence(world);
	assert_true(redis_worker_give(world->worker, &work));
	redis_worker_free(world->worker);
	world->worker = NULL; /* which may be freed, too */
	redis_work_clear(&work);
}

static void it_says_which_library_it_has(void **state)
{
	int major, minor, patch;

	(void)state;
	assert_int_equal(sscanf(redis_library_version(), "%d.%d.%d", &major, &minor, &patch), 3);
	assert_true(major >= 1 || !redis_has_tls());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			work_comes_back_with_the_reason_and_can_be_given_again, begin, end),
		cmocka_unit_test_setup_teardown(one_piece_of_work_at_a_time, begin, end),
		cmocka_unit_test_setup_teardown(it_can_end_in_the_middle_of_something, begin, end),
		cmocka_unit_test(it_says_which_library_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
