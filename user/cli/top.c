/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/top.h"

#include <stdio.h>

#include "user/cli/cli.h"
#include "user/cli/command.h"

/* Flows have other orders than clients: what does not go together is said, not passed over. */
static const char *misplaced(const struct cli_options *options)
{
	if (options->flows)
		return options->by ? "--by sorts clients; with --flows: --sort rate or --sort bytes"
				   : NULL;
	if (options->sort)
		return "--sort sorts flows: add --flows, or sort clients with --by";
	return options->upstream ? "--upstream chooses flows: add --flows" : NULL;
}

int cli_top(const struct cli_options *options)
{
	const char *why = misplaced(options);

	if (why) {
		fprintf(stderr, "weir top: %s\n", why);
		return CLI_USAGE;
	}
	return options->flows ? top_flows(options) : top_clients(options);
}
