/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command `breaker`: an operator opens or closes what he knows better about. */
#include <errno.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/number.h"
#include "user/daemon/commands.h"

#define LIST_BYTES 400

struct request {
	enum breakers_action action;
	const char *upstream, *endpoint; /* NULL: all of the upstream */
	json_int_t seconds;
	bool cluster; /* for all nodes */
};

/* "a, b, c", cut where it grows long */
static void list_names(const struct config *config, const char *upstream, char out[LIST_BYTES])
{
	size_t used = 0;

	strcpy(out, "none");
	for (size_t u = 0; u < config->upstreams; u++) {
		const struct config_upstream *at = &config->upstream[u];
		bool inside = upstream && !strcmp(upstream, at->name);

		for (size_t i = 0; i < (upstream ? (inside ? at->endpoints : 0) : 1); i++) {
			const char *name = upstream ? at->endpoint[i].name : at->name;

			if (used + strlen(name) + 8 > LIST_BYTES) {
				strcpy(out + used, ", ...");
				return;
			}
			used += (size_t)sprintf(out + used, "%s%s", used ? ", " : "", name);
		}
	}
}

static int read_request(const json_t *arguments, struct request *out, json_t **reply)
{
	const char *action = json_string_value(json_object_get(arguments, "action"));
	const json_t *seconds = json_object_get(arguments, "seconds");
	const json_t *endpoint = json_object_get(arguments, "endpoint");

	*out = (struct request){
		.upstream = json_string_value(json_object_get(arguments, "upstream")),
		.endpoint = json_string_value(endpoint),
		.seconds = json_integer_value(seconds),
	};
	if (!action || breakers_action_parse(action, &out->action))
		return command_refuse(400, "invalid_request",
				      "action: expected open, close, auto or reset", reply);
	if (!out->upstream)
		return command_refuse(400, "invalid_request",
				      "upstream is missing; send for example "
				      "{\"action\":\"open\",\"upstream\":\"api\"}",
				      reply);
	if (endpoint && !out->endpoint && !json_is_null(endpoint))
		return command_refuse(400, "invalid_request",
				      "endpoint: expected HOST:PORT as configured", reply);
	if ((seconds && !json_is_integer(seconds)) || out->seconds < 0 ||
	    out->seconds > COMMAND_SECONDS_MAX)
		return command_refuse(400, "invalid_request",
				      "seconds: expected a whole number up to 315360000, or 0 for "
				      "no end",
				      reply);
	if (out->seconds && out->action != BREAKERS_OPEN && out->action != BREAKERS_CLOSE)
		return command_refuse(400, "invalid_request",
				      "seconds: only open and close have an end", reply);
	return 0;
}

static int refuse_name(const struct control *control, const struct request *request, int result,
		       json_t **reply)
{
	char names[LIST_BYTES], message[LIST_BYTES + 256];
	bool upstream = result == -ENOENT;

	list_names(control->config, upstream ? NULL : request->upstream, names);
	if (upstream)
		snprintf(message, sizeof(message), "no upstream is named \"%.64s\"; there are: %s",
			 request->upstream, names);
	else
		snprintf(message, sizeof(message),
			 "upstream %s has no endpoint \"%.80s\"; it has: %s", request->upstream,
			 request->endpoint, names);
	return command_refuse(404, upstream ? "no_such_upstream" : "no_such_endpoint", message,
			      reply);
}

static struct order order_of(const struct request *request, uint64_t until_ns)
{
	static const enum order_kind kinds[] = {
		[BREAKERS_OPEN] = ORDER_OPEN,
		[BREAKERS_CLOSE] = ORDER_CLOSE,
		[BREAKERS_AUTO] = ORDER_AUTO,
		[BREAKERS_RESET] = ORDER_RESET,
	};
	struct order order = {.kind = kinds[request->action], .until_ns = until_ns};

	snprintf(order.upstream, sizeof(order.upstream), "%s", request->upstream);
	if (request->endpoint)
		snprintf(order.endpoint, sizeof(order.endpoint), "%s", request->endpoint);
	return order;
}

int command_breaker(struct control *control, const json_t *arguments, json_t **reply)
{
	struct request request;
	struct order order;
	uint64_t until = 0;
	int result = read_request(arguments, &request, reply);

	if (!result)
		result = command_for_cluster(control, arguments, &request.cluster, reply);
	if (result)
		return result;
	if (!control->config->latency)
		return command_refuse(409, "conflict",
				      "nothing is refused: the configuration says latency: "
				      "{enabled: false}; set it to true, then reload",
				      reply);
	if (request.seconds)
		until = clock_monotonic_ns() + (uint64_t)request.seconds * NS_PER_SEC;
	result = breakers_override(control->gather.breakers, request.upstream, request.endpoint,
				   request.action, until);
	if (result < 0)
		return refuse_name(control, &request, result, reply);
	control_publish(control);
	*reply = json_pack("{s:s, s:s, s:s?, s:i, s:I}", "action",
			   json_string_value(json_object_get(arguments, "action")), "upstream",
			   request.upstream, "endpoint", request.endpoint, "endpoints", result,
			   "seconds", request.seconds);
	order = order_of(&request, until);
	return request.cluster ? command_order(control, &order, reply) : 200;
}
