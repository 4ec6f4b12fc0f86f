/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The daemon as the command line starts it: `weir run`. daemon_run() returns when it was told to
 * stop (SIGTERM, SIGINT, or a detach through the admin API) or could not start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct daemon_options {
	const char *config_path;       /* or NULL: config_default() over the interfaces */
	const char *const *interfaces; /* empty when config_path is given, else at least one */
	size_t interfaces_count;
	const char *log_format; /* "text", "json"; NULL: as configured */
	const char *log_level;	/* "error", "warning", "info", "debug"; NULL: as configured */
	const char *socket;	/* of the admin API; NULL: as configured */
	bool no_watch;		/* a changed configuration file is not applied until told to */
};

/*
 * Strings are borrowed until it returns. The exit code: 0, 1 failed, 2 invalid configuration; says
 * why on stderr.
 */
int daemon_run(const struct daemon_options *options);
