/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "user/base/cleanup.h"
#include "user/cli/render.h"
#include "user/cli/top.h"
#include "user/cli/watch.h"

struct flows {
	const char *sort;
	struct client_reply reply;
};

static void flows_free(struct flows *flows)
{
	client_reply_free(&flows->reply);
}

static int fetch(struct watch *watch, const struct page *page)
{
	_cleanup_reply_ struct client_reply reply = {0};
	struct flows *flows = watch->context;
	char route[512];
	int result;

	snprintf(route, sizeof(route), "/v1/flows?limit=%zu&by=%s", watch_limit(watch, page),
		 flows->sort);
	result = watch_query(watch, route, sizeof(route), "service", watch->options->service);
	if (!result)
		result = watch_query(watch, route, sizeof(route), "upstream",
				     watch->options->upstream);
	if (!result)
		result = client_request(watch->client, route, NULL, &reply, &watch->error);
	if (!result && !watch->options->json)
		result = watch_telemetry(watch, json_object_get(reply.json, "table"));
	if (result)
		return result;
	client_reply_free(&flows->reply);
	flows->reply = reply;
	reply = (struct client_reply){0};
	return 0;
}

static int draw(struct watch *watch, const struct page *page, const char *notice)
{
	const struct flows *flows = watch->context;
	struct flows_view view = {.flows = flows->reply.json, .notice = notice};

	return render_flows(&view, page, watch->error.text, sizeof(watch->error.text));
}

static void obey(struct watch *watch, int key)
{
	struct flows *flows = watch->context;

	if (key == 'r')
		flows->sort = "rate";
	else if (key == 'b')
		flows->sort = "bytes";
}

static const struct client_reply *answer(const struct watch *watch)
{
	return &((const struct flows *)watch->context)->reply;
}

int top_flows(const struct cli_options *options)
{
	_cleanup_(flows_free) struct flows flows = {
		.sort = options->sort ? options->sort : "rate",
	};
	struct watch watch = {
		.options = options,
		.command = "top",
		.context = &flows,
		.fetch = fetch,
		.draw = draw,
		.key = obey,
		.answer = answer,
	};

	return watch_run(&watch);
}
