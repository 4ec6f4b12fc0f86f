/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>

#include "user/base/cleanup.h"
#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/render.h"
#include "user/cli/top.h"
#include "user/cli/watch.h"

/* The busiest clients, below the services */
struct clients {
	const char *by;
	struct watch_pair status;
	struct client_reply top;
};

static void clients_free(struct clients *clients)
{
	watch_pair_free(&clients->status);
	client_reply_free(&clients->top);
}

static int fetch_top(struct watch *watch, const struct page *page, struct client_reply *out)
{
	const struct clients *clients = watch->context;
	char route[512];
	int result;

	snprintf(route, sizeof(route), "/v1/top?limit=%zu&by=%s", watch_limit(watch, page),
		 clients->by);
	result = watch_query(watch, route, sizeof(route), "service", watch->options->service);
	return result ? result : client_request(watch->client, route, NULL, out, &watch->error);
}

static int fetch(struct watch *watch, const struct page *page)
{
	_cleanup_reply_ struct client_reply status = {0}, top = {0};
	struct clients *clients = watch->context;
	int result;

	result = fetch_top(watch, page, &top);
	if (!result && !watch->options->json)
		result = client_request(watch->client, "/v1/status", NULL, &status, &watch->error);
	if (result)
		return result;
	if (status.json)
		watch_keep(&clients->status, &status);
	client_reply_free(&clients->top);
	clients->top = top;
	top = (struct client_reply){0};
	return 0;
}

static int draw(struct watch *watch, const struct page *page, const char *notice)
{
	const struct clients *clients = watch->context;
	struct top_view view = {
		.before = clients->status.before.json,
		.status = clients->status.now.json,
		.top = clients->top.json,
		.service = watch->options->service,
		.notice = notice,
	};

	return render_top(&view, page, watch->error.text, sizeof(watch->error.text));
}

static void obey(struct watch *watch, int key)
{
	struct clients *clients = watch->context;

	switch (key) {
	case 'r':
		clients->by = "refused";
		break;
	case 'p':
		clients->by = "passed";
		break;
	case 't':
		clients->by = "total";
		break;
	}
}

static const struct client_reply *answer(const struct watch *watch)
{
	return &((const struct clients *)watch->context)->top;
}

/* Packets a second of services need two sets of figures. */
static bool complete(const struct watch *watch)
{
	return ((const struct clients *)watch->context)->status.before.json;
}

int top_clients(const struct cli_options *options)
{
	_cleanup_(clients_free) struct clients clients = {
		.by = options->by ? options->by : "total",
	};
	struct watch watch = {
		.options = options,
		.command = "top",
		.two = true,
		.context = &clients,
		.fetch = fetch,
		.draw = draw,
		.key = obey,
		.answer = answer,
		.complete = complete,
	};

	return watch_run(&watch);
}
