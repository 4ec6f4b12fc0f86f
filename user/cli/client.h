/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Talks to the daemon's admin API (docs/api.md) over its unix socket. Beside user/daemon/probe.c the only place that includes
 * libcurl. Every failure comes with one line that says what to do, without a full stop or line end.
 *
 *   -ENOENT     no daemon answers: no such socket, or nobody listens
 *   -EACCES     the socket is there but not for this user
 *   -ETIMEDOUT  no answer in time
 *   -EREMOTEIO  the daemon refused; the line is its message
 *   -EPROTO     what came is no answer of a daemon, or half of one
 *   -ECANCELED  *stop was set, or the line function asked to stop (no line)
 */
#pragma once

#include <jansson.h>
#include <signal.h>
#include <stddef.h>

#define CLIENT_ERROR 1024

struct client;

struct client_error {
	char text[CLIENT_ERROR];
	char word[32]; /* with -EREMOTEIO: the daemon's own, "conflict"; else "" */
};

/* What the daemon answered, and as it came. */
struct client_reply {
	json_t *json; /* an object */
	char *text;
	size_t length;
};
void client_reply_free(struct client_reply *reply);
#define _cleanup_reply_ __attribute__((cleanup(client_reply_free)))

/* By --socket (NULL: not given), then $WEIR_SOCKET, then the default. Never NULL. */
const char *client_socket_path(const char *option);

/*
 * timeout_ms: for a whole request; 0 for the default of 10 s. stop, or NULL: looked at while
 * waiting. path and stop are borrowed. Does not connect yet. 0 or -errno.
 */
int client_open(const char *path, long timeout_ms, const volatile sig_atomic_t *stop,
		struct client **out, struct client_error *error);
void client_close(struct client *client);

/*
 * body NULL: a GET, else a POST of it (borrowed). 0 and *reply, for the caller to free, or as
 * above.
 */
int client_request(struct client *client, const char *route, const json_t *body,
		   struct client_reply *reply, struct client_error *error);

/*
 * GETs a stream of lines and calls line() with each, its end cut off, empty ones left out, until it
 * returns other than 0 (then -ECANCELED) or the daemon ends it (0).
 */
typedef int client_line(void *context, const char *line, size_t length);
int client_stream(struct client *client, const char *route, client_line *line, void *context,
		  struct client_error *error);

/* For a query: NAME=VALUE with VALUE escaped, appended to the route. 0 or -ENOSPC, -ENOMEM. */
int client_add_query(char *route, size_t size, const char *name, const char *value);

static inline void cleanup_client(struct client **client)
{
	client_close(*client);
}
#define _cleanup_client_ __attribute__((cleanup(cleanup_client)))

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))
