/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A node's book of the orders of the cluster. Pure: no clock, no thread, no Redis; it makes commands (orders.lua) and takes their
 * answers. The cluster thread has it.
 *
 *   an operator orders something   orders_add(); the caller has done it here already
 *   each ORDERS_INTERVAL_NS        orders_command(): asks what is new, and tells what others do not know yet
 *   the command is back            orders_answer(): calls for each order that is new here
 *   a configuration is applied     orders_repeat(): names may mean something now
 *
 * Of the orders about a subject the latest holds, by Redis' clock: an order that was given while Redis was away counts from when it was given,
 * as far before the answer as this node's clock says. Nodes' clocks are never compared.
 *
 * Lifting is an order too, and stays in Redis for ORDERS_LIFTED_MS. So what is missing there, and was not lifted, has been
 * lost (a restart, a failover to a replica that was behind), and every node that knows it puts it back, word for word. A node that was
 * away for longer believes what it finds, unless Redis' memory is another. An order without end
 * has one in Redis, ORDERS_ENDLESS_MS, and is renewed there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/cluster/order.h"
#include "user/cluster/redis_worker.h"
#include "user/cluster/seal.h"

#define ORDERS_INTERVAL_NS 200000000ULL /* told to the others within a second */
#define ORDERS_MOST 10000	   /* at once, with what was lifted lately; also in orders.lua */
#define ORDERS_BATCH 100	   /* told with one command */
#define ORDERS_LIFTED_MS 3600000LL /* an hour */
#define ORDERS_ENDLESS_MS 2592000000LL /* thirty days */

struct orders;

/*
 * prefix: of all keys in Redis. seal: by reference, for as long as the book; where nodes share a secret, an answer may give it other
 * keys (seal_epoch()). NULL without memory.
 */
struct orders *orders_new(const char *prefix, const char *node, struct seal *seal);
void orders_free(struct orders *orders); /* NULL is allowed */

/*
 * Given here. order->node is filled in; of given_ns and until_ns both are this node's CLOCK_MONOTONIC. An order for all of an upstream goes
 * for those endpoints too about which there is an order. -ENOSPC: there are ORDERS_MOST; -ENOMEM, -EIO: nothing has changed.
 */
int orders_add(struct orders *orders, const struct order *order);
/*
 * A ban of the cluster that an earlier daemon left in the kernel: the first answer says whether it still holds. -EALREADY: there has been
 * an answer, or an order about it.
 */
int orders_recall(struct orders *orders, const struct order *order);

/*
 * Another secret is configured: all is told again by it. By reference, as in orders_new(). No command is under way, or its answer would be of
 * other names.
 */
int orders_use(struct orders *orders, struct seal *seal);

/* What to send now; NULL: nothing is due, one is under way, or there is no memory. The book's, until its answer. */
struct redis_command *orders_command(struct orders *orders, uint64_t now_ns);
/* When that will be something, if nothing is added */
uint64_t orders_next_ns(const struct orders *orders);

/* In the order in which they were given. To do something twice must do no harm. */
typedef void orders_apply(void *context, const struct order *order);

/*
 * The command is back, answered or not. 0; or the answer was none (-EPROTO), the secret was none (-EINVAL), there was no memory (-ENOMEM), the secret
 * is another now (-EAGAIN): what could be understood has been, and all is asked for again with the next command. -ENOTCONN: not answered.
 */
int orders_answer(struct orders *orders, const struct redis_command *command, uint64_t now_ns,
		  orders_apply *apply, void *context);
/* All bans and overrides in force */
void orders_repeat(const struct orders *orders, orders_apply *apply, void *context);

/* ------------------------------------------------------------------------------------------ figures */

/* The number i of them, in no order of meaning; NULL: there are not as many. *told: Redis has it. Good until the next call. */
const struct order *orders_at(const struct orders *orders, size_t i, bool *told);

size_t orders_count(const struct orders *orders);

struct orders_figures {
	size_t orders, untold;
	size_t unreadable; /* in Redis, up to 1000: of nodes with another secret, or of a later version */
	bool full;	   /* Redis has no room for what is to be told */
};
struct orders_figures orders_figures(const struct orders *orders);

/* A line for the log when something has begun to be wrong, once; else NULL */
const char *orders_complaint(struct orders *orders);
