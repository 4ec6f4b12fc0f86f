/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cuts connections that take too long for one request, its answer read included. libmicrohttpd's own timeout starts
 * again with each byte, so a client that sends or reads a byte now and then would hold its place for days.
 * A thread of its own looks from time to time; everything else may be called from any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct patience {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool running, stopping;
	int limit_ms, period_ms;
	struct patience_entry *first;
};

/* A connection is cut limit_ms to limit_ms + period_ms after it was last touched. 0 or -errno. */
int patience_start(struct patience *patience, int limit_ms, int period_ms);

/* Ends the thread; no entry may be left. A patience that was never started is allowed. */
void patience_stop(struct patience *patience);

/* Takes note of a connected socket; NULL without memory: then it is not watched. */
struct patience_entry *patience_add(struct patience *patience, int fd);

/* A request is over, the next one may take as long again. NULL is allowed. */
void patience_touch(struct patience *patience, struct patience_entry *entry);

/* It is not the client who takes time: not cut until it is touched again. NULL is allowed. */
void patience_pause(struct patience *patience, struct patience_entry *entry);

/* Before the socket is closed. NULL is allowed. */
void patience_remove(struct patience *patience, struct patience_entry *entry);
