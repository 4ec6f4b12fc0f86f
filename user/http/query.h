/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parameters of a request, checked against what the snapshot has. False: *answer holds the error, which says what
 * there is to choose from.
 */
#pragma once

#include <stdbool.h>

#include "user/http/route.h"
#include "user/http/view.h"

struct query_top {
	size_t limit;
	int service; /* number, or -1 */
	enum view_order order;
};
bool query_top(const struct http_request *request, const struct snapshot *snapshot,
	       struct query_top *out, struct http_answer *answer);

bool query_flows(const struct http_request *request, const struct snapshot *snapshot,
		 struct view_flow_filter *out, struct http_answer *answer);

/* names: borrowed from the request */
bool query_latency(const struct http_request *request, const struct snapshot *snapshot,
		   const char *names[HTTP_PARAMETERS], size_t *count, struct http_answer *answer);
