/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/cli/completion.h"

static void overview(void)
{
	printf("Usage: weir COMMAND [OPTION...]\n"
	       "Limits what each client may send to this host, in the kernel, and measures it.\n\n");
	for (size_t i = 0; i < cli_commands; i++) {
		const struct cli_command *command = &cli_command[i];
		int used =
			printf("  %s %s", command->name, command->operand ? command->operand : "");

		printf("%*s%s\n", used < 20 ? 20 - used : 1, "", command->summary);
	}
	printf("\n`weir COMMAND --help` tells its options, weir(8) the rest.\n");
}

/*
 * Each command, then each of its options behind it: what the tests hold man page and completion
 * against.
 */
static void list(void)
{
	for (size_t i = 0; i < cli_commands; i++) {
		puts(cli_command[i].name);
		for (size_t number = 0; number < CLI_OPTION_COUNT; number++)
			if (cli_command[i].options & 1u << number)
				printf("%s --%s\n", cli_command[i].name, cli_option[number].name);
	}
}

int cli_help(const struct cli_options *options)
{
	const struct cli_command *command;
	struct cli_options unused;

	if (options->list) {
		list();
		return CLI_OK;
	}
	if (options->completion) {
		completion_bash(stdout);
		return CLI_OK;
	}
	if (!options->operand) {
		overview();
		return CLI_OK;
	}
	command = cli_find_command(options->operand);
	if (!command) {
		fprintf(stderr, "weir help: there is no command '%s'; `weir help` lists them\n",
			options->operand);
		return CLI_USAGE;
	}
	cli_parse(command, 2, (char *[]){"", "--help", NULL}, &unused); /* does not return */
	return CLI_OK;
}
