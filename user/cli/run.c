/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"
#include "user/daemon/daemon.h"

int cli_run(const struct cli_options *options)
{
	struct daemon_options daemon = {
		.config_path = options->config,
		.interfaces = options->interface,
		.interfaces_count = options->interfaces,
		.log_format = options->log_format,
		.log_level = options->log_level,
		.socket = options->socket,
	};

	if (options->config && options->interfaces) {
		fprintf(stderr,
			"weir run: either --config or --interface: a configuration names its "
			"interfaces itself, under `interfaces`\n");
		return CLI_USAGE;
	}
	if (!options->config && !options->interfaces)
		daemon.config_path = CLI_DEFAULT_CONFIG;
	return daemon_run(&daemon);
}
