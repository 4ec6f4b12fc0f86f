/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A socket to a place where Redis, a sentinel or a node of a cluster may be. */
#pragma once

#include <stdint.h>

#include "user/cluster/redis_errors.h"
#include "user/cluster/redis_lookup.h"
#include "user/cluster/redis_slot.h"

struct redis_place {
	char path[256]; /* of a unix socket, which may have 107 bytes; "": host and port */
	char host[REDIS_HOST];
	uint16_t port;
};

/* "10.0.0.1:6379", "[::1]:6379", "redis.example:6379", "/run/redis.sock". Returns buffer. */
#define REDIS_PLACE_TEXT (REDIS_HOST + 10)
const char *redis_place_text(const struct redis_place *place, char *buffer, size_t size);

/* Hosts in upper or lower case */
bool redis_place_same(const struct redis_place *a, const struct redis_place *b);

/*
 * A connected socket that does not block and that no child inherits, TCP ones with keepalive and without Nagle's
 * delay; or -1 and *fault. Of several addresses each gets its part of the time that is left.
 */
int redis_dial(struct redis_lookup *lookup, const struct redis_place *place, uint64_t deadline_ns,
	       struct redis_fault *fault);
