// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Redis as the daemon would find it: the same connection, what it is asked first, and a script that writes. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/doctor/look.h"

#define CONNECT_NS 2000000000ULL /* somebody waits; a daemon gives it less, but tries again */
#define COMMAND_NS 1000000000ULL
#define TRIES 5
#define KEY_BYTES (CONFIG_CLUSTER_PREFIX + 32)

/*
 * What the ACL must allow, on a key of our own that is gone when the script ends. Fails by the command that is not allowed,
 * where there is no memory, and on a replica.
 */
static const char script[] = "redis.call('SET', KEYS[1], '1', 'PX', 1000)\n"
			     "redis.call('ZADD', KEYS[1] .. ':z', 1, 'x')\n"
			     "redis.call('PEXPIRE', KEYS[1] .. ':z', 1000)\n"
			     "redis.call('DEL', KEYS[1], KEYS[1] .. ':z')\n"
			     "return redis.call('TIME')\n";

/* The worker keeps its times, so nothing else must */
static bool ask(struct redis_worker *worker, struct redis_command *command, struct redis_work *work)
{
	struct pollfd ready = {.fd = redis_worker_fd(worker), .events = POLLIN};

	*work = (struct redis_work){
		.command = command,
		.commands = 1,
		.command_timeout_ns = COMMAND_NS,
		.connect_timeout_ns = CONNECT_NS,
	};
	return redis_worker_give(worker, work) && poll(&ready, 1, -1) == 1 &&
	       redis_worker_take(worker) == work;
}

/* Its clock before ours, by the middle of the way there and back; 0 where it said no time */
static double clock_ahead(const struct redis_command *command)
{
	double theirs, ours = clock_unix_seconds() - (double)command->duration_ns / 2e9;

	if (command->values != 2 || command->value[0].type != REDIS_STRING)
		return 0;
	theirs = atof(command->value[0].string) + atof(command->value[1].string) / 1e6;
	return theirs - ours;
}

/* The shortest of some: a busy host of ours is not what is asked */
static bool measure(struct redis_worker *worker, struct facts_redis *out)
{
	static const char *const word[] = {"TIME"};
	static const size_t length[] = {4};

	for (int i = 0; i <= TRIES; i++) {
		struct redis_command command = {
			.argument = word, .length = length, .arguments = 1, .name = "doctor"};
		struct redis_work work;

		if (!ask(worker, &command, &work))
			return false;
		out->state = work.state;
		if (work.state != REDIS_STATE_OK) {
			snprintf(out->error, sizeof(out->error), "%s", work.error);
			redis_work_clear(&work);
			return false;
		}
		/* The first one connects */
		if (i && (!out->round_trip_ns || command.duration_ns < out->round_trip_ns)) {
			out->round_trip_ns = command.duration_ns;
			out->ahead_seconds = clock_ahead(&command);
		}
		redis_work_clear(&work);
	}
	return true;
}

static void try_script(struct redis_worker *worker, const struct config *config,
		       struct facts_redis *out)
{
	char key[KEY_BYTES];
	const char *argument[] = {key};
	const size_t length[] = {(size_t)snprintf(key, sizeof(key), "%s:{s00}:doctor:%d",
						  config->cluster.prefix, getpid())};
	struct redis_command command = {
		.script = script,
		.keys = 1,
		.argument = argument,
		.length = length,
		.arguments = 1,
		.routing_key = key,
		.name = "doctor",
	};
	struct redis_work work;

	if (!ask(worker, &command, &work))
		return;
	out->script = work.state;
	if (work.state != REDIS_STATE_OK)
		snprintf(out->error, sizeof(out->error), "%s", work.error);
	redis_work_clear(&work);
}

void look_at_redis(struct config *config, struct facts_redis *out)
{
	struct redis_worker *worker;

	*out = (struct facts_redis){.state = REDIS_STATE_NEVER, .script = REDIS_STATE_NEVER};
	worker = redis_worker_new(config);
	if (!worker)
		return;
	if (measure(worker, out))
		try_script(worker, config, out);
	redis_worker_free(worker);
}
