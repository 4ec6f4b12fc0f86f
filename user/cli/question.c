/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/question.h"

#include "user/cli/watch.h"

struct asked {
	const struct question *question;
	struct client_reply reply;
};

static int fetch(struct watch *watch, const struct page *page)
{
	_cleanup_reply_ struct client_reply reply = {0};
	struct asked *asked = watch->context;
	int result =
		client_request(watch->client, asked->question->route, NULL, &reply, &watch->error);

	if (!result && asked->question->telemetry && !watch->options->json)
		result = watch_telemetry(watch, reply.json);
	if (result)
		return result;
	client_reply_free(&asked->reply);
	asked->reply = reply;
	reply = (struct client_reply){0};
	return 0;
}

static int draw(struct watch *watch, const struct page *page, const char *notice)
{
	const struct asked *asked = watch->context;
	struct answer_view view = {.answer = asked->reply.json, .notice = notice};

	return asked->question->render(&view, page, watch->error.text, sizeof(watch->error.text));
}

static const struct client_reply *answer(const struct watch *watch)
{
	return &((const struct asked *)watch->context)->reply;
}

int question_run(const struct question *question, const struct cli_options *options)
{
	struct cli_options once = *options;
	struct asked asked = {.question = question};
	struct watch watch = {
		.options = &once,
		.command = question->command,
		.context = &asked,
		.fetch = fetch,
		.draw = draw,
		.answer = answer,
	};
	int code;

	once.once = options->once || !options->watch;
	code = watch_run(&watch);
	client_reply_free(&asked.reply);
	return code;
}
