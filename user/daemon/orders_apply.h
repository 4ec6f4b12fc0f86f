/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Orders for all nodes, as the control thread sees them: it hands those of its operators to the cluster thread, and does here what operators of
 * other nodes have ordered. Who orders something does it here first, whether Redis answers or not.
 */
#pragma once

#include "user/daemon/control.h"

struct order;

/*
 * May an operator order something for all nodes? 0; -ENOTSUP: no cluster is configured; -ENOSPC: there are too many orders.
 */
int cluster_may_order(struct control *control);

/*
 * What has been done here is to be done on all nodes. order->given_ns and node are filled in. *told: within a second; else when Redis is back. -ENOMEM
 */
int cluster_order(struct control *control, const struct order *order, bool *told);

/* Tells the book, before it asks for the first time, which bans of the cluster an earlier daemon has left. */
void cluster_recall_bans(struct control *control);

/*
 * When order_box_fd() is readable. A ban of this node's own stays where it lasts longer; only bans of the cluster are lifted.
 * Of overrides: see breakers_order(). Returns whether anything was done: control_publish() shows it.
 */
bool cluster_take_orders(struct control *control);
