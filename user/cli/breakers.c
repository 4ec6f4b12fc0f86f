/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/question.h"
#include "user/cli/reader.h"
#include "user/cli/session.h"
#include "user/cli/text.h"

/* ---------------------------------------------------------------------------------- weir breakers */

int cli_breakers(const struct cli_options *options)
{
	static const struct question question = {
		.command = "breakers",
		.route = "/v1/breakers",
		.telemetry = true,
		.render = render_breakers,
	};

	return question_run(&question, options);
}

/* ----------------------------------------------------------------------------------- weir breaker */

static bool is_action(const char *word)
{
	return !strcmp(word, "open") || !strcmp(word, "close") || !strcmp(word, "auto") ||
	       !strcmp(word, "reset");
}

static int check(const struct cli_options *options)
{
	const char *action = options->operand;

	if (!is_action(action)) {
		fprintf(stderr,
			"weir breaker: '%s' is no action; expected open, close, auto or reset\n",
			action);
		return CLI_USAGE;
	}
	if (options->operand_count < 2) {
		fprintf(stderr,
			"weir breaker: %s what? expected the name of an upstream, or "
			"UPSTREAM/HOST:PORT; `weir breakers` lists them\n",
			action);
		return CLI_USAGE;
	}
	if (options->for_seconds && strcmp(action, "open") && strcmp(action, "close")) {
		fprintf(stderr, "weir breaker: --for is for open and close; %s has no end\n",
			action);
		return CLI_USAGE;
	}
	return CLI_OK;
}

/* What to send; `target` is UPSTREAM or UPSTREAM/ENDPOINT, and no name of an upstream has a slash */
static json_t *make_body(const struct cli_options *options, const char *target)
{
	size_t length = strcspn(target, "/");
	json_t *body =
		json_pack("{s:s, s:s%}", "action", options->operand, "upstream", target, length);

	if (target[length])
		json_object_set_new(body, "endpoint", json_string(target + length + 1));
	if (options->for_seconds)
		json_object_set_new(body, "seconds",
				    json_integer((json_int_t)options->for_seconds));
	if (options->cluster)
		json_object_set_new(body, "cluster", json_true());
	return body;
}

static int show(const struct cli_options *options, const json_t *reply, const char *target)
{
	static const char *const done[] = {"open",  "forced open, all calls are refused",
					   "close", "forced closed, all calls go through",
					   "auto",  "decided by what is measured",
					   "reset", "closed, and all forgotten"};
	struct page page = session_page();
	struct client_error error = {0};
	struct reader reader = {0};
	double seconds = reader_number_or(&reader, reply, "seconds", 0);
	uint64_t endpoints = reader_count(&reader, reply, "endpoints");
	const char *what = "";
	int result = reader_result(&reader, error.text, sizeof(error.text));

	if (result)
		return session_failed("breaker", result, &error);
	for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i += 2)
		if (!strcmp(options->operand, done[i]))
			what = done[i + 1];
	page_line(&page, INK_PLAIN, "%s, %s endpoint%s%s: %s%s%s", target, text_count(endpoints).s,
		  endpoints == 1 ? "" : "s", options->cluster ? ", on all nodes" : "", what,
		  seconds > 0 ? ", for " : "", seconds > 0 ? text_duration(seconds).s : "");
	session_tell_cluster(reply, &page);
	return CLI_OK;
}

int cli_breaker(const struct cli_options *options)
{
	int result = check(options);

	for (size_t i = 1; !result && i < options->operand_count; i++) {
		_cleanup_json_ json_t *body = make_body(options, options->operands[i]);
		_cleanup_reply_ struct client_reply reply = {0};

		result = session_ask(options, "breaker", "/v1/breaker", body, &reply);
		if (!result && options->json)
			session_print_json(&reply);
		else if (!result)
			result = show(options, reply.json, options->operands[i]);
	}
	return result;
}
