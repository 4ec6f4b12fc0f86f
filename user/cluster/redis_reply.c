// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_reply.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static size_t count(const struct redisReply *reply)
{
	size_t sum = 0;

	if (reply->type != REDIS_REPLY_ARRAY)
		return 1;
	for (size_t i = 0; i < reply->elements; i++)
		sum += count(reply->element[i]);
	return sum;
}

/* hiredis itself ends strings with a 0 byte beyond their length */
static int store_text(struct redis_value *value, const struct redisReply *reply)
{
	value->string = malloc(reply->len + 1);
	if (!value->string)
		return -ENOMEM;
	memcpy(value->string, reply->str, reply->len + 1);
	value->length = reply->len;
	return 0;
}

/* One value, or what is in an array, behind those that are there */
static int store(struct redis_command *command, const struct redisReply *reply)
{
	struct redis_value *value = &command->value[command->values];
	int result = 0;

	switch (reply->type) {
	case REDIS_REPLY_ARRAY:
		for (size_t i = 0; !result && i < reply->elements; i++)
			result = store(command, reply->element[i]);
		return result;
	case REDIS_REPLY_INTEGER:
		*value = (struct redis_value){.type = REDIS_INTEGER, .integer = reply->integer};
		break;
	case REDIS_REPLY_NIL:
		*value = (struct redis_value){.type = REDIS_NIL};
		break;
	default:
		*value = (struct redis_value){
			.type = reply->type == REDIS_REPLY_ERROR ? REDIS_FAILED : REDIS_STRING};
		result = store_text(value, reply);
	}
	if (!result)
		command->values++;
	return result;
}

int redis_reply_store(struct redis_command *command, const struct redisReply *reply)
{
	redis_reply_clear(command);
	command->value = calloc(count(reply) + 1, sizeof(*command->value));
	if (!command->value)
		return -ENOMEM;
	if (store(command, reply)) {
		redis_reply_clear(command);
		return -ENOMEM;
	}
	return 0;
}

void redis_reply_clear(struct redis_command *command)
{
	for (size_t i = 0; i < command->values; i++)
		free(command->value[i].string);
	free(command->value);
	command->value = NULL;
	command->values = 0;
}

void redis_work_clear(struct redis_work *work)
{
	for (size_t i = 0; i < work->commands; i++)
		redis_reply_clear(&work->command[i]);
}
