/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <unistd.h>

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
		.no_watch = options->no_watch,
	};
	int result;

	if (options->config && options->interfaces) {
		fprintf(stderr,
			"weir run: either --config or --interface: a configuration names its "
			"interfaces itself, under `interfaces`\n");
		return CLI_USAGE;
	}
	if (options->config || options->interfaces)
		return daemon_run(&daemon);
	daemon.config_path = CLI_DEFAULT_CONFIG;
	result = daemon_run(&daemon);
	if (result == CLI_USAGE && access(CLI_DEFAULT_CONFIG, F_OK))
		fprintf(stderr, "weir run: name a configuration with -c FILE, or look around "
				"without one with -i IFACE\n");
	return result;
}
