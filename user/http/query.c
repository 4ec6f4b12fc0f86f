/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/http/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 20       /* rows, where none is asked for */
#define LIST_BYTES 400 /* of names listed in an error: services, and as much again of upstreams */

static bool refuse_parameter(const struct http_parameter *parameter, const char *known,
			     struct http_answer *answer)
{
	answer_error(answer, 400, "invalid_request",
		     "no parameter is named \"%.64s\"; there are %s", parameter->name, known);
	return false;
}

static bool take_limit(const char *text, size_t *limit, struct http_answer *answer)
{
	size_t length = strlen(text);
	unsigned long value = 0;

	if (length && length <= 3 && strspn(text, "0123456789") == length)
		value = strtoul(text, NULL, 10);
	if (value < 1 || value > SNAPSHOT_TOP) {
		answer_error(answer, 400, "invalid_request", "limit must be 1 to %d", SNAPSHOT_TOP);
		return false;
	}
	*limit = value;
	return true;
}

static int find_service(const struct snapshot *snapshot, const char *name)
{
	for (int i = 0; *name && i < WEIR_SERVICES; i++)
		if (!strcmp(snapshot->service[i].name, name))
			return i;
	return -1;
}

static int find_upstream(const struct snapshot *snapshot, const char *name)
{
	for (int i = 0; *name && i < WEIR_UPSTREAMS; i++)
		if (!strcmp(snapshot->upstream[i].name, name))
			return i;
	return -1;
}

/* "web, dns", or "none"; what does not fit is "..." */
struct list {
	char text[LIST_BYTES];
	size_t length;
	bool full;
};

static void list_add(struct list *list, const char *name)
{
	int added;

	if (!name[0] || list->full)
		return;
	added = snprintf(list->text + list->length, LIST_BYTES - list->length, "%s%s",
			 list->length ? ", " : "", name);
	list->full = list->length + (size_t)added + sizeof(", ...") > LIST_BYTES;
	if (list->full)
		strcpy(list->text + list->length, list->length ? ", ..." : "...");
	else
		list->length += (size_t)added;
}

static struct list services_of(const struct snapshot *snapshot)
{
	struct list list = {.text = "none"};

	for (size_t i = 0; i < WEIR_SERVICES; i++)
		list_add(&list, snapshot->service[i].name);
	return list;
}

static struct list upstreams_of(const struct snapshot *snapshot)
{
	struct list list = {.text = "none"};

	for (size_t i = 0; i < WEIR_UPSTREAMS; i++)
		list_add(&list, snapshot->upstream[i].name);
	return list;
}

static bool take_service(const struct snapshot *snapshot, const char *name, int *service,
			 struct http_answer *answer)
{
	*service = find_service(snapshot, name);
	if (*service < 0)
		answer_error(answer, 404, "no_such_service",
			     "no service is named \"%.64s\"; there are: %s", name,
			     services_of(snapshot).text);
	return *service >= 0;
}

static bool take_upstream(const struct snapshot *snapshot, const char *name, int *upstream,
			  struct http_answer *answer)
{
	*upstream = find_upstream(snapshot, name);
	if (*upstream < 0)
		answer_error(answer, 404, "no_such_upstream",
			     "no upstream is named \"%.64s\"; there are: %s", name,
			     upstreams_of(snapshot).text);
	return *upstream >= 0;
}

static bool take_order(const char *word, enum view_order *order, struct http_answer *answer)
{
	if (!view_order_parse(word, order))
		return true;
	answer_error(answer, 400, "invalid_request", "by must be total, refused or passed");
	return false;
}

static bool take_flow_order(const char *word, enum view_flow_order *order,
			    struct http_answer *answer)
{
	if (!view_flow_order_parse(word, order))
		return true;
	answer_error(answer, 400, "invalid_request", "by must be rate or bytes");
	return false;
}

bool query_top(const struct http_request *request, const struct snapshot *snapshot,
	       struct query_top *out, struct http_answer *answer)
{
	bool good = true;

	*out = (struct query_top){.limit = LIMIT, .service = -1};
	for (size_t i = 0; good && i < request->parameters; i++) {
		const struct http_parameter *parameter = &request->parameter[i];

		if (!strcmp(parameter->name, "limit"))
			good = take_limit(parameter->value, &out->limit, answer);
		else if (!strcmp(parameter->name, "by"))
			good = take_order(parameter->value, &out->order, answer);
		else if (!strcmp(parameter->name, "service"))
			good = take_service(snapshot, parameter->value, &out->service, answer);
		else
			good = refuse_parameter(parameter, "limit, service and by", answer);
	}
	return good;
}

bool query_flows(const struct http_request *request, const struct snapshot *snapshot,
		 struct view_flow_filter *out, struct http_answer *answer)
{
	bool good = true;

	*out = (struct view_flow_filter){.limit = LIMIT, .service = -1, .upstream = -1};
	for (size_t i = 0; good && i < request->parameters; i++) {
		const struct http_parameter *parameter = &request->parameter[i];

		if (!strcmp(parameter->name, "limit"))
			good = take_limit(parameter->value, &out->limit, answer);
		else if (!strcmp(parameter->name, "by"))
			good = take_flow_order(parameter->value, &out->order, answer);
		else if (!strcmp(parameter->name, "service"))
			good = take_service(snapshot, parameter->value, &out->service, answer);
		else if (!strcmp(parameter->name, "upstream"))
			good = take_upstream(snapshot, parameter->value, &out->upstream, answer);
		else
			good = refuse_parameter(parameter, "limit, service, upstream and by",
						answer);
	}
	return good;
}

bool query_latency(const struct http_request *request, const struct snapshot *snapshot,
		   const char *names[HTTP_PARAMETERS], size_t *count, struct http_answer *answer)
{
	*count = 0;
	for (size_t i = 0; i < request->parameters; i++) {
		const struct http_parameter *parameter = &request->parameter[i];

		if (strcmp(parameter->name, "name"))
			return refuse_parameter(parameter, "only name, once or more often", answer);
		if (find_service(snapshot, parameter->value) < 0 &&
		    find_upstream(snapshot, parameter->value) < 0) {
			answer_error(answer, 404, "no_such_name",
				     "no service or upstream is named \"%.64s\"; services: %s; "
				     "upstreams: %s",
				     parameter->value, services_of(snapshot).text,
				     upstreams_of(snapshot).text);
			return false;
		}
		names[(*count)++] = parameter->value;
	}
	return true;
}
