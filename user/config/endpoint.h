/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Endpoints of upstreams and of Redis as text: 10.1.2.3:8443, [2001:db8::1]:53, api.example.org:443. Nothing is resolved
 * here: a host is an address, or a name that a resolver would not take for one.
 */
#pragma once

#include "user/config/model.h"
#include "user/config/problem.h"

/* HOST:PORT: 0 and *out; or -EINVAL and *problem, *out untouched. */
int endpoint_parse(const char *text, struct config_endpoint *out, struct problem *problem);
/* The same; `name` is what *problem calls it, in place of a quotation. */
int endpoint_parse_as(const char *name, const char *text, struct config_endpoint *out,
		      struct problem *problem);

/* One host and port? Addresses by value, names in upper or lower case */
bool endpoint_same(const struct config_endpoint *a, const struct config_endpoint *b);
