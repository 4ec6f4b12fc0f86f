/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/reader.h"
#include "user/cli/session.h"
#include "user/cli/text.h"
#include "user/datapath/datapath.h"

/* Without a daemon: what one has left in the kernel. */
static int detach_pins(const struct cli_options *options, const char *why)
{
	const char *pins = options->pins ? options->pins : CLI_DEFAULT_PINS;
	char error[512] = "";
	int removed = datapath_detach_pins(pins, error, sizeof(error));

	if (removed < 0) {
		fprintf(stderr, "weir detach: %s\n", error);
		return CLI_FAILED;
	}
	if (options->json)
		printf("{\"pins_removed\":%d}\n", removed);
	else if (removed)
		printf("no daemon %s; removed %d objects from %s\n", why, removed, pins);
	else
		printf("no daemon %s; nothing is pinned under %s\n", why, pins);
	return CLI_OK;
}

static int say_detached(const struct client_reply *reply)
{
	struct reader reader = {0};
	struct client_error error = {0};
	const json_t *list = reader_array(&reader, reply->json, "detached");
	int result = reader_result(&reader, error.text, sizeof(error.text));

	if (result)
		return session_failed("detach", result, &error);
	if (!json_array_size(list))
		printf("nothing was attached");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		printf(i ? ", " : "detached from ");
		text_put(stdout, name ? name : "?", 0);
	}
	putchar('\n');
	return CLI_OK;
}

/*
 * Pins are removed without asking when their daemon cannot be meant: another one may be running. So
 * a daemon is asked unless only --pins was given, and its absence is enough only where both are the
 * defaults or both were named.
 */
int cli_detach(const struct cli_options *options)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_reply_ struct client_reply reply = {0};
	_cleanup_json_ json_t *body = json_object();
	const char *path = client_socket_path(options->socket);
	bool socket_named = strcmp(path, CLI_DEFAULT_SOCKET);
	struct client_error error;
	int result;

	if (options->pins && !socket_named)
		return detach_pins(options, "was asked");
	result = client_open(path, 0, NULL, &client, &error);
	if (!result)
		result = client_request(client, "/v1/detach", body, &reply, &error);
	if (result == -ENOENT && socket_named == (options->pins != NULL))
		return detach_pins(options, "answers");
	if (result == -ENOENT)
		fprintf(stderr,
			"weir detach: to remove what it has left pinned, add --pins PATH\n");
	if (result)
		return session_failed("detach", result, &error);
	if (!options->json)
		return say_detached(&reply);
	session_print_json(&reply);
	return CLI_OK;
}
