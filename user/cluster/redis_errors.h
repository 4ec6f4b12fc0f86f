/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What Redis, a script in it, or the way there said, as a state and one line for people. Pure.
 */
#pragma once

#include <stdbool.h>

#include "user/cluster/redis_worker.h"

/* Begin with {0}: REDIS_STATE_OK, nothing is wrong */
struct redis_fault {
	enum redis_state state;
	bool ended; /* a connection that had worked was closed: a new one may do */
	char text[sizeof(((struct redis_work *)0)->error)];
};

/*
 * An error reply, without the '-': "OOM command not allowed ...". Also one that a script passed on: Redis 6 wraps it
 * into "ERR Error running script ...". REDIS_STATE_ERROR for all that has no state of its own.
 */
enum redis_state redis_error_state(const char *error);

/*
 * *fault = state, "WHERE: ...". Whatever the text quotes of a server, it is one printable line. Returns state.
 */
enum redis_state redis_fault_set(struct redis_fault *fault, enum redis_state state,
				 const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same of an error reply */
enum redis_state redis_fault_of_reply(struct redis_fault *fault, const char *where,
				      const char *error);
