/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A thread that talks to Redis, so that nobody else waits for it: it is given work, connects where it must, pipelines the
 * commands, and gives the work back with replies or with the reason why there are none. One piece of work at a time. It does not
 * try again by itself, but for what the protocol asks for: NOSCRIPT, MOVED, a new master, the same commands
 * once more on a new connection if the old one turned out to be dead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/config/model.h"

/* What Redis is good for at present. X(NAME, word, what to do) */
#define REDIS_STATES(X)                                                                           \
	X(OK, "ok", "")                                                                           \
	X(NEVER, "connecting", "")                                                                \
	X(UNREACHABLE, "unreachable",                                                             \
	  "see that it runs, and that its address and the firewall are right")                    \
	X(TIMEOUT, "timeout", "see whether it is overloaded or stopped")                          \
	X(PASSWORD, "password",                                                                   \
	  "set the user and password of cluster.redis, or cluster.password_file")                 \
	X(DATABASE, "database", "choose a database that it has, in cluster.redis")                \
	X(NOT_REDIS, "not_redis", "something else listens there; see cluster.redis")              \
	X(TOO_OLD, "too_old", "Redis 6 or later, or Valkey, is needed")                           \
	X(REFUSED, "refused",                                                                     \
	  "its ACL must allow this user the commands and keys of docs/redis.md")                  \
	X(MEMORY, "out_of_memory", "raise its maxmemory, or give Weir one of its own")            \
	X(READ_ONLY, "read_only", "that is a replica: name its master, or use redis-sentinel://") \
	X(LOADING, "loading", "it reads its data and will answer then")                           \
	X(NO_MASTER, "no_master",                                                                 \
	  "see the sentinels' view of the master, and its name in cluster.redis")                 \
	X(CLUSTER_DOWN, "cluster_down", "see `redis-cli cluster info`: slots are not served")     \
	X(TLS, "tls", "see the certificates, and cluster.tls")                                    \
	X(NO_TLS, "no_tls",                                                                       \
	  "this build of Weir has no TLS: hiredis 1.0 or later is needed for rediss://")          \
	X(ERROR, "error", "see what it said")

enum redis_state {
#define X(name, word, remedy) REDIS_STATE_##name,
	REDIS_STATES(X)
#undef X
		REDIS_STATE_COUNT,
};
const char *redis_state_word(enum redis_state state);
const char *redis_state_remedy(enum redis_state state);

/* "0.14.1", and whether this build does TLS: for `weir version` */
const char *redis_library_version(void);
bool redis_has_tls(void);

/* One command. Strings are the caller's until the work is back. */
struct redis_command {
	const char *
		script; /* EVALSHA of this Lua text: argument holds KEYS and ARGV. NULL: argument[0] is the command */
	size_t keys; /* of a script; else ignored */
	const char *const *argument;
	const size_t *length;
	size_t arguments;
	const char *routing_key; /* its hash tag says which node of a cluster; NULL: any */
	const char *name;	 /* label `command` of metrics: "round", "orders" */
	/* Out, zeros at first: as flat as round.lua and orders.lua answer. Freed with redis_work_clear(), or by the next answer */
	struct redis_value {
		enum { REDIS_NIL, REDIS_INTEGER, REDIS_STRING, REDIS_FAILED } type;
		int64_t integer;
		char *string; /* or the error of FAILED; ends with a 0 byte beyond its length */
		size_t length;
	} * value; /* of an array its elements, one level of inner arrays flattened */
	size_t values;
	enum redis_state state; /* OK: it was answered */
	uint64_t duration_ns;
};

struct redis_work {
	struct redis_command *command;
	size_t commands;
	uint64_t command_timeout_ns, connect_timeout_ns;
	/* Out: OK if all were answered, else the first that was not */
	enum redis_state state;
	char error[256]; /* one line for people: what failed and where, never a password */
	bool reconnected;
};

struct redis_worker;

/* NULL without memory or thread. config is kept by reference of the whole configuration. */
struct redis_worker *redis_worker_new(struct config *config);
/* Waits for what is under way, at most its timeouts. NULL is allowed. */
void redis_worker_free(struct redis_worker *worker);

/* false: something is under way. The work is the worker's until redis_worker_take() gives it back. */
bool redis_worker_give(struct redis_worker *worker, struct redis_work *work);
/* To poll: readable when work is done. */
int redis_worker_fd(const struct redis_worker *worker);
/* The work that is done; NULL: none is. */
struct redis_work *redis_worker_take(struct redis_worker *worker);

/* Frees replies */
void redis_work_clear(struct redis_work *work);
