/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests that the control thread answers: the body is checked here, what it says there. */
#include <string.h>
#include <strings.h>

#include "user/http/route.h"

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

/* "application/json", with or without parameters: what no web page can send across sites unasked */
static bool is_json(const char *content_type)
{
	static const char json[] = "application/json";
	size_t length = sizeof(json) - 1;

	return content_type && !strncasecmp(content_type, json, length) &&
	       strchr("; \t", content_type[length]);
}

/* A new reference to an object, or NULL and *answer holds the error. */
static json_t *parse_body(const struct http_request *request, struct http_answer *answer)
{
	json_error_t error;
	json_t *body;

	if (!is_json(request->content_type)) {
		answer_error(answer, 415, "unsupported_media_type",
			     "send a JSON object with Content-Type: application/json");
		return NULL;
	}
	body = json_loadb(request->body.data ? request->body.data : "", request->body.length,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!body) {
		answer_error(answer, 400, "invalid_request",
			     "the body is not JSON: line %d, column %d: %s", error.line,
			     error.column, error.text);
		return NULL;
	}
	if (json_is_object(body))
		return body;
	json_decref(body);
	answer_error(answer, 400, "invalid_request",
		     "the body must be a JSON object, for example {}");
	return NULL;
}

void answer_command(const struct http_sources *sources, const struct http_request *request,
		    const char *command, struct http_answer *answer)
{
	_cleanup_(cleanup_json) json_t *arguments = NULL;
	json_t *reply = NULL;
	int code;

	arguments = request->method == HTTP_POST ? parse_body(request, answer) : json_object();
	if (!arguments) {
		if (!answer->code)
			answer_error(answer, 500, "internal_error", "out of memory");
		return;
	}
	code = sources->ops->command(sources->ops->context, command, arguments, request->id,
				     &reply);
	if (reply && code >= 200 && code <= 599) {
		answer_json(answer, (unsigned int)code, reply);
		return;
	}
	json_decref(reply);
	answer_error(answer, 500, "internal_error", "the command %s gave no reply", command);
}
