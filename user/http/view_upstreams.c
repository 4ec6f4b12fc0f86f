/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts that several views have: upstreams, and the table of flows that knows them. */
#include <string.h>

#include "user/base/words.h"
#include "user/http/json.h"
#include "user/http/view.h"
#include "user/metrics/health.h"

static json_t *calls(const struct weir_calls *calls)
{
	json_t *object = json_object();

	for (u32 i = 0; i < WEIR_RESULT_COUNT; i++)
		json_set(&object, result_word(i), json_number(calls->result[i]));
	return object;
}

/* Answers by class; null where the status is not read */
static json_t *http_classes(const struct snapshot_endpoint *endpoint)
{
	static const char *const name[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
	json_t *object;

	if (!endpoint->http)
		return json_null();
	object = json_object();
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		json_set(&object, name[i], json_number(endpoint->calls.http[i]));
	return object;
}

static json_t *view_endpoint(const struct snapshot_endpoint *endpoint)
{
	json_t *object = json_object();
	uint64_t all = 0, failed = 0;

	for (u32 i = 0; i < WEIR_RESULT_COUNT; i++) {
		all += endpoint->calls.result[i];
		failed += result_is_failure(i) ? endpoint->calls.result[i] : 0;
	}
	json_set(&object, "name", json_text(endpoint->name));
	json_set(&object, "calls", json_number(all));
	json_set(&object, "failures", json_number(failed));
	json_set(&object, "results", calls(&endpoint->calls));
	json_set(&object, "http", http_classes(endpoint));
	json_set(&object, "connected", json_number(endpoint->calls.connected));
	json_set(&object, "connections", json_number(endpoint->connections));
	json_set(&object, "addresses", json_number(endpoint->addresses));
	json_set(&object, "stale", json_boolean(endpoint->stale));
	return object;
}

json_t *view_endpoints(const struct snapshot *snapshot, int upstream)
{
	json_t *list = json_array();

	for (size_t i = 0; i < WEIR_ENDPOINTS; i++) {
		const struct snapshot_endpoint *endpoint = &snapshot->endpoint[i];

		if (endpoint->name[0] && endpoint->upstream == upstream)
			json_add(&list, view_endpoint(endpoint));
	}
	return list;
}

json_t *view_flow_table(const struct snapshot *snapshot)
{
	const struct weir_flow_sums *sums = &snapshot->flow_sums;
	json_t *object = json_object(), *discarded = json_object();

	for (u32 i = 0; i < WEIR_DISCARD_COUNT; i++)
		json_set(&discarded, discard_word(i), json_number(sums->discarded[i]));
	json_set(&object, "enabled", json_boolean(snapshot->following));
	json_set(&object, "entries", json_number(snapshot->flows));
	json_set(&object, "capacity", json_number(snapshot->flow_capacity));
	json_set(&object, "inserts", json_number(sums->inserts));
	json_set(&object, "evictions_idle", json_number(sums->evictions_idle));
	json_set(&object, "evictions_active", json_number(sums->evictions_active));
	json_set(&object, "retransmissions", json_number(sums->retransmissions));
	json_set(&object, "samples_discarded", discarded);
	return object;
}

json_t *view_telemetry_problem(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->components; i++) {
		const struct snapshot_component *component = &snapshot->component[i];

		if (!strcmp(component->name, "telemetry") && component->status != HEALTH_HEALTHY)
			return json_text(component->message);
	}
	return json_null();
}
