/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One connection to Redis, and commands in a pipeline on it. Replies come in the order of the commands. Nothing waits beyond its
 * deadline (CLOCK_MONOTONIC), and after any failure the connection is closed: a reply that comes too late is never taken
 * for that of another command. What is said first on a new one is in redis_hello.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/cluster/redis_dial.h"
#include "user/cluster/redis_errors.h"

struct redisContext;
struct redisReply;

struct redis_link {
	struct redis_place place;
	char name[REDIS_PLACE_TEXT];  /* of the place, for people */
	struct redisContext *context; /* NULL: not connected */
	bool unsent;		      /* of what was added */
	bool answered;		      /* it has said something since it was connected */
	bool replica;		      /* as it said; false: it is none, or did not say */
	bool before, again; /* it was connected before; and is again, in the work under way */
	uint64_t scripts;   /* that were loaded on this connection, a bit each (redis_scripts.h) */
	struct redis_fault refused; /* why it could not be connected for the work under way */
};

/* Not connected, to this place */
void redis_link_init(struct redis_link *link, const struct redis_place *place);

/* Takes a connected socket; on failure it is closed and there is *fault */
enum redis_state redis_link_take(struct redis_link *link, int fd, struct redis_fault *fault);

void redis_link_close(struct redis_link *link);

/* A command behind those that were added before. length: NULL for strings. 0 or -ENOMEM */
int redis_link_add(struct redis_link *link, size_t count, const char *const *argument,
		   const size_t *length);

/* The same of a command that holds a password: our copies of it are wiped. */
int redis_link_add_secret(struct redis_link *link, size_t count, const char *const *argument);

/* Sends what was added as far as that goes without waiting. Trouble shows when the answer is read. */
void redis_link_send(struct redis_link *link);

/*
 * The next reply, for freeReplyObject(); sends meanwhile what is left to be sent. Else *fault, and the link is closed:
 * fault->ended if it had answered before and now the connection was closed.
 */
enum redis_state redis_link_read(struct redis_link *link, uint64_t deadline_ns,
				 struct redisReply **reply, struct redis_fault *fault);

/* One command and its reply, when nothing else is under way */
enum redis_state redis_link_ask(struct redis_link *link, size_t count, const char *const *argument,
				uint64_t deadline_ns, struct redisReply **reply,
				struct redis_fault *fault);
