/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>

#include "user/base/cleanup.h"
#include "user/cli/command.h"
#include "user/cli/render.h"
#include "user/cli/watch.h"

static int fetch(struct watch *watch, const struct page *page)
{
	_cleanup_reply_ struct client_reply reply = {0};
	const struct cli_options *options = watch->options;
	char route[2048] = "/v1/latency";
	int result = 0;

	for (size_t i = 0; !result && i < options->operand_count; i++)
		result = watch_query(watch, route, sizeof(route), "name", options->operands[i]);
	if (!result)
		result = client_request(watch->client, route, NULL, &reply, &watch->error);
	if (!result && !options->json)
		result = watch_telemetry(watch, reply.json);
	if (!result)
		watch_keep(watch->context, &reply);
	return result;
}

static int draw(struct watch *watch, const struct page *page, const char *notice)
{
	const struct watch_pair *pair = watch->context;
	struct latency_view view = {
		.before = pair->before.json,
		.latency = pair->now.json,
		.whole = watch->options->operand_count == 1,
		.notice = notice,
	};

	return render_latency(&view, page, watch->error.text, sizeof(watch->error.text));
}

static const struct client_reply *answer(const struct watch *watch)
{
	return &((const struct watch_pair *)watch->context)->now;
}

int cli_latency(const struct cli_options *options)
{
	_cleanup_(watch_pair_free) struct watch_pair pair = {0};
	struct watch watch = {
		.options = options,
		.command = "latency",
		.context = &pair,
		.fetch = fetch,
		.draw = draw,
		.answer = answer,
	};

	return watch_run(&watch);
}
