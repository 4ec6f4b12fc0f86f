/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Commands that hold for all nodes. */
#include <errno.h>
#include <string.h>

#include "user/base/log.h"
#include "user/daemon/orders_apply.h"
#include "user/daemon/commands.h"

int command_for_cluster(struct control *control, const json_t *arguments, bool *out, json_t **reply)
{
	const json_t *cluster = json_object_get(arguments, "cluster");

	if (cluster && !json_is_boolean(cluster))
		return command_refuse(400, "invalid_request", "cluster: expected true or false",
				      reply);
	*out = json_is_true(cluster);
	if (!*out)
		return 0;
	switch (cluster_may_order(control)) {
	case 0:
		return 0;
	case -ENOTSUP:
		return command_refuse(
			409, "conflict",
			"no cluster is configured; say where its Redis is, for example "
			"cluster: {redis: \"redis://127.0.0.1:6379/0\"}, then reload, or "
			"ask for this node only",
			reply);
	default:
		return command_refuse(
			409, "conflict",
			"there are 10000 orders of the cluster already; lift some: an hour "
			"later there is room",
			reply);
	}
}

int command_order(struct control *control, const struct order *order, json_t **reply)
{
	char subject[ORDER_SUBJECT];
	bool told = false;

	if (cluster_order(control, order, &told)) {
		json_decref(*reply);
		return command_refuse(500, "internal_error",
				      "out of memory: it is done on this node only", reply);
	}
	log_info("cluster", "%s %s for all nodes%s", order_word(order->kind),
		 order_subject(order, subject), told ? "" : ", told when Redis is back");
	json_object_set_new(*reply, "cluster", json_true());
	json_object_set_new(*reply, "told", json_boolean(told));
	return 200;
}
