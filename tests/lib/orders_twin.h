/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/cluster/orders.lua once more, in C, for tests, with a clock that is passed in. tests/e2e/cluster_orders.bats holds the two to
 * the same answers on a real Redis.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/cluster/redis_worker.h"

enum {
	ORDERS_TWIN_HEAD = 7,  /* values before the results */
	ORDERS_TWIN_FIXED = 4, /* arguments before the orders */
	ORDERS_TWIN_PAGE = 250,
	ORDERS_TWIN_HISTORY = 256,
};

struct orders_twin_order {
	char *name, *given, *expiry, *text;
	int64_t given_ms, expiry_ms;
	uint64_t version;
};

struct orders_twin {
	uint64_t generation, version; /* 0: empty memory */
	uint64_t history[ORDERS_TWIN_HISTORY];
	size_t histories;
	char *secret;
	size_t most; /* orders; 0: as the script */
	struct orders_twin_order *order;
	size_t orders;
};

/* EVALSHA at now_us: fills the command's answer. */
void orders_twin_run(struct orders_twin *twin, struct redis_command *command, uint64_t now_us);
/* As redis_work_clear() does */
void orders_twin_clear(struct redis_command *command);

/* FLUSHALL; the secret goes too */
void orders_twin_flush(struct orders_twin *twin);
/* Another one of the same memory: a replica, as it is now */
struct orders_twin orders_twin_copy(const struct orders_twin *twin);
