/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/cli/completion.h"

/* `weir --help` is `weir help`, and so on: what people try first works. */
static const char *command_name(const char *word)
{
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "-?"))
		return "help";
	if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		return "version";
	return word;
}

static int unknown(const char *word)
{
	if (*word == '-')
		fprintf(stderr, "weir: options come after the command, as in: weir status %s\n",
			word);
	else
		fprintf(stderr, "weir: there is no command '%s'; `weir help` lists them\n", word);
	return CLI_USAGE;
}

/* What was printed must have arrived: `weir check --print > /dev/full` fails. */
static int flushed(int code)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "weir: cannot write the output: %m\n");
		return code ? code : CLI_FAILED;
	}
	return code;
}

int cli_main(int argc, char **argv)
{
	const struct cli_command *command;
	struct cli_options options;

	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		fprintf(stderr, "weir: a command is missing; `weir help` lists them\n");
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "__complete"))
		return flushed(completion_words(argc - 2, argv + 2));
	command = cli_find_command(command_name(argv[1]));
	if (!command)
		return unknown(argv[1]);
	cli_parse(command, argc - 1, argv + 1, &options);
	return flushed(command->run(&options));
}
