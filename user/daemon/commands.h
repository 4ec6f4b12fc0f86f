/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the admin API's commands share. All return the HTTP status, and *reply. */
#pragma once

#include "user/daemon/control.h"

/* The longest that anything can be asked for: ten years, far from the end of 64 bits of ns */
#define COMMAND_SECONDS_MAX (10 * 365 * 86400LL)

int command_refuse(int status, const char *word, const char *message, json_t **reply);

/* command_breaker.c */
int command_breaker(struct control *control, const json_t *arguments, const char *request_id,
		    json_t **reply);
