/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A view that is one question to the daemon and a picture of its answer: once, or with --watch renewed at an interval. */
#pragma once

#include <stdbool.h>

#include "user/cli/options.h"
#include "user/cli/render.h"

struct question {
	const char *command; /* name, for messages */
	const char *route;
	bool telemetry; /* says nothing where no flows are followed: then an error */
	int (*render)(const struct answer_view *view, const struct page *page, char *error,
		      size_t size);
};

/* Returns the exit code; an error is printed. */
int question_run(const struct question *question, const struct cli_options *options);
