/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "bpf/abi/client.h"
#include "user/base/prefix.h"
#include "user/http/json.h"
#include "user/http/view.h"

static const char *const order_name[] = {
	[VIEW_TOTAL] = "total",
	[VIEW_REFUSED] = "refused",
	[VIEW_PASSED] = "passed",
};

int view_order_parse(const char *word, enum view_order *out)
{
	for (size_t i = 0; i < sizeof(order_name) / sizeof(order_name[0]); i++) {
		if (!strcmp(word, order_name[i])) {
			*out = (enum view_order)i;
			return 0;
		}
	}
	return -1;
}

static double rate(const struct snapshot_client *client, enum view_order order)
{
	double passed = order == VIEW_REFUSED ? 0 : client->passed_rate;

	return passed + (order == VIEW_PASSED ? 0 : client->refused_rate);
}

static int by_rate(const void *left, const void *right, void *order)
{
	double a = rate(*(const struct snapshot_client *const *)left, *(enum view_order *)order);
	double b = rate(*(const struct snapshot_client *const *)right, *(enum view_order *)order);

	return (a < b) - (a > b);
}

static const char *state(unsigned int flags)
{
	if (flags & WEIR_CLIENT_BANNED)
		return "banned";
	if (flags & WEIR_CLIENT_DENIED)
		return "denied";
	return flags & WEIR_CLIENT_UNLIMITED ? "unlimited" : "ok";
}

static json_t *client(const struct snapshot *snapshot, const struct snapshot_client *row)
{
	json_t *object = json_object();
	char prefix[PREFIX_TEXT];

	prefix_text(row->addr, row->length, prefix, sizeof(prefix));
	json_set(&object, "client", json_string(prefix));
	json_set(&object, "service", json_text(snapshot->service[row->service].name));
	json_set(&object, "tier", json_text(snapshot->tier[row->tier]));
	json_set(&object, "state", json_string(state(row->flags)));
	json_set(&object, "parent", json_boolean(row->parent));
	json_set(&object, "watched", json_boolean(row->watched));
	json_set(&object, "passed", json_number(row->passed));
	json_set(&object, "refused", json_number(row->refused));
	json_set(&object, "passed_per_second", json_double(row->passed_rate));
	json_set(&object, "refused_per_second", json_double(row->refused_rate));
	return object;
}

json_t *view_top(const struct snapshot *snapshot, uint64_t now_ns, size_t limit, int service,
		 enum view_order order)
{
	const struct snapshot_client *chosen[SNAPSHOT_TOP];
	json_t *object = json_object();
	json_t *list = json_array();
	size_t found = 0;

	for (size_t i = 0; i < snapshot->tops; i++)
		if (service < 0 || snapshot->top[i].service == service)
			chosen[found++] = &snapshot->top[i];
	qsort_r(chosen, found, sizeof(chosen[0]), by_rate, &order);
	for (size_t i = 0; i < found && i < limit; i++)
		json_add(&list, client(snapshot, chosen[i]));

	json_set(&object, "time", json_time(snapshot->unix_time));
	json_set(&object, "age_seconds", json_age(snapshot, now_ns));
	json_set(&object, "by", json_string(order_name[order]));
	json_set(&object, "clients", list);
	return object;
}
