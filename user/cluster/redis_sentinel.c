// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_sentinel.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/base/clock.h"
#include "user/base/number.h"

#define QUESTION 3

/* With user and password in front; the answer to the question */
static enum redis_state ask_with_password(struct redis_link *link,
					  const struct config_redis *config,
					  const char *const *question, uint64_t deadline_ns,
					  struct redisReply **reply, struct redis_fault *fault)
{
	struct redisReply *auth = NULL;
	size_t added;

	if (redis_add_auth(link, config, &added, fault))
		return fault->state;
	if (added) {
		redis_link_send(link);
		if (redis_link_read(link, deadline_ns, &auth, fault))
			return fault->state;
		redis_judge_auth(link, auth, fault);
		freeReplyObject(auth);
		if (fault->state)
			return fault->state;
	}
	return redis_link_ask(link, QUESTION, question, deadline_ns, reply, fault);
}

/* The answer of one sentinel, for freeReplyObject() */
static enum redis_state ask(struct redis_link *link, const struct config_redis *config,
			    uint64_t deadline_ns, struct redisReply **out,
			    struct redis_fault *fault)
{
	const char *const question[QUESTION] = {"SENTINEL", "get-master-addr-by-name",
						config->master};
	struct redisReply *reply = NULL;

	if (redis_link_ask(link, QUESTION, question, deadline_ns, &reply, fault))
		return fault->state;
	if (reply->type == REDIS_REPLY_ERROR &&
	    redis_error_state(reply->str) == REDIS_STATE_PASSWORD) {
		freeReplyObject(reply);
		if (ask_with_password(link, config, question, deadline_ns, &reply, fault))
			return fault->state;
	}
	*out = reply;
	return REDIS_STATE_OK;
}

/* [address, port] */
static bool read_place(const struct redisReply *reply, struct redis_place *out)
{
	struct redis_place place = {};
	uint64_t port;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[0]->str ||
	    !reply->element[1]->str || strlen(reply->element[0]->str) >= sizeof(place.host) ||
	    number_parse(reply->element[1]->str, 1, UINT16_MAX, &port))
		return false;
	snprintf(place.host, sizeof(place.host), "%s", reply->element[0]->str);
	place.port = (uint16_t)port;
	*out = place;
	return true;
}

static enum redis_state judge(const struct redis_link *sentinel, const struct config_redis *config,
			      const struct redisReply *reply, struct redis_place *master,
			      struct redis_fault *fault)
{
	if (reply->type == REDIS_REPLY_NIL)
		return redis_fault_set(fault, REDIS_STATE_NO_MASTER, sentinel->name,
				       "this sentinel knows no master called %s", config->master);
	if (reply->type == REDIS_REPLY_ERROR &&
	    strncasecmp(reply->str, "ERR unknown command", 19) == 0)
		return redis_fault_set(fault, REDIS_STATE_NO_MASTER, sentinel->name,
				       "it is no sentinel");
	if (reply->type == REDIS_REPLY_ERROR)
		return redis_fault_of_reply(fault, sentinel->name, reply->str);
	if (!read_place(reply, master))
		return redis_fault_set(fault, REDIS_STATE_NOT_REDIS, sentinel->name,
				       "its answer is not that of a sentinel");
	return REDIS_STATE_OK;
}

/* Which master this sentinel names */
static enum redis_state ask_sentinel(const struct config_endpoint *address,
				     const struct redis_way *way, struct redis_place *master,
				     struct redis_fault *fault)
{
	struct redis_place place = {.port = address->port};
	struct redisReply *reply = NULL;
	struct redis_link sentinel;
	enum redis_state state;

	snprintf(place.host, sizeof(place.host), "%s", address->host);
	redis_link_init(&sentinel, &place);
	state = redis_connect(&sentinel, way, clock_monotonic_ns() + way->connect_ns, fault);
	if (!state)
		state = ask(&sentinel, way->config, clock_monotonic_ns() + way->command_ns, &reply,
			    fault);
	if (!state)
		state = judge(&sentinel, way->config, reply, master, fault);
	freeReplyObject(reply);
	redis_link_close(&sentinel);
	return state;
}

static enum redis_state connect_master(struct redis_link *link, const struct redis_place *master,
				       const struct redis_way *way, struct redis_fault *fault)
{
	bool before = link->before;

	redis_link_init(link, master);
	link->before = before;
	if (redis_hello(link, way, fault))
		return fault->state;
	if (!link->replica)
		return REDIS_STATE_OK;
	redis_link_close(link);
	return redis_fault_set(fault, REDIS_STATE_NO_MASTER, link->name,
			       "the sentinels say that it is the master, it says it is a replica");
}

enum redis_state redis_sentinel_connect(struct redis_link *link, const struct redis_way *way,
					size_t *first, struct redis_fault *fault)
{
	const struct config_redis *config = way->config;
	struct redis_place master, tried = {};
	struct redis_fault silent = {}, found = {}; /* of sentinels; of what they name */

	redis_link_close(link);
	for (size_t i = 0; i < config->addresses; i++) {
		size_t at = (*first + i) % config->addresses;

		if (ask_sentinel(&config->address[at], way, &master, &silent))
			continue;
		/* Mostly all name the same: a master that is gone is waited for once */
		if (redis_place_same(&master, &tried))
			continue;
		tried = master;
		if (!connect_master(link, &master, way, &found)) {
			*first = at;
			return REDIS_STATE_OK;
		}
	}
	*fault = found.state ? found : silent;
	fault->ended = false;
	return fault->state;
}
