/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the admin API's commands share. All return the HTTP status, and *reply. */
#pragma once

#include "user/daemon/control.h"

/* The longest that anything can be asked for: ten years, far from the end of 64 bits of ns */
#define COMMAND_SECONDS_MAX (10 * 365 * 86400LL)

int command_refuse(int status, const char *word, const char *message, json_t **reply);

/* command_cluster.c: "cluster": true in the arguments. 0 and *out; or the status and *reply */
int command_for_cluster(struct control *control, const json_t *arguments, bool *out,
			json_t **reply);
/* What was done here is ordered for all nodes; the reply says so, and whether they are told at once. */
int command_order(struct control *control, const struct order *order, json_t **reply);

/* command_breaker.c */
int command_breaker(struct control *control, const json_t *arguments, json_t **reply);
