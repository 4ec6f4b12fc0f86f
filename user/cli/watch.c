/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/number.h"
#include "user/cli/cli.h"
#include "user/cli/render.h"
#include "user/cli/session.h"
#include "user/cli/terminal.h"

#define INTERVAL_NS NS_PER_SEC
#define TIMEOUT_MS 3000L /* shorter than for a command: somebody watches */
#define PLAIN_LIMIT 20	 /* lines, where no height of a terminal says how many fit */
#define MAX_LIMIT 256	 /* what the daemon keeps */
#define SAME_SECONDS \
	0.2 /* figures closer together than this are the same: a new set is due each second */

void watch_keep(struct watch_pair *pair, struct client_reply *latest)
{
	if (pair->now.json &&
	    render_taken(latest->json) - render_taken(pair->now.json) > SAME_SECONDS) {
		client_reply_free(&pair->before);
		pair->before = pair->now;
	} else {
		client_reply_free(&pair->now);
	}
	pair->now = *latest;
	*latest = (struct client_reply){0};
}

void watch_pair_free(struct watch_pair *pair)
{
	client_reply_free(&pair->before);
	client_reply_free(&pair->now);
}

size_t watch_limit(const struct watch *watch, const struct page *page)
{
	size_t fits = page->height ? page->height : PLAIN_LIMIT;

	if (watch->options->limit)
		return watch->options->limit;
	return fits < MAX_LIMIT ? fits : MAX_LIMIT;
}

int watch_query(struct watch *watch, char *route, size_t size, const char *name, const char *value)
{
	int result = value ? client_add_query(route, size, name, value) : 0;

	if (result)
		snprintf(watch->error.text, sizeof(watch->error.text), "%s: too long", name);
	return result;
}

int watch_telemetry(struct watch *watch, const json_t *answer)
{
	if (!json_is_false(json_object_get(answer, "enabled")))
		return 0;
	snprintf(watch->error.text, sizeof(watch->error.text),
		 "no flows are followed: the configuration says latency: {enabled: false}; "
		 "set it to true, then `weir reload`");
	return -ENODATA;
}

/* Plain output, a table at each interval: what a file or a pipe gets. */
static int watch_plainly(struct watch *watch, uint64_t interval_ns)
{
	struct page page = session_page();
	uint64_t next = clock_monotonic_ns();
	int result;

	page.height = 0;
	do {
		result = watch->fetch(watch, &page);
		if (!result && watch->options->json)
			session_print_json(watch->answer(watch));
		else if (!result)
			result = watch->draw(watch, &page, NULL);
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

/* Rates need two sets of figures: --once waits for the second, but not for ever. */
static int print_once(struct watch *watch, uint64_t interval_ns)
{
	struct page page = session_page();
	int result;

	page.height = 0;
	result = watch->fetch(watch, &page);
	for (int i = 0; i < 3 && !result && !watch->complete(watch); i++) {
		if (terminal_wait(clock_monotonic_ns() + interval_ns) == -EINTR)
			return 0;
		result = watch->fetch(watch, &page);
	}
	return result ? result : watch->draw(watch, &page, NULL);
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
	result = watch->draw(watch, &page, fetched ? notice : NULL);
	fclose(page.out);
	if (!result)
		terminal_show(text, length);
	return result;
}

static int watch_live(struct watch *watch, uint64_t interval_ns)
{
	struct page page = session_page();
	int result, fetched, key;

	fetched = watch->fetch(watch, &page); /* when even this fails there is nothing to watch */
	result = fetched ? fetched : terminal_enter();
	while (!result && !terminal_stopped) {
		result = show_frame(watch, fetched);
		if (result)
			break;
		key = terminal_wait(clock_monotonic_ns() + interval_ns);
		if (key == 'q' || terminal_stopped)
			break;
		if (key > 0 && watch->key)
			watch->key(watch, key);
		page = session_page();
		fetched = watch->fetch(watch, &page);
	}
	terminal_leave();
	return result;
}

int watch_run(struct watch *watch)
{
	const struct cli_options *options = watch->options;
	uint64_t interval_ns = options->interval_ns ? options->interval_ns : INTERVAL_NS;
	bool live = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !options->json &&
		    !options->once;
	int result;

	result = client_open(client_socket_path(options->socket), TIMEOUT_MS, &terminal_stopped,
			     &watch->client, &watch->error);
	if (!result)
		result = terminal_catch_signals();
	if (!result && live)
		result = watch_live(watch, interval_ns);
	else if (!result && options->once && !options->json && watch->two)
		result = print_once(watch, interval_ns);
	else if (!result)
		result = watch_plainly(watch, interval_ns);
	client_close(watch->client);
	watch->client = NULL;
	if (!result || terminal_stopped)
		return CLI_OK;
	return session_failed(watch->command, result, &watch->error);
}
