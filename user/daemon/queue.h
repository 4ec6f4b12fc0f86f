/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Commands from HTTP threads to the control thread, one at a time, answered. */
#pragma once

#include <jansson.h>

struct queue;

struct queue *queue_new(void); /* NULL: no memory or descriptor */
void queue_free(struct queue *queue);

/* Readable when a command waits; for the control thread's poll. */
int queue_fd(const struct queue *queue);

/* HTTP threads: runs it on the control thread, waits, returns the HTTP status and *reply. */
int queue_call(struct queue *queue, const char *name, const json_t *arguments,
	       const char *request_id, json_t **reply);

/* Control thread: runs what waits through `run`. What that logs has the request's id. */
void queue_serve(struct queue *queue,
		 int (*run)(void *context, const char *name, const json_t *arguments,
			    json_t **reply),
		 void *context);

/* Control thread, before it ends: whoever waits or comes later gets 503. */
void queue_shut(struct queue *queue);
