/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/patience.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "user/base/clock.h"

struct patience_entry {
	struct patience_entry *next, **link; /* link: what points here */
	int fd;
	int64_t since_ms;
};

#define PAUSED_MS INT64_MAX /* since then nothing is overdue */

static int64_t now_ms(void)
{
	return (int64_t)(clock_monotonic_ns() / 1000000);
}

/* Shut down, not closed: the descriptor is the listener's, which sees the end and closes it. */
static void cut_overdue(struct patience *patience)
{
	int64_t oldest_ms = now_ms() - patience->limit_ms;

	for (struct patience_entry *entry = patience->first; entry; entry = entry->next)
		if (entry->since_ms < oldest_ms)
			shutdown(entry->fd, SHUT_RDWR);
}

static void *watch(void *context)
{
	struct patience *patience = context;

	pthread_mutex_lock(&patience->lock);
	while (!patience->stopping) {
		int64_t until_ms = now_ms() + patience->period_ms;
		struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};

		pthread_cond_timedwait(&patience->wake, &patience->lock, &until);
		cut_overdue(patience);
	}
	pthread_mutex_unlock(&patience->lock);
	return NULL;
}

int patience_start(struct patience *patience, int limit_ms, int period_ms)
{
	pthread_condattr_t attributes;
	int error;

	*patience = (struct patience){.limit_ms = limit_ms, .period_ms = period_ms};
	pthread_mutex_init(&patience->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&patience->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	error = pthread_create(&patience->thread, NULL, watch, patience);
	patience->running = !error;
	return -error;
}

void patience_stop(struct patience *patience)
{
	if (!patience->running)
		return;
	pthread_mutex_lock(&patience->lock);
	patience->stopping = true;
	pthread_cond_signal(&patience->wake);
	pthread_mutex_unlock(&patience->lock);
	pthread_join(patience->thread, NULL);
	pthread_cond_destroy(&patience->wake);
	pthread_mutex_destroy(&patience->lock);
	patience->running = false;
}

struct patience_entry *patience_add(struct patience *patience, int fd)
{
	struct patience_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->fd = fd;
	entry->since_ms = now_ms();
	pthread_mutex_lock(&patience->lock);
	entry->next = patience->first;
	entry->link = &patience->first;
	if (entry->next)
		entry->next->link = &entry->next;
	patience->first = entry;
	pthread_mutex_unlock(&patience->lock);
	return entry;
}

static void set_since(struct patience *patience, struct patience_entry *entry, int64_t since_ms)
{
	if (!entry)
		return;
	pthread_mutex_lock(&patience->lock);
	entry->since_ms = since_ms;
	pthread_mutex_unlock(&patience->lock);
}

void patience_touch(struct patience *patience, struct patience_entry *entry)
{
	set_since(patience, entry, now_ms());
}

void patience_pause(struct patience *patience, struct patience_entry *entry)
{
	set_since(patience, entry, PAUSED_MS);
}

void patience_remove(struct patience *patience, struct patience_entry *entry)
{
	if (!entry)
		return;
	pthread_mutex_lock(&patience->lock);
	*entry->link = entry->next;
	if (entry->next)
		entry->next->link = entry->link;
	pthread_mutex_unlock(&patience->lock);
	free(entry);
}
