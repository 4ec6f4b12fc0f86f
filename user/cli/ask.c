/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Commands that are one question and one answer: status, bans, ban, unban, reload. */
#include <errno.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/reader.h"
#include "user/cli/render.h"
#include "user/cli/session.h"
#include "user/cli/text.h"
#include "user/config/model.h"

typedef int render_reply(const json_t *reply, const struct page *page, char *error, size_t size);

static int ask(const struct cli_options *options, const char *command, const char *route,
	       const json_t *body, render_reply *render)
{
	_cleanup_reply_ struct client_reply reply = {0};
	struct client_error error = {0};
	struct page page = session_page();
	int result;

	result = session_ask(options, command, route, body, &reply);
	if (result)
		return result;
	if (options->json) {
		session_print_json(&reply);
		return CLI_OK;
	}
	page.height = 0; /* what is longer than the terminal scrolls */
	result = render(reply.json, &page, error.text, sizeof(error.text));
	return result ? session_failed(command, result, &error) : CLI_OK;
}

int cli_status(const struct cli_options *options)
{
	return ask(options, "status", "/v1/status", NULL, render_status);
}

int cli_bans(const struct cli_options *options)
{
	return ask(options, "bans", "/v1/bans", NULL, render_bans);
}

/* What is no prefix is said here and now, also without a daemon. */
static int check_prefix(const char *command, const char *text)
{
	struct config_prefix prefix;

	if (!config_parse_prefix(text, &prefix))
		return CLI_OK;
	fprintf(stderr,
		"weir %s: '%s' is no address or prefix; expected one such as 203.0.113.7, 203.0.113.0/24 or "
		"2001:db8::/32, without bits beyond its length\n",
		command, text);
	return CLI_USAGE;
}

static int render_ban(const json_t *reply, const struct page *page, char *error, size_t size)
{
	struct reader reader = {0};
	const char *prefix = reader_string(&reader, reply, "prefix");
	double seconds = reader_number_or(&reader, reply, "seconds", 0);
	bool replaced = reader_bool(&reader, reply, "replaced");
	bool cluster = json_is_true(json_object_get(reply, "cluster"));
	bool widened = json_is_true(json_object_get(reply, "widened"));
	int result = reader_result(&reader, error, size);

	if (result)
		return result;
	page_line(page, INK_PLAIN, "banned %s%s%s %s%s%s", prefix,
		  widened ? ", the whole client," : "", cluster ? " on all nodes" : "",
		  seconds > 0 ? "for " : "until it is unbanned",
		  seconds > 0 ? text_duration(seconds).s : "",
		  replaced ? "; this replaces the ban that was there" : "");
	session_tell_cluster(reply, page);
	return 0;
}

int cli_ban(const struct cli_options *options)
{
	_cleanup_json_ json_t *body = NULL;
	int result;

	result = check_prefix("ban", options->operand);
	if (result)
		return result;
	body = json_pack("{s:s}", "prefix", options->operand);
	if (options->for_seconds)
		json_object_set_new(body, "seconds",
				    json_integer((json_int_t)options->for_seconds));
	if (options->cluster)
		json_object_set_new(body, "cluster", json_true());
	return ask(options, "ban", "/v1/ban", body, render_ban);
}

static int render_unban(const json_t *reply, const struct page *page, char *error, size_t size)
{
	struct reader reader = {0};
	const char *prefix = reader_string(&reader, reply, "prefix");
	bool cluster = json_is_true(json_object_get(reply, "cluster"));
	bool elsewhere = json_is_false(json_object_get(reply, "lifted"));
	int result = reader_result(&reader, error, size);

	if (result)
		return result;
	page_line(page, INK_PLAIN, "unbanned %s%s%s", prefix, cluster ? " on all nodes" : "",
		  elsewhere ? "; on this one it was not banned" : "");
	session_tell_cluster(reply, page);
	return 0;
}

int cli_unban(const struct cli_options *options)
{
	_cleanup_json_ json_t *body = NULL;
	int result;

	result = check_prefix("unban", options->operand);
	if (result)
		return result;
	body = json_pack("{s:s}", "prefix", options->operand);
	if (options->cluster)
		json_object_set_new(body, "cluster", json_true());
	return ask(options, "unban", "/v1/unban", body, render_unban);
}

static int render_reload(const json_t *reply, const struct page *page, char *error, size_t size)
{
	struct reader reader = {0};
	uint64_t generation = reader_count(&reader, reply, "generation");
	int result = reader_result(&reader, error, size);

	if (!result)
		page_line(page, INK_PLAIN, "configuration applied, generation %s",
			  text_count(generation).s);
	return result;
}

int cli_reload(const struct cli_options *options)
{
	_cleanup_json_ json_t *body = json_object();

	return ask(options, "reload", "/v1/reload", body, render_reload);
}
