// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FEED_LINES 1024 /* kept; a follower slower than this misses some */

struct feed {
	pthread_mutex_t lock;
	pthread_cond_t grown;
	uint64_t added; /* lines ever */
	bool shut;
	char line[FEED_LINES][FEED_LINE];
};

struct feed *feed_new(void)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	pthread_condattr_t attributes;

	if (!feed)
		return NULL;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&feed->grown, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&feed->lock, NULL);
	return feed;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	pthread_cond_destroy(&feed->grown);
	pthread_mutex_destroy(&feed->lock);
	free(feed);
}

void feed_tell(struct feed *feed, json_t *event)
{
	char line[FEED_LINE];
	size_t length = event ? json_dumpb(event, line, sizeof(line), JSON_COMPACT) : 0;

	json_decref(event);
	if (!length || length > sizeof(line) - 2)
		return;
	memcpy(line + length, "\n", 2);
	pthread_mutex_lock(&feed->lock);
	memcpy(feed->line[feed->added++ % FEED_LINES], line, length + 2);
	pthread_cond_broadcast(&feed->grown);
	pthread_mutex_unlock(&feed->lock);
}

/* Copies whole lines from the cursor on, as many as fit. */
static size_t copy(struct feed *feed, uint64_t *cursor, char *buffer, size_t size)
{
	size_t used = 0;

	if (feed->added > FEED_LINES && *cursor < feed->added - FEED_LINES)
		*cursor = feed->added - FEED_LINES;
	for (; *cursor < feed->added; ++*cursor) {
		const char *line = feed->line[*cursor % FEED_LINES];
		size_t length = strlen(line);

		if (used + length > size)
			break;
		memcpy(buffer + used, line, length);
		used += length;
	}
	return used;
}

ssize_t feed_read(struct feed *feed, uint64_t *cursor, char *buffer, size_t size, int timeout_ms)
{
	struct timespec until;
	ssize_t result;
	uint64_t at;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (timeout_ms % 1000) * 1000000L;
	until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;

	pthread_mutex_lock(&feed->lock);
	/* The cursor counts from 1, for 0 means a follower that has just come. */
	at = *cursor ? *cursor - 1 : feed->added;
	while (!feed->shut && at >= feed->added)
		if (pthread_cond_timedwait(&feed->grown, &feed->lock, &until))
			break;
	result = feed->shut ? -ECANCELED : (ssize_t)copy(feed, &at, buffer, size);
	*cursor = at + 1;
	pthread_mutex_unlock(&feed->lock);
	return result;
}

void feed_shut(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->shut = true;
	pthread_cond_broadcast(&feed->grown);
	pthread_mutex_unlock(&feed->lock);
}
