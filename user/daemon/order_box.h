/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Orders on their way between the control thread, which does them, and the cluster thread, which has the book of them (user/cluster/orders.h).
 * Neither waits for the other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/cluster/orders.h"

struct order_box;

/* NULL without memory or descriptors */
struct order_box *order_box_new(void);
void order_box_free(struct order_box *box); /* NULL is allowed */

/* ------------------------------------------------------------------------------ the control thread */

/* -ENOSPC: there are ORDERS_MOST in the book, or on their way to it */
int order_box_has_room(struct order_box *box);
/* Will the others be told at once? By what Redis was good for a moment ago. */
bool order_box_is_told(struct order_box *box);
/* recalled: as for orders_recall(). -ENOMEM */
int order_box_give(struct order_box *box, const struct order *order, bool recalled);

/* To poll: something is to be done here. Then the next of them, at most `most`; returns how many. */
int order_box_fd(const struct order_box *box);
size_t order_box_take(struct order_box *box, struct order *out, size_t most);

/* ------------------------------------------------------------------------------ the cluster thread */

/* To poll: something was given. */
int order_box_given_fd(const struct order_box *box);
/*
 * Before each orders_command(): enters in the book what was given. reachable: Redis answered the last time. Returns how many orders
 * the book had no room or memory for; they are lost to the others.
 */
size_t order_box_enter(struct order_box *box, struct orders *orders, bool reachable);
/* An orders_apply, its context the box */
void order_box_apply(void *box, const struct order *order);
/* Orders that were to be done here and were not, for want of memory, since the last call */
size_t order_box_lost(struct order_box *box);
