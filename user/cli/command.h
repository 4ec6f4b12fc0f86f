/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The subcommands, in one table: parsing, help and completion are made from it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/cli/options.h"

struct cli_command {
	const char *name;
	/* "PREFIX", "[COMMAND]" when it may be left out, "[NAME...]" when there may be several, NULL: none */
	const char *operand;
	/* Of the operand, for the completion, as in options.h; <command>, <ban>, <name> (service or upstream) */
	const char *values;
	const char *summary;			       /* one line */
	const char *details;			       /* for its --help, or NULL */
	unsigned int options;			       /* CLI_* bits */
	int (*run)(const struct cli_options *options); /* returns the exit code */
};

extern const struct cli_command cli_command[];
extern const size_t cli_commands;

/* NULL: no such command. */
const struct cli_command *cli_find_command(const char *name);

/* Each in a file of its name, but for the short ones in daemon_commands.c. */
int cli_run(const struct cli_options *options);
int cli_check(const struct cli_options *options);
int cli_doctor(const struct cli_options *options);
int cli_status(const struct cli_options *options);
int cli_top(const struct cli_options *options);
int cli_latency(const struct cli_options *options);
int cli_events(const struct cli_options *options);
int cli_ban(const struct cli_options *options);
int cli_unban(const struct cli_options *options);
int cli_bans(const struct cli_options *options);
int cli_breakers(const struct cli_options *options);
int cli_breaker(const struct cli_options *options);
int cli_cluster(const struct cli_options *options);
int cli_reload(const struct cli_options *options);
int cli_detach(const struct cli_options *options);
int cli_version(const struct cli_options *options);
int cli_help(const struct cli_options *options);
