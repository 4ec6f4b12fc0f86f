/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One piece of work, from its commands to their replies. All are sent at once, those of each node of a cluster in their order; then
 * what the protocol asks to be sent again is, once:
 *
 *   NOSCRIPT            with SCRIPT LOAD in front
 *   MOVED, ASK          to the node named
 *   READONLY            to the master, found anew
 *   closed connections  on a new one, what was not answered. What was may have been done twice then: scripts know their repeats
 *   a node of a cluster that can not be reached: to the one that serves the slot now, if it is another
 *
 * What was not answered in time is not sent again.
 */
#pragma once

#include "user/cluster/redis_route.h"
#include "user/cluster/redis_scripts.h"

/* Fills in the replies, states and durations of the work. */
void redis_run(struct redis_route *route, struct redis_scripts *scripts, struct redis_work *work);
