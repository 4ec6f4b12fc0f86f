/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two listeners. TCP: read only, loopback by default:
 *     GET / (lists the routes) /metrics /healthz /health/live /health/ready /health/startup /health/detailed
 *     GET /v1/latency?name=NAME /v1/cluster (without addresses of clients)
 * Unix socket (mode 0660, root and group weir): those, and the admin API, JSON in and out:
 *     GET  /v1/status                                   GET /v1/top?limit=20&service=NAME&by=refused|passed|total
 *     GET  /v1/flows?limit=20&service=NAME&upstream=NAME&by=rate|bytes
 *     GET  /v1/bans                                     GET /v1/events   newline-delimited JSON, streamed until the client leaves
 *     POST /v1/ban    {"prefix":"203.0.113.7","seconds":600}     seconds 0 or absent: no end
 *     POST /v1/unban  {"prefix":"203.0.113.7"}
 *     GET  /v1/breakers
 *     POST /v1/breaker {"action":"open","upstream":"api","endpoint":"10.1.2.3:8443","seconds":600}
 *     POST /v1/reload {}                                POST /v1/detach {}
 * An error is {"error":"word","message":"a sentence that says what to do"} with 400, 404, 405, 409, 413,
 * 415, 500 or 503. docs/api.md has every shape.
 * Nothing here touches the datapath: a reading formats a snapshot, a command goes to the control thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/metrics/snapshot.h"

struct http;

/* Called on HTTP threads, concurrently. */
struct http_ops {
	/* The latest snapshot, referenced; NULL before the first. */
	struct snapshot *(*snapshot)(void *context);

	/*
	 * Runs a command ("ban", "unban", "bans", "breaker", "reload", "detach") on the control thread and waits.
	 * arguments: an object, borrowed. Returns the HTTP status and *reply, owned by the caller.
	 */
	int (*command)(void *context, const char *name, const json_t *arguments,
		       const char *request_id, json_t **reply);

	/*
	 * Waits up to timeout_ms for events after *cursor (start with 0: now) and writes whole JSON lines
	 * into the buffer. Returns bytes written, 0 on time-out, -errno when the daemon stops.
	 */
	ssize_t (*events)(void *context, uint64_t *cursor, char *buffer, size_t size,
			  int timeout_ms);

	/* The process's own health, asked by /health/startup: has it come up once? */
	bool (*started)(void *context);
	void *context;
};

/*
 * listen: "127.0.0.1:9464", "[::1]:9464" or NULL; admin: path of the socket. 0 and *out, or -errno
 * and a one-line message in error (who has the port or the socket, what to do). A stale socket file is
 * replaced, one that answers is not. *ops is copied; context must outlive the listeners.
 */
int http_start(const char *listen, const char *admin, const struct http_ops *ops, struct http **out,
	       char *error, size_t error_size);

/* The port of the TCP listener: what the kernel chose where listen said port 0. 0: none. */
uint16_t http_port(const struct http *http);

/*
 * Ends both listeners and every stream, waits for their threads, removes the socket. NULL is allowed. A command that waits
 * for the control thread must be let go first: this waits for it.
 */
void http_stop(struct http *http);

/* The figures of the http_* metric families are kept inside and added to /metrics. */
