// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/daemon/orders_apply.h"

#include <errno.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/number.h"
#include "user/daemon/order_box.h"

/* Done at a time: then outcomes of calls have their turn */
#define ORDERS_AT_ONCE 256
/* Of up to so many each has a line in the log */
#define ORDERS_LOGGED 16

int cluster_may_order(struct control *control)
{
	return control->config->cluster.enabled ? order_box_has_room(control->orders) : -ENOTSUP;
}

int cluster_order(struct control *control, const struct order *order, bool *told)
{
	struct order own = *order;
	int result;

	own.given_ns = clock_monotonic_ns();
	result = order_box_give(control->orders, &own, false);
	if (!result)
		*told = order_box_is_told(control->orders);
	return result;
}

void cluster_recall_bans(struct control *control)
{
	const struct datapath_ban *bans;
	size_t count = datapath_bans(control->gather.datapath, &bans);
	int result = 0;

	for (size_t i = 0; i < count && control->config->cluster.enabled && !result; i++) {
		const struct order order = {
			.kind = ORDER_BAN,
			.prefix = bans[i].prefix,
			.until_ns = bans[i].until_ns == UINT64_MAX ? 0 : bans[i].until_ns,
		};

		if (bans[i].origin == WEIR_BAN_CLUSTER)
			result = order_box_give(control->orders, &order, true);
	}
	if (result)
		log_error("cluster", "bans of an earlier daemon hold until they end: %s",
			  strerror(-result));
}

/* ------------------------------------------------------------------------------ what others ordered */

static const struct datapath_ban *find_ban(const struct control *control,
					   const struct config_prefix *prefix)
{
	const struct datapath_ban *bans;
	size_t count = datapath_bans(control->gather.datapath, &bans);

	for (size_t i = 0; i < count; i++)
		if (bans[i].prefix.length == prefix->length &&
		    !memcmp(bans[i].prefix.addr, prefix->addr, sizeof(prefix->addr)))
			return &bans[i];
	return NULL;
}

/* 1: done; 0: it is not to be done here; -errno, and why */
static int do_ban(struct control *control, const struct order *order, struct datapath_error *error)
{
	struct datapath_ban ban = {.prefix = order->prefix,
				   .until_ns = order->until_ns ? order->until_ns : UINT64_MAX,
				   .origin = WEIR_BAN_CLUSTER};
	const struct datapath_ban *own;
	int result;

	datapath_widen(control->gather.datapath, &ban.prefix);
	own = find_ban(control, &ban.prefix);
	if (own && own->origin != WEIR_BAN_CLUSTER && own->until_ns >= ban.until_ns)
		return 0;
	result = datapath_ban(control->gather.datapath, &ban, error);
	return result < 0 ? result : 1;
}

static int do_unban(struct control *control, const struct order *order,
		    struct datapath_error *error)
{
	struct config_prefix prefix = order->prefix;
	const struct datapath_ban *ban;
	int result;

	datapath_widen(control->gather.datapath, &prefix);
	ban = find_ban(control, &prefix);
	if (!ban || ban->origin != WEIR_BAN_CLUSTER)
		return 0;
	result = datapath_unban(control->gather.datapath, &prefix, error);
	return result ? result : 1;
}

/* An upstream that this node does not have is none of its business. */
static int do_override(struct control *control, const struct order *order)
{
	enum breakers_action action;

	if (breakers_action_parse(order_word(order->kind), &action))
		return 0;
	return breakers_order(control->gather.breakers, order->upstream,
			      order->endpoint[0] ? order->endpoint : NULL, action, order->until_ns,
			      order->given_ns) > 0;
}

static int do_order(struct control *control, const struct order *order,
		    struct datapath_error *error)
{
	switch (order->kind) {
	case ORDER_BAN:
		return do_ban(control, order, error);
	case ORDER_UNBAN:
		return do_unban(control, order, error);
	case ORDER_OPEN:
	case ORDER_CLOSE:
	case ORDER_AUTO:
	case ORDER_RESET:
		return do_override(control, order);
	case ORDER_KIND_COUNT:
		break;
	}
	return 0;
}

static void say_order(const struct order *order)
{
	char subject[ORDER_SUBJECT];

	log_info("cluster", "%s %s, ordered at %s", order_word(order->kind),
		 order_subject(order, subject), order->node);
}

bool cluster_take_orders(struct control *control)
{
	struct order order[ORDERS_AT_ONCE];
	size_t count = order_box_take(control->orders, order, ORDERS_AT_ONCE), done = 0;
	struct datapath_error error = {};
	int result;

	datapath_hold_bans(control->gather.datapath);
	for (size_t i = 0; i < count; i++) {
		result = do_order(control, &order[i], &error);
		if (result < 0)
			log_error("cluster", "an order of %s cannot be done: %s", order[i].node,
				  error.text);
		else if (result)
			done++;
		if (result > 0 && count <= ORDERS_LOGGED)
			say_order(&order[i]);
	}
	if (done && count > ORDERS_LOGGED)
		log_info("cluster", "%zu orders of other nodes done", done);
	result = datapath_settle_bans(control->gather.datapath, &error);
	if (result)
		log_error("cluster", "bans of the cluster are not in force: %s", error.text);
	return done;
}
