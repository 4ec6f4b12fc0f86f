/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/route.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/http/accept.h"
#include "user/http/json.h"
#include "user/http/query.h"
#include "user/http/view.h"
#include "user/metrics/health.h"
#include "user/metrics/process.h"

enum where { WHERE_ALL, WHERE_ADMIN };

static const struct route {
	const char *handler;
	const char *path;
	enum http_method method;
	enum where where;
	unsigned int code[METRICS_CODES]; /* ends with 0 */
} routes[] = {
#define X(name, path_, method_, where_, ...) \
	[HTTP_HANDLER_##name] = {#name, path_, HTTP_##method_, WHERE_##where_, {__VA_ARGS__, 405}},
	HTTP_ROUTES(X)
#undef X
		[HTTP_HANDLER_other] = {"other", "(no route)", HTTP_OTHER, WHERE_ALL, {404}},
};

void route_figures(struct metrics_http *out)
{
	*out = (struct metrics_http){.handlers = HTTP_HANDLER_COUNT};
	for (size_t i = 0; i < HTTP_HANDLER_COUNT; i++) {
		struct metrics_handler *handler = &out->handler[i];

		handler->name = routes[i].handler;
		while (routes[i].code[handler->codes]) {
			handler->code[handler->codes].code = routes[i].code[handler->codes];
			handler->codes++;
		}
	}
}

void route_find(const char *path, bool admin, struct http_request *request)
{
	size_t i = 0;

	while (i < HTTP_HANDLER_other &&
	       (strcmp(routes[i].path, path) || (routes[i].where == WHERE_ADMIN && !admin)))
		i++;
	request->handler = (enum http_handler)i;
	request->path = routes[i].path;
}

static struct snapshot *latest(const struct http_sources *sources)
{
	return sources->ops->snapshot(sources->ops->context);
}

static void answer_text(struct http_answer *answer, unsigned int code, const char *text)
{
	answer->code = code;
	answer->type = "text/plain; charset=utf-8";
	buffer_text(&answer->body, text);
	buffer_char(&answer->body, '\n');
}

void answer_json(struct http_answer *answer, unsigned int code, json_t *json)
{
	/* 12 digits tell milliseconds of a year of uptime; 17 print 0.1 as 0.10000000000000001 */
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12))
					 : NULL;

	json_decref(json);
	answer->code = text ? code : 500;
	answer->type = "application/json";
	buffer_text(&answer->body,
		    text ? text : "{\"error\":\"internal_error\",\"message\":\"out of memory\"}");
	buffer_char(&answer->body, '\n');
}

void answer_error(struct http_answer *answer, unsigned int code, const char *word,
		  const char *format, ...)
{
	json_t *object = json_object();
	char message[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	json_set(&object, "error", json_string(word));
	json_set(&object, "message", json_text(message));
	answer_json(answer, code, object);
}

static void answer_index(const struct http_request *request, struct http_answer *answer)
{
	static const char *const method[] = {"GET ", "POST"};

	answer_text(answer, 200, "Weir");
	for (size_t i = 0; i < HTTP_HANDLER_other; i++)
		if (routes[i].where == WHERE_ALL || request->admin)
			buffer_format(&answer->body, "%s %s\n", method[routes[i].method],
				      routes[i].path);
}

static void answer_metrics(const struct http_sources *sources, const struct http_request *request,
			   struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latest(sources);
	enum metrics_format format = accept_format(request->accept);
	struct metrics_process process;
	struct metrics_http http;
	struct metrics_input input = {
		.snapshot = snapshot,
		.cluster = metrics_cluster(snapshot),
		.http = &http,
	};

	figures_read(sources->figures, &http);
	if (!process_read(&process))
		input.process = &process;
	answer->code = 200;
	answer->type = metrics_content_type(format);
	if (metrics_write(format, &input, &answer->body)) {
		buffer_release(&answer->body);
		answer_error(answer, 500, "internal_error", "out of memory");
	}
}

static void answer_health(const struct http_sources *sources, enum http_handler handler,
			  struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = latest(sources);
	int health = HEALTH_UNHEALTHY;
	json_t *json;

	if (handler == HTTP_HANDLER_detailed)
		json = view_detailed(snapshot, clock_monotonic_ns(), &health);
	else
		json = view_ready(snapshot, clock_monotonic_ns(), &health);
	if (handler == HTTP_HANDLER_healthz && json) {
		const char *reason =
			json_string_value(json_array_get(json_object_get(json, "reasons"), 0));

		if (health == HEALTH_UNHEALTHY)
			answer_text(answer, 503, reason ? reason : "unhealthy");
		else
			answer_text(answer, 200, "ok");
		json_decref(json);
		return;
	}
	answer_json(answer, health == HEALTH_UNHEALTHY ? 503 : 200, json);
}

static void answer_startup(const struct http_sources *sources, struct http_answer *answer)
{
	bool started = sources->ops->started(sources->ops->context);

	answer_json(answer, started ? 200 : 503,
		    json_pack("{s:s}", "status", started ? "started" : "starting"));
}

/* The latest figures; NULL, and *answer says so, before the first */
static struct snapshot *ready(const struct http_sources *sources, struct http_answer *answer)
{
	struct snapshot *snapshot = latest(sources);

	if (!snapshot)
		answer_error(answer, 503, "not_ready",
			     "no figures yet, the daemon is starting; try again");
	return snapshot;
}

static void answer_status(const struct http_sources *sources, struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = ready(sources, answer);

	if (snapshot)
		answer_json(answer, 200, view_status(snapshot, clock_monotonic_ns()));
}

static void answer_top(const struct http_sources *sources, const struct http_request *request,
		       struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = ready(sources, answer);
	struct query_top query;

	if (snapshot && query_top(request, snapshot, &query, answer))
		answer_json(answer, 200,
			    view_top(snapshot, clock_monotonic_ns(), query.limit, query.service,
				     query.order));
}

static void answer_flows(const struct http_sources *sources, const struct http_request *request,
			 struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = ready(sources, answer);
	struct view_flow_filter filter;

	if (snapshot && query_flows(request, snapshot, &filter, answer))
		answer_json(answer, 200, view_flows(snapshot, clock_monotonic_ns(), &filter));
}

static void answer_latency(const struct http_sources *sources, const struct http_request *request,
			   struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = ready(sources, answer);
	const char *name[HTTP_PARAMETERS];
	struct view_names names = {.at = name};

	if (snapshot && query_latency(request, snapshot, name, &names.count, answer))
		answer_json(answer, 200, view_latency(snapshot, clock_monotonic_ns(), &names));
}

static void answer_breakers(const struct http_sources *sources, struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = ready(sources, answer);

	if (snapshot)
		answer_json(answer, 200, view_breakers(snapshot, clock_monotonic_ns()));
}

/* Over TCP without addresses of clients */
static void answer_cluster(const struct http_sources *sources, const struct http_request *request,
			   struct http_answer *answer)
{
	_cleanup_snapshot_ struct snapshot *snapshot = ready(sources, answer);

	if (snapshot)
		answer_json(answer, 200,
			    view_cluster(snapshot, clock_monotonic_ns(), request->admin));
}

static void answer_route(const struct http_sources *sources, const struct http_request *request,
			 struct http_answer *answer)
{
	switch (request->handler) {
	case HTTP_HANDLER_index:
		return answer_index(request, answer);
	case HTTP_HANDLER_metrics:
		return answer_metrics(sources, request, answer);
	case HTTP_HANDLER_live:
		return answer_json(answer, 200, json_pack("{s:s}", "status", "alive"));
	case HTTP_HANDLER_healthz:
	case HTTP_HANDLER_ready:
	case HTTP_HANDLER_detailed:
		return answer_health(sources, request->handler, answer);
	case HTTP_HANDLER_startup:
		return answer_startup(sources, answer);
	case HTTP_HANDLER_status:
		return answer_status(sources, answer);
	case HTTP_HANDLER_top:
		return answer_top(sources, request, answer);
	case HTTP_HANDLER_flows:
		return answer_flows(sources, request, answer);
	case HTTP_HANDLER_latency:
		return answer_latency(sources, request, answer);
	case HTTP_HANDLER_breakers:
		return answer_breakers(sources, answer);
	case HTTP_HANDLER_cluster:
		return answer_cluster(sources, request, answer);
	case HTTP_HANDLER_events:
		answer->code = 200;
		answer->type = "application/x-ndjson";
		answer->stream = true;
		return;
	case HTTP_HANDLER_bans:
	case HTTP_HANDLER_ban:
	case HTTP_HANDLER_unban:
	case HTTP_HANDLER_breaker:
	case HTTP_HANDLER_reload:
	case HTTP_HANDLER_detach:
		return answer_command(sources, request, routes[request->handler].handler, answer);
	case HTTP_HANDLER_other:
	case HTTP_HANDLER_COUNT:
		break;
	}
	answer_error(
		answer, 404, "not_found", "%s",
		request->admin
			? "no such route; GET / lists them"
			: "no such route here; GET / lists them. The admin API is only on the unix socket");
}

void route_answer(const struct http_sources *sources, const struct http_request *request,
		  struct http_answer *answer)
{
	const struct route *route = &routes[request->handler];

	if (request->handler != HTTP_HANDLER_other && request->method != route->method) {
		answer->allow = route->method == HTTP_GET ? "GET, HEAD" : "POST";
		answer_error(answer, 405, "method_not_allowed", "%s takes %s", route->path,
			     answer->allow);
		return;
	}
	if (request->body_too_large) {
		answer_error(answer, 413, "body_too_large",
			     "the body must not have more than %d bytes", HTTP_BODY_BYTES);
		return;
	}
	if (request->parameters > HTTP_PARAMETERS) {
		answer_error(answer, 400, "invalid_request", "at most %d parameters",
			     HTTP_PARAMETERS);
		return;
	}
	answer_route(sources, request, answer);
}
