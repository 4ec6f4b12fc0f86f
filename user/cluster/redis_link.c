// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/cluster/redis_poll.h"
#include "user/cluster/redis_tls.h"

void redis_link_init(struct redis_link *link, const struct redis_place *place)
{
	*link = (struct redis_link){.place = *place};
	redis_place_text(place, link->name, sizeof(link->name));
}

enum redis_state redis_link_take(struct redis_link *link, int fd, struct redis_fault *fault)
{
	redisContext *context = redisConnectFd(fd);

	if (!context || context->err) {
		if (context)
			redisFree(context); /* and the socket with it */
		else
			close(fd);
		return redis_fault_set(fault, REDIS_STATE_ERROR, link->name, "out of memory");
	}
	/* It reads and writes what it can; who waits, and how long, is up to us */
	context->flags &= ~REDIS_BLOCK;
	link->context = context;
	link->unsent = link->answered = link->replica = false;
	link->scripts = 0;
	return REDIS_STATE_OK;
}

void redis_link_close(struct redis_link *link)
{
	if (link->context)
		redisFree(link->context);
	link->context = NULL;
}

int redis_link_add(struct redis_link *link, size_t count, const char *const *argument,
		   const size_t *length)
{
	link->unsent = true;
	return redisAppendCommandArgv(link->context, (int)count, (const char **)argument, length) ==
			       REDIS_OK
		       ? 0
		       : -ENOMEM;
}

int redis_link_add_secret(struct redis_link *link, size_t count, const char *const *argument)
{
	char *text = NULL;
	int result, length;

	length = (int)redisFormatCommandArgv(&text, (int)count, (const char **)argument, NULL);
	if (length < 0)
		return -ENOMEM;
	link->unsent = true;
	result = redisAppendFormattedCommand(link->context, text, (size_t)length);
	explicit_bzero(text, (size_t)length);
	redisFreeCommand(text);
	return result == REDIS_OK ? 0 : -ENOMEM;
}

void redis_link_send(struct redis_link *link)
{
	int done = 0;

	if (!link->unsent)
		return;
	if (redisBufferWrite(link->context, &done) == REDIS_OK) {
		link->unsent = !done;
		return;
	}
	/* What it said before it closed the connection is still to be read */
	link->unsent = false;
	link->context->err = 0;
	link->context->errstr[0] = '\0';
}

/* What hiredis says of the connection, which is closed */
static enum redis_state failed(struct redis_link *link, struct redis_fault *fault)
{
	const redisContext *context = link->context;
	const char *tls = redis_tls_reason();

	if (context->err == REDIS_ERR_OOM)
		redis_fault_set(fault, REDIS_STATE_ERROR, link->name, "out of memory");
	else if (context->err == REDIS_ERR_PROTOCOL && strstr(context->errstr, "\\x15"))
		redis_fault_set(fault, REDIS_STATE_NOT_REDIS, link->name,
				"it speaks TLS: the URL must begin with rediss");
	else if (context->err == REDIS_ERR_PROTOCOL)
		redis_fault_set(fault, REDIS_STATE_NOT_REDIS, link->name,
				"it does not speak the protocol of Redis (%s)", context->errstr);
	else if (!link->answered && tls)
		redis_fault_set(fault, REDIS_STATE_TLS, link->name, "%s", tls);
	else if (!link->answered)
		redis_fault_set(
			fault, REDIS_STATE_NOT_REDIS, link->name,
			"it closed the connection without a word: no Redis, or one that wants TLS");
	else
		redis_fault_set(fault, REDIS_STATE_UNREACHABLE, link->name,
				"the connection was closed: %s", tls ? tls : context->errstr);
	fault->ended = fault->state == REDIS_STATE_UNREACHABLE;
	redis_link_close(link);
	return fault->state;
}

static enum redis_state too_late(struct redis_link *link, struct redis_fault *fault)
{
	redis_fault_set(fault, REDIS_STATE_TIMEOUT, link->name,
			link->answered ? "it did not answer in time"
				       : "it takes connections, but does not answer in time");
	redis_link_close(link);
	return fault->state;
}

enum redis_state redis_link_read(struct redis_link *link, uint64_t deadline_ns,
				 struct redisReply **reply, struct redis_fault *fault)
{
	redisContext *context = link->context;
	bool late = false;

	for (;;) {
		void *found = NULL;
		int events;

		if (redisGetReplyFromReader(context, &found) != REDIS_OK)
			return failed(link, fault);
		if (found) {
			link->answered = true;
			*reply = found;
			return REDIS_STATE_OK;
		}
		/* What has come in time is read, even if we have come late */
		if (late)
			return too_late(link, fault);
		late = clock_monotonic_ns() >= deadline_ns;
		events =
			redis_poll(context->fd, POLLIN | (link->unsent ? POLLOUT : 0), deadline_ns);
		if (!events)
			return too_late(link, fault);
		if (events > 0 && (events & POLLOUT))
			redis_link_send(link);
		if ((events < 0 || (events & ~POLLOUT)) && redisBufferRead(context) != REDIS_OK)
			return failed(link, fault);
	}
}

enum redis_state redis_link_ask(struct redis_link *link, size_t count, const char *const *argument,
				uint64_t deadline_ns, struct redisReply **reply,
				struct redis_fault *fault)
{
	if (redis_link_add(link, count, argument, NULL)) {
		redis_fault_set(fault, REDIS_STATE_ERROR, link->name, "out of memory");
		redis_link_close(link);
		return fault->state;
	}
	redis_link_send(link);
	return redis_link_read(link, deadline_ns, reply, fault);
}
