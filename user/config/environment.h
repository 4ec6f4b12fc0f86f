/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ${NAME} and ${NAME:-default} in a value, $$ for a $. NAME: letters, digits and _, no digit first.
 * As in a shell, the default also stands in for an empty variable; it ends at the first }.
 *
 * Messages quote nothing but the names of variables: a value may be a password, or have one in it.
 */
#pragma once

#include "user/config/problem.h"

/* 0 and *out, for free(); or -EINVAL and *problem, or -ENOMEM. */
int environment_expand(const char *text, char **out, struct problem *problem);
