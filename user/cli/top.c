/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/top.h"

#include "user/cli/command.h"

int cli_top(const struct cli_options *options)
{
	return top_clients(options);
}
