/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables of the endpoints of upstreams, which `weir status`, `weir breakers` and `weir latency` print. 0 or -ENOMEM. */
#pragma once

#include <jansson.h>

#include "user/cli/page.h"
#include "user/cli/reader.h"
#include "user/cli/table.h"

/* A line of a table for an endpoint */
typedef void endpoint_row(struct table *table, const char *upstream, const json_t *endpoint,
			  struct reader *reader);

/* A line for each endpoint of all upstreams */
void endpoints_add(struct table *table, const json_t *upstreams, endpoint_row *row,
		   struct reader *reader);

/* Of all upstreams, a line each; a blank line before. Nothing where there are none. */
int endpoints_print(const json_t *upstreams, const struct page *page, struct reader *reader);

/*
 * Of one upstream, with what became of its calls: since `before`, the same upstream earlier, or since the
 * start where that is NULL. A blank line before.
 */
int endpoints_print_results(const json_t *upstream, const json_t *before, const struct page *page,
			    struct reader *reader);
