/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is said first on a new connection: user and password, HELLO, which tells whom we talk to, and the database. All
 * in one pipeline. HELLO came with Redis 6: what does not know it is too old.
 */
#pragma once

#include <stdatomic.h>

#include "user/cluster/redis_link.h"
#include "user/config/model.h"

/* How to connect, and how long things may take in the work under way */
struct redis_way {
	const struct config_redis *config;
	struct redis_lookup *lookup;
	const atomic_bool *stop; /* if true, nothing is connected any more */
	uint64_t connect_ns; /* for the name, the connection, TLS and what is said first together */
	uint64_t command_ns; /* for all replies of a pipeline together */
};

/* Connects a link that is not, and makes it ready for commands. Else *fault, and it is closed. */
enum redis_state redis_hello(struct redis_link *link, const struct redis_way *way,
			     struct redis_fault *fault);

/* Only connects, for sentinels: those have neither databases nor, in Redis 6, HELLO. */
enum redis_state redis_connect(struct redis_link *link, const struct redis_way *way,
			       uint64_t deadline_ns, struct redis_fault *fault);

/* Adds AUTH, if there is a user or a password. *added: 1 if so, else 0. Else *fault, and the link is closed. */
enum redis_state redis_add_auth(struct redis_link *link, const struct config_redis *config,
				size_t *added, struct redis_fault *fault);

/* What was answered to AUTH: REDIS_STATE_OK or *fault, which quotes nothing that could hold the password */
enum redis_state redis_judge_auth(struct redis_link *link, const struct redisReply *reply,
				  struct redis_fault *fault);
