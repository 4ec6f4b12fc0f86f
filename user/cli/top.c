/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/number.h"
#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/render.h"
#include "user/cli/session.h"
#include "user/cli/terminal.h"

#define INTERVAL_NS NS_PER_SEC
#define TIMEOUT_MS 3000L /* shorter than for a command: somebody watches */
#define PLAIN_LIMIT 20	 /* clients, where no height of a terminal says how many fit */
#define SAME_SECONDS \
	0.2 /* figures closer together than this are the same: a new set is due each second */

struct watch {
	const struct cli_options *options;
	struct client *client;
	const char *by;
	struct client_reply before, status, top;
	struct client_error error;
};

static void watch_free(struct watch *watch)
{
	client_close(watch->client);
	client_reply_free(&watch->before);
	client_reply_free(&watch->status);
	client_reply_free(&watch->top);
}

/* What was the latest becomes the earlier one, if it is really an earlier one. */
static void keep_status(struct watch *watch, struct client_reply *latest)
{
	if (watch->status.json &&
	    render_taken(latest->json) - render_taken(watch->status.json) > SAME_SECONDS) {
		client_reply_free(&watch->before);
		watch->before = watch->status;
	} else {
		client_reply_free(&watch->status);
	}
	watch->status = *latest;
	*latest = (struct client_reply){0};
}

static size_t client_limit(const struct watch *watch, const struct page *page)
{
	size_t fits = page->height ? page->height : PLAIN_LIMIT;

	if (watch->options->limit)
		return watch->options->limit;
	return fits < 256 ? fits : 256; /* what the daemon keeps */
}

static int fetch_top(struct watch *watch, const struct page *page, struct client_reply *out)
{
	char route[512];
	int result;

	snprintf(route, sizeof(route), "/v1/top?limit=%zu&by=%s", client_limit(watch, page),
		 watch->by);
	if (watch->options->service) {
		result = client_add_query(route, sizeof(route), "service", watch->options->service);
		if (result) {
			snprintf(watch->error.text, sizeof(watch->error.text),
				 "--service: too long");
			return result;
		}
	}
	return client_request(watch->client, route, NULL, out, &watch->error);
}

/* New figures, or -errno and why in watch->error; then the old ones stay. */
static int fetch(struct watch *watch, const struct page *page)
{
	_cleanup_reply_ struct client_reply status = {0}, top = {0};
	int result;

	result = fetch_top(watch, page, &top);
	if (!result && !watch->options->json)
		result = client_request(watch->client, "/v1/status", NULL, &status, &watch->error);
	if (result)
		return result;
	if (status.json)
		keep_status(watch, &status);
	client_reply_free(&watch->top);
	watch->top = top;
	top = (struct client_reply){0};
	return 0;
}

static int draw(struct watch *watch, const struct page *page, const char *notice)
{
	struct top_view view = {
		.before = watch->before.json,
		.status = watch->status.json,
		.top = watch->top.json,
		.service = watch->options->service,
		.notice = notice,
	};

	return render_top(&view, page, watch->error.text, sizeof(watch->error.text));
}

/* Plain output, a table at each interval: what a file or a pipe gets. */
static int watch_plainly(struct watch *watch, uint64_t interval_ns)
{
	struct page page = session_page();
	uint64_t next = clock_monotonic_ns();
	int result;

	page.height = 0;
	do {
		result = fetch(watch, &page);
		if (!result && watch->options->json)
			session_print_json(&watch->top);
		else if (!result)
			result = draw(watch, &page, NULL);
		if (result)
			return result;
		if (watch->options->once)
			return 0;
		if (!watch->options->json)
			putchar('\n');
		if (fflush(stdout))
			return 0; /* cli_main() sees it and says so */
		next += interval_ns;
	} while (terminal_wait(next) != -EINTR);
	return 0;
}

/*
 * Packets a second of services need two sets of figures: --once waits for the second, but not for
 * ever.
 */
static int print_once(struct watch *watch, uint64_t interval_ns)
{
	struct page page = session_page();
	int result;

	page.height = 0;
	result = fetch(watch, &page);
	for (int i = 0; i < 3 && !result && !watch->before.json; i++) {
		if (terminal_wait(clock_monotonic_ns() + interval_ns) == -EINTR)
			return 0;
		result = fetch(watch, &page);
	}
	return result ? result : draw(watch, &page, NULL);
}

/* One frame. An answer that fails is shown in it: the daemon may be back at the next. */
static int show_frame(struct watch *watch, int fetched)
{
	_cleanup_free_ char *text = NULL;
	struct page page = session_page();
	char notice[CLIENT_ERROR];
	size_t length;
	int result;

	snprintf(notice, sizeof(notice), "%s", fetched ? watch->error.text : "");
	page.out = open_memstream(&text, &length);
	if (!page.out)
		return -ENOMEM;
	result = draw(watch, &page, fetched ? notice : NULL);
	fclose(page.out);
	if (!result)
		terminal_show(text, length);
	return result;
}

static void obey(struct watch *watch, int key)
{
	switch (key) {
	case 'q':
		terminal_stopped = 1;
		break;
	case 'r':
		watch->by = "refused";
		break;
	case 'p':
		watch->by = "passed";
		break;
	case 't':
		watch->by = "total";
		break;
	}
}

static int watch_live(struct watch *watch, uint64_t interval_ns)
{
	struct page page = session_page();
	int result, fetched;

	fetched = fetch(watch, &page); /* when even this fails there is nothing to watch */
	result = fetched ? fetched : terminal_enter();
	while (!result && !terminal_stopped) {
		result = show_frame(watch, fetched);
		if (result)
			break;
		obey(watch, terminal_wait(clock_monotonic_ns() + interval_ns));
		if (terminal_stopped)
			break;
		page = session_page();
		fetched = fetch(watch, &page);
	}
	terminal_leave();
	return result;
}

int cli_top(const struct cli_options *options)
{
	_cleanup_(watch_free) struct watch watch = {
		.options = options,
		.by = options->by ? options->by : "total",
	};
	uint64_t interval_ns = options->interval_ns ? options->interval_ns : INTERVAL_NS;
	bool live = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !options->json &&
		    !options->once;
	int result;

	result = client_open(client_socket_path(options->socket), TIMEOUT_MS, &terminal_stopped,
			     &watch.client, &watch.error);
	if (!result)
		result = terminal_catch_signals();
	if (!result && live)
		result = watch_live(&watch, interval_ns);
	else if (!result && options->once && !options->json)
		result = print_once(&watch, interval_ns);
	else if (!result)
		result = watch_plainly(&watch, interval_ns);
	if (!result || terminal_stopped)
		return CLI_OK;
	return session_failed("top", result, &watch.error);
}
