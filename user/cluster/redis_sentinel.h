/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The master that sentinels know. Asked anew at each connection: a master that was deposed closes its connections, or answers
 * READONLY. User and password are told to a sentinel only if it asks for them: they are those of Redis.
 */
#pragma once

#include "user/cluster/redis_hello.h"

/*
 * Connects the link to the master: the first one that a sentinel names and that says itself that it is no replica. Sentinels are
 * asked in turn, beginning with *first, which becomes the one that knew. Else *fault, and the link is closed.
 */
enum redis_state redis_sentinel_connect(struct redis_link *link, const struct redis_way *way,
					size_t *first, struct redis_fault *fault);
