/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of services, which `weir status` and `weir top` share: totals, or what an interval brought. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "user/cli/page.h"
#include "user/cli/reader.h"

struct services_view {
	const json_t *status;
	bool rates;	      /* packets a second since `before`, not totals */
	const json_t *before; /* an earlier status; NULL: the rates are not known */
	const char *only;     /* name of the only service to show, or NULL */
};

/*
 * At most `rows` services (0: all), in the order of the configuration, and a line that says how many more
 * there are. *lines: how many lines that took. 0 or -ENOMEM.
 */
int services_print(const struct services_view *view, const struct page *page, size_t rows,
		   size_t *lines, struct reader *reader);
