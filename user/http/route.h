/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What each path answers, without libmicrohttpd: a request as plain data in, an answer as plain data out. One
 * list makes the routes, the label `handler`, the codes a scrape shows as 0 and the index page.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "user/base/buffer.h"
#include "user/http/figures.h"
#include "user/http/http.h"

#define HTTP_BODY_BYTES 65536 /* the largest body taken */
#define HTTP_ID_BYTES 65      /* a request id and its terminating zero */
#define HTTP_PARAMETERS 8     /* of a query */

/*
 * X(handler, path, method, where, codes it answers besides 405...)
 *   where  ALL: both listeners; ADMIN: the unix socket
 */
/* clang-format off */
#define HTTP_ROUTES(X)                                                     \
	X(index, "/", GET, ALL, 200)                                       \
	X(metrics, "/metrics", GET, ALL, 200)                              \
	X(healthz, "/healthz", GET, ALL, 200, 503)                         \
	X(live, "/health/live", GET, ALL, 200)                             \
	X(ready, "/health/ready", GET, ALL, 200, 503)                      \
	X(startup, "/health/startup", GET, ALL, 200, 503)                  \
	X(detailed, "/health/detailed", GET, ALL, 200, 503)                \
	X(latency, "/v1/latency", GET, ALL, 200, 400, 404, 503)            \
	X(cluster, "/v1/cluster", GET, ALL, 200, 503)                      \
	X(status, "/v1/status", GET, ADMIN, 200, 503)                      \
	X(top, "/v1/top", GET, ADMIN, 200, 400, 404, 503)                  \
	X(flows, "/v1/flows", GET, ADMIN, 200, 400, 404, 503)              \
	X(breakers, "/v1/breakers", GET, ADMIN, 200, 503)                  \
	X(bans, "/v1/bans", GET, ADMIN, 200, 500)                          \
	X(events, "/v1/events", GET, ADMIN, 200, 503)                      \
	X(ban, "/v1/ban", POST, ADMIN, 200, 400, 409, 413, 415, 500)       \
	X(unban, "/v1/unban", POST, ADMIN, 200, 400, 404, 409, 413, 415, 500) \
	X(breaker, "/v1/breaker", POST, ADMIN, 200, 400, 404, 409, 413, 415, 500) \
	X(reload, "/v1/reload", POST, ADMIN, 200, 400, 413, 415, 500)      \
	X(detach, "/v1/detach", POST, ADMIN, 200, 400, 409, 413, 415, 500)
/* clang-format on */

enum http_handler {
#define X(handler, ...) HTTP_HANDLER_##handler,
	HTTP_ROUTES(X)
#undef X
		HTTP_HANDLER_other, /* no route */
	HTTP_HANDLER_COUNT,
};
_Static_assert(HTTP_HANDLER_COUNT <= METRICS_HANDLERS, "raise METRICS_HANDLERS");

enum http_method { HTTP_GET, HTTP_POST, HTTP_OTHER };

struct http_parameter {
	const char *name, *value; /* value "" where there is none */
};

struct http_request {
	enum http_method method; /* HEAD is a GET */
	bool head;
	bool admin; /* came in by the unix socket */
	enum http_handler handler;
	const char *path;   /* the route's, never the client's text; "(no route)" */
	const char *accept; /* headers; NULL where missing */
	const char *content_type;
	char id[HTTP_ID_BYTES];
	struct http_parameter parameter[HTTP_PARAMETERS];
	size_t parameters; /* may be more than HTTP_PARAMETERS: then refused */
	bool body_too_large;
	struct buffer body;
};

struct http_answer {
	unsigned int code;
	const char *type;   /* Content-Type, a constant */
	struct buffer body; /* owned by the answer */
	const char *allow;  /* header Allow, or NULL */
	bool stream;	    /* no body: the event stream follows */
};

/* What answers are made of */
struct http_sources {
	const struct http_ops *ops;
	struct http_figures *figures;
};

/* Handlers and the codes they may answer, all counts 0 */
void route_figures(struct metrics_http *out);

/* Fills handler and path. */
void route_find(const char *path, bool admin, struct http_request *request);

/* Fills *answer, in every case. For a command it waits for the control thread. */
void route_answer(const struct http_sources *sources, const struct http_request *request,
		  struct http_answer *answer);

/* An error answer: printf for the message */
void answer_error(struct http_answer *answer, unsigned int code, const char *word,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Takes the reference to json; NULL is want of memory. */
void answer_json(struct http_answer *answer, unsigned int code, json_t *json);

/* A POST route: checks the body, runs the command of that name, passes its reply on. */
void answer_command(const struct http_sources *sources, const struct http_request *request,
		    const char *command, struct http_answer *answer);
