/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/command.h"
#include "user/cli/question.h"

int cli_cluster(const struct cli_options *options)
{
	static const struct question question = {
		.command = "cluster",
		.route = "/v1/cluster",
		.render = render_cluster,
	};

	return question_run(&question, options);
}
