/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/session.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "user/cli/cli.h"
#include "user/cli/text.h"

int session_failed(const char *command, int result, const struct client_error *error)
{
	fprintf(stderr, "weir %s: ", command);
	text_put(stderr, error->text, 0);
	fputc('\n', stderr);
	/* The daemon says that the words were wrong: a configuration, or a name there is not */
	if (result == -EREMOTEIO && (!strcmp(error->word, "invalid_configuration") ||
				     !strncmp(error->word, "no_such_", strlen("no_such_"))))
		return CLI_USAGE;
	return CLI_FAILED;
}

int session_ask(const struct cli_options *options, const char *command, const char *route,
		const json_t *body, struct client_reply *reply)
{
	_cleanup_client_ struct client *client = NULL;
	struct client_error error;
	int result;

	result = client_open(client_socket_path(options->socket), 0, NULL, &client, &error);
	if (!result)
		result = client_request(client, route, body, reply, &error);
	return result ? session_failed(command, result, &error) : CLI_OK;
}

void session_tell_cluster(const json_t *reply, const struct page *page)
{
	if (json_is_false(json_object_get(reply, "told")))
		page_line(
			page, INK_PLAIN,
			"Redis does not answer: it is done on this node, the others are told when it is "
			"back");
}

void session_print_json(const struct client_reply *reply)
{
	if (isatty(STDOUT_FILENO)) {
		json_dumpf(reply->json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	} else {
		size_t length = reply->length;

		while (length && reply->text[length - 1] == '\n')
			length--;
		fwrite(reply->text, 1, length, stdout);
	}
	fputc('\n', stdout);
}

struct page session_page(void)
{
	struct page page = {.out = stdout, .blocks = !strcmp(nl_langinfo(CODESET), "UTF-8")};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return page;
	page.colour = !(no_color && *no_color) && term && strcmp(term, "dumb");
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size)) {
		page.width = size.ws_col;
		page.height = size.ws_row;
	}
	return page;
}
