/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `weir top` can show. Each runs until told to stop and returns the exit code. */
#pragma once

#include "user/cli/options.h"

int top_flows(const struct cli_options *options);
int top_clients(const struct cli_options *options);
