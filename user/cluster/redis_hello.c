// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_hello.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/secret.h"
#include "user/cluster/redis_tls.h"

#define PASSWORD_MOST 16384 /* bytes of one in a file, tokens of clouds included */

/* AUTH, HELLO, SELECT: replies to them, NULL where they were not sent or not answered */
struct replies {
	struct redisReply *auth, *hello, *select;
};

static void cleanup_replies(struct replies *replies)
{
	freeReplyObject(replies->auth);
	freeReplyObject(replies->hello);
	freeReplyObject(replies->select);
}
#define _cleanup_replies_ _cleanup_(cleanup_replies)

static bool is_error(const struct redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_ERROR;
}

static enum redis_state no_memory(struct redis_link *link, struct redis_fault *fault)
{
	redis_link_close(link);
	return redis_fault_set(fault, REDIS_STATE_ERROR, link->name, "out of memory");
}

/* ------------------------------------------------------------------------------------------ password */

enum redis_state redis_add_auth(struct redis_link *link, const struct config_redis *config,
				size_t *added, struct redis_fault *fault)
{
	_cleanup_secret_ char *read = NULL;
	const char *password = config->password, *argument[3] = {"AUTH"};
	char why[SECRET_WHY];
	size_t count = 1;

	*added = 0;
	if (config->password_file) {
		if (secret_read(config->password_file, 1, PASSWORD_MOST, &read, why)) {
			redis_link_close(link);
			return redis_fault_set(fault, REDIS_STATE_PASSWORD, link->name,
					       "cannot read the password from %s: %s",
					       config->password_file, why);
		}
		password = read;
	}
	if (!password && !config->user)
		return REDIS_STATE_OK;
	if (config->user)
		argument[count++] = config->user;
	argument[count++] = password ? password : ""; /* a user without one: nopass */
	if (redis_link_add_secret(link, count, argument))
		return no_memory(link, fault);
	*added = 1;
	return REDIS_STATE_OK;
}

/*
 * A server that does not know AUTH quotes what it was told in its error: the password. So only those errors are passed on that
 * are known to say nothing of that.
 */
enum redis_state redis_judge_auth(struct redis_link *link, const struct redisReply *reply,
				  struct redis_fault *fault)
{
	enum redis_state state;

	if (!is_error(reply))
		return REDIS_STATE_OK;
	state = redis_error_state(reply->str);
	if (state != REDIS_STATE_ERROR || strstr(reply->str, "max number of clients"))
		return redis_fault_of_reply(fault, link->name, reply->str);
	return redis_fault_set(fault, REDIS_STATE_PASSWORD, link->name, "it refused AUTH");
}

/* ---------------------------------------------------------------------------------- who is there */

enum redis_state redis_connect(struct redis_link *link, const struct redis_way *way,
			       uint64_t deadline_ns, struct redis_fault *fault)
{
	const struct config_redis *config = way->config;
	int fd;

	if (atomic_load(way->stop))
		return redis_fault_set(fault, REDIS_STATE_ERROR, link->name, "we are ending");
	if (config->tls && !redis_has_tls())
		return redis_fault_set(fault, REDIS_STATE_NO_TLS, link->name, "TLS is asked for");
	fd = redis_dial(way->lookup, &link->place, deadline_ns, fault);
	if (fd < 0 || redis_link_take(link, fd, fault))
		return fault->state;
	if (config->tls && redis_tls_begin(link->context, config, link->place.host, link->name,
					   deadline_ns, fault))
		redis_link_close(link);
	return link->context ? REDIS_STATE_OK : fault->state;
}

static bool does_not_know(const struct redisReply *reply)
{
	return is_error(reply) && !strncasecmp(reply->str, "ERR unknown command", 19);
}

/* HELLO is not known: how old it is, for people. The link is closed. */
static enum redis_state too_old(struct redis_link *link, uint64_t deadline_ns,
				struct redis_fault *fault)
{
	static const char *const info[] = {"INFO", "server"};
	struct redisReply *reply = NULL;
	struct redis_fault ignored;
	const char *at = NULL;

	if (!redis_link_ask(link, 2, info, deadline_ns, &reply, &ignored) &&
	    reply->type == REDIS_REPLY_STRING)
		at = strstr(reply->str, "redis_version:");
	if (at)
		redis_fault_set(fault, REDIS_STATE_TOO_OLD, link->name, "it is Redis %.*s",
				(int)strcspn(at + 14, "\r\n"), at + 14);
	else
		redis_fault_set(fault, REDIS_STATE_TOO_OLD, link->name, "it does not know HELLO");
	freeReplyObject(reply);
	redis_link_close(link);
	return fault->state;
}

/* A field of HELLO's answer, which is an array of names and values; NULL: it has none, or no text */
static const char *field(const struct redisReply *reply, const char *name)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const struct redisReply *key = reply->element[i], *value = reply->element[i + 1];

		if (key->str && value->str && !strcmp(key->str, name))
			return value->str;
	}
	return NULL;
}

static enum redis_state judge_hello(struct redis_link *link, const struct config_redis *config,
				    const struct redisReply *reply, struct redis_fault *fault)
{
	const char *mode, *role;

	/* Redis 6.0 asks its ACL whether HELLO is allowed. What has ACLs is young enough. */
	if (is_error(reply) && redis_error_state(reply->str) == REDIS_STATE_REFUSED &&
	    strncmp(reply->str, "DENIED", 6))
		return REDIS_STATE_OK;
	if (is_error(reply))
		return redis_fault_of_reply(fault, link->name, reply->str);
	if (reply->type != REDIS_REPLY_ARRAY || !field(reply, "version"))
		return redis_fault_set(fault, REDIS_STATE_NOT_REDIS, link->name,
				       "its answer to HELLO is not that of Redis");
	mode = field(reply, "mode");
	role = field(reply, "role");
	link->replica = role && (!strcmp(role, "replica") || !strcmp(role, "slave"));
	if (mode && !strcmp(mode, "sentinel"))
		return redis_fault_set(
			fault, REDIS_STATE_NOT_REDIS, link->name,
			"it is a sentinel: the URL must begin with redis-sentinel://");
	if (mode && !strcmp(mode, "standalone") && config->kind == REDIS_CLUSTER)
		return redis_fault_set(
			fault, REDIS_STATE_ERROR, link->name,
			"it is no node of a Redis Cluster: the URL must begin with redis://");
	return REDIS_STATE_OK;
}

static enum redis_state add_hello(struct redis_link *link, const struct config_redis *config,
				  size_t *auth, struct redis_fault *fault)
{
	static const char *const hello[] = {"HELLO", "2", "SETNAME", "weir"};
	const char *select[] = {"SELECT", NULL};
	char number[12];

	if (redis_add_auth(link, config, auth, fault))
		return fault->state;
	snprintf(number, sizeof(number), "%u", config->database);
	select[1] = number;
	if (redis_link_add(link, 4, hello, NULL) ||
	    (config->database && redis_link_add(link, 2, select, NULL)))
		return no_memory(link, fault);
	redis_link_send(link);
	return REDIS_STATE_OK;
}

/* As many as there are: one that wants nobody says so once, and closes */
static void read_replies(struct redis_link *link, const struct config_redis *config, bool auth,
			 uint64_t deadline_ns, struct replies *replies, struct redis_fault *fault)
{
	if ((auth && redis_link_read(link, deadline_ns, &replies->auth, fault)) ||
	    redis_link_read(link, deadline_ns, &replies->hello, fault))
		return;
	if (config->database)
		redis_link_read(link, deadline_ns, &replies->select, fault);
}

enum redis_state redis_hello(struct redis_link *link, const struct redis_way *way,
			     struct redis_fault *fault)
{
	uint64_t deadline_ns = clock_monotonic_ns() + way->connect_ns;
	const struct config_redis *config = way->config;
	_cleanup_replies_ struct replies replies = {};
	struct redis_fault found = {};
	size_t auth;

	if (redis_connect(link, way, deadline_ns, fault) || add_hello(link, config, &auth, fault))
		return fault->state;
	read_replies(link, config, auth, deadline_ns, &replies, &found);
	if (link->context && does_not_know(replies.hello))
		return too_old(link, deadline_ns, fault);
	if (redis_judge_auth(link, replies.auth, &found) ||
	    (replies.hello && judge_hello(link, config, replies.hello, &found)))
		redis_link_close(link);
	else if (is_error(replies.select))
		redis_fault_of_reply(&found, link->name, replies.select->str);
	if (found.state) {
		redis_link_close(link);
		found.ended = false; /* a new one would be as new as this */
		*fault = found;
		return fault->state;
	}
	link->again = link->before;
	link->before = true;
	return REDIS_STATE_OK;
}
