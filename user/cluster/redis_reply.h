/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replies as hiredis has them, as the values of a command (redis_worker.h). */
#pragma once

#include "user/cluster/redis_worker.h"

struct redisReply;

/* Takes the place of the values the command had. 0 or -ENOMEM, then it has none. */
int redis_reply_store(struct redis_command *command, const struct redisReply *reply);

/* Frees its values */
void redis_reply_clear(struct redis_command *command);
