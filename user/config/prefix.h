/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address prefixes as text: "203.0.113.0/24", "2001:db8::1". See config_parse_prefix() in model.h. */
#pragma once

#include "user/config/model.h"
#include "user/config/problem.h"

/* 0 and *out; or -EINVAL and *problem, *out untouched. */
int prefix_parse(const char *text, struct config_prefix *out, struct problem *problem);

/* An order for sorting: 0 only for equal prefixes. */
int prefix_compare(const struct config_prefix *a, const struct config_prefix *b);
