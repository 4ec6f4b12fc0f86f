/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Checks that look across a configuration whose parts are each right: what contradicts itself, would
 * never apply, or does not fit the kernel's tables. Everything sorts; nothing is quadratic in prefixes.
 */
#pragma once

#include "user/config/schema.h"

/* 0, or -EINVAL and reader->error, or -ENOMEM. */
int check_config(struct reader *reader);
