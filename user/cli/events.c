/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/render.h"
#include "user/cli/session.h"

struct follower {
	const struct cli_options *options;
	struct page page;
	struct render_events columns;
	uint64_t seen;
	struct client_error error; /* of a line that cannot be read */
	int result;
};

static int show(struct follower *follower, const char *line, size_t length)
{
	_cleanup_json_ json_t *event = json_loadb(line, length, 0, NULL);

	if (!follower->seen)
		render_events_title(&follower->columns, &follower->page);
	return render_event(event, &follower->columns, &follower->page, follower->error.text,
			    sizeof(follower->error.text));
}

/*
 * Asks to stop (by other than 0) at --count, at a line that cannot be read, and when nobody reads
 * us.
 */
static int follow(void *context, const char *line, size_t length)
{
	struct follower *follower = context;

	if (follower->options->json) {
		fwrite(line, 1, length, stdout);
		fputc('\n', stdout);
	} else {
		follower->result = show(follower, line, length);
	}
	if (follower->result || fflush(stdout))
		return 1;
	return ++follower->seen == follower->options->count;
}

int cli_events(const struct cli_options *options)
{
	_cleanup_client_ struct client *client = NULL;
	const char *path = client_socket_path(options->socket);
	struct follower follower = {
		.options = options,
		.page = session_page(),
		.columns = RENDER_EVENTS_START,
	};
	struct client_error error;
	int result;

	result = client_open(path, 0, NULL, &client, &error);
	if (!result)
		result = client_stream(client, "/v1/events", follow, &follower, &error);
	if (follower.result)
		return session_failed("events", follower.result, &follower.error);
	if (result == -ECANCELED)
		return CLI_OK;
	if (result && (result != -EPROTO || !follower.seen))
		return session_failed("events", result, &error);
	fprintf(stderr, "weir events: the weir daemon on %s went away\n", path);
	return CLI_FAILED;
}
