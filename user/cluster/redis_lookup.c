// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/clock.h"
#include "user/base/number.h"
#include "user/cluster/redis_slot.h"

/* How old an answer may be that came when nobody waited any more: longer than the longest wait between two tries */
#define KEEP_NS (10 * NS_PER_SEC)
#define STACK_BYTES (256 * 1024)

static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};

/* Of the one who asks and of the thread that looks up; the last one frees. */
struct call {
	pthread_mutex_t lock; /* of all that follows but host and port */
	pthread_cond_t changed;
	unsigned int users;
	bool done;
	uint64_t done_ns;
	struct addrinfo *list;
	const char *reason; /* NULL: there are addresses */
	char host[REDIS_HOST], port[8];
};

struct redis_lookup {
	struct call *call; /* the last one, if its answer was not taken */
};

static void call_unref(struct call *call)
{
	unsigned int left;

	if (!call)
		return;
	pthread_mutex_lock(&call->lock);
	left = --call->users;
	pthread_mutex_unlock(&call->lock);
	if (left)
		return;
	if (call->list)
		freeaddrinfo(call->list);
	pthread_cond_destroy(&call->changed);
	pthread_mutex_destroy(&call->lock);
	free(call);
}

static const char *reason_of(int result, int error)
{
	return !result ? NULL : result == EAI_SYSTEM ? strerror(error) : gai_strerror(result);
}

static void *look_up(void *argument)
{
	struct call *call = argument;
	struct addrinfo *list = NULL;
	int result, error;

	pthread_setname_np(pthread_self(), "weir-lookup");
	result = getaddrinfo(call->host, call->port, &hints, &list);
	error = errno;
	pthread_mutex_lock(&call->lock);
	call->done = true;
	call->done_ns = clock_monotonic_ns();
	call->list = result ? NULL : list;
	call->reason = reason_of(result, error);
	pthread_cond_signal(&call->changed);
	pthread_mutex_unlock(&call->lock);
	call_unref(call);
	return NULL;
}

static int start_thread(struct call *call)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int result;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	result = pthread_create(&thread, &attributes, look_up, call);
	pthread_attr_destroy(&attributes);
	return -result;
}

/* NULL without memory or thread */
static struct call *call_new(const char *host, uint16_t port)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	pthread_mutex_init(&call->lock, NULL);
	pthread_cond_init(&call->changed, NULL);
	call->users = 2;
	snprintf(call->host, sizeof(call->host), "%s", host);
	snprintf(call->port, sizeof(call->port), "%u", port);
	if (start_thread(call)) {
		call->users = 1;
		call_unref(call);
		return NULL;
	}
	return call;
}

/* The last call, if it asked for this and what it says is not old */
static bool still_good(struct call *call, const char *host, uint16_t port)
{
	char number[8];
	bool good;

	snprintf(number, sizeof(number), "%u", port);
	if (!call || strcmp(call->host, host) || strcmp(call->port, number))
		return false;
	pthread_mutex_lock(&call->lock);
	good = !call->done || clock_monotonic_ns() - call->done_ns < KEEP_NS;
	pthread_mutex_unlock(&call->lock);
	return good;
}

/* NULL and *list; or why not, *done says whether that is the answer */
static const char *wait_for(struct call *call, uint64_t deadline_ns, struct addrinfo **list,
			    bool *done)
{
	const struct timespec until = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_SEC),
		.tv_nsec = (long)(deadline_ns % NS_PER_SEC),
	};
	const char *reason = "its name servers do not answer in time";

	pthread_mutex_lock(&call->lock);
	while (!call->done &&
	       pthread_cond_clockwait(&call->changed, &call->lock, CLOCK_MONOTONIC, &until) == 0)
		;
	*done = call->done;
	if (call->done) {
		reason = call->reason;
		*list = call->list;
		call->list = NULL;
	}
	pthread_mutex_unlock(&call->lock);
	return reason;
}

/* ------------------------------------------------------------------------------------ public functions */

struct redis_lookup *redis_lookup_new(void)
{
	return calloc(1, sizeof(struct redis_lookup));
}

void redis_lookup_free(struct redis_lookup *lookup)
{
	if (!lookup)
		return;
	call_unref(lookup->call);
	free(lookup);
}

const char *redis_lookup_host(struct redis_lookup *lookup, const char *host, uint16_t port,
			      uint64_t deadline_ns, struct addrinfo **list)
{
	struct addrinfo numeric = hints;
	struct addrinfo *found = NULL;
	const char *reason;
	char number[8];
	bool done;

	snprintf(number, sizeof(number), "%u", port);
	numeric.ai_flags |= AI_NUMERICHOST;
	if (getaddrinfo(host, number, &numeric, list) == 0)
		return NULL;
	if (!still_good(lookup->call, host, port)) {
		call_unref(lookup->call);
		lookup->call = call_new(host, port);
	}
	if (!lookup->call)
		return strerror(ENOMEM);
	reason = wait_for(lookup->call, deadline_ns, &found, &done);
	if (done) {
		call_unref(lookup->call);
		lookup->call = NULL;
	}
	if (!reason)
		*list = found;
	return reason;
}
