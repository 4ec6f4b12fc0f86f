/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The whole command line: all that main() does. Returns the exit code. */
#pragma once

/* Of the process; documented in weir(8). */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* no daemon answers, or it refused */
	CLI_USAGE = 2,	/* wrong arguments, or a configuration that is not valid */
};

int cli_main(int argc, char **argv);
