/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every command that talks to the daemon has in common. Errors are printed, exit codes
 * returned.
 */
#pragma once

#include "user/cli/client.h"
#include "user/cli/options.h"
#include "user/cli/page.h"

/*
 * One request and its answer. CLI_OK and *reply, or the exit code after "weir COMMAND: why" on
 * standard error.
 */
int session_ask(const struct cli_options *options, const char *command, const char *route,
		const json_t *body, struct client_reply *reply);

/* The exit code for -errno of a client function, after printing error: CLI_USAGE where the daemon does not know a name. */
int session_failed(const char *command, int result, const struct client_error *error);

/* For --json: as it came where a program reads it, indented on a terminal. */
void session_print_json(const struct client_reply *reply);

/* A line about a reply to what was meant for all nodes, where they cannot be told yet. */
void session_tell_cluster(const json_t *reply, const struct page *page);

/*
 * Standard output as it is now: size of the terminal, colours unless NO_COLOR is set; or none of
 * it.
 */
struct page session_page(void);
