/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "user/base/latency.h"
#include "user/base/words.h"
#include "user/http/json.h"
#include "user/http/view.h"

static bool wanted(const struct view_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->at[i], name))
			return true;
	return !names->count;
}

static json_t *seconds(double ns)
{
	return json_double(ns / 1e9);
}

/* Without a sample there is no quantile: null, for 0 would be a fine one. */
static json_t *quantile(const struct snapshot *snapshot, const struct snapshot_latency *row,
			double q)
{
	if (!row->count)
		return json_null();
	return seconds(latency_quantile_ns(&row->sum, snapshot->bound_ns, snapshot->bounds, q));
}

static json_t *histogram(const struct snapshot *snapshot, const struct snapshot_latency *row)
{
	json_t *object = json_object(), *slots = json_array();
	uint64_t max_ns = latency_max_ns(&row->sum, snapshot->bound_ns, snapshot->bounds);

	for (size_t i = 0; i <= snapshot->bounds; i++)
		json_add(&slots, json_number(row->sum.slot[i]));
	json_set(&object, "name", json_string(latency_word(row->latency)));
	json_set(&object, "count", json_number(row->count));
	json_set(&object, "sum", seconds((double)row->sum.sum_ns));
	json_set(&object, "p50", quantile(snapshot, row, 0.5));
	json_set(&object, "p90", quantile(snapshot, row, 0.9));
	json_set(&object, "p95", quantile(snapshot, row, 0.95));
	json_set(&object, "p99", quantile(snapshot, row, 0.99));
	json_set(&object, "max", row->count ? seconds((double)max_ns) : json_null());
	json_set(&object, "slots", slots);
	return object;
}

/* What is measured of one service, or of one upstream */
static json_t *histograms(const struct snapshot *snapshot, bool upstream, int owner)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->latencies; i++) {
		const struct snapshot_latency *row = &snapshot->latency[i];

		if (row->owner == owner && (row->latency >= WEIR_LATENCY_CONNECT) == upstream)
			json_add(&list, histogram(snapshot, row));
	}
	return list;
}

static json_t *services(const struct snapshot *snapshot, const struct view_names *names)
{
	json_t *list = json_array();

	for (int i = 0; i < WEIR_SERVICES; i++) {
		const char *name = snapshot->service[i].name;
		json_t *object;

		if (!name[0] || !wanted(names, name))
			continue;
		object = json_object();
		json_set(&object, "name", json_text(name));
		json_set(&object, "histograms", histograms(snapshot, false, i));
		json_add(&list, object);
	}
	return list;
}

static json_t *upstreams(const struct snapshot *snapshot, const struct view_names *names)
{
	json_t *list = json_array();

	for (int i = 0; i < WEIR_UPSTREAMS; i++) {
		const char *name = snapshot->upstream[i].name;
		json_t *object;

		if (!name[0] || !wanted(names, name))
			continue;
		object = json_object();
		json_set(&object, "name", json_text(name));
		json_set(&object, "histograms", histograms(snapshot, true, i));
		json_set(&object, "endpoints", view_endpoints(snapshot, i));
		json_add(&list, object);
	}
	return list;
}

static json_t *bounds(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->bounds; i++)
		json_add(&list, seconds((double)snapshot->bound_ns[i]));
	return list;
}

json_t *view_latency(const struct snapshot *snapshot, uint64_t now_ns,
		     const struct view_names *names)
{
	json_t *object = json_object();

	json_set(&object, "time", json_time(snapshot->unix_time));
	json_set(&object, "age_seconds", json_age(snapshot, now_ns));
	json_set(&object, "enabled", json_boolean(snapshot->following));
	json_set(&object, "problem", view_telemetry_problem(snapshot));
	json_set(&object, "flows", view_flow_table(snapshot));
	json_set(&object, "bounds", bounds(snapshot));
	json_set(&object, "services", services(snapshot, names));
	json_set(&object, "upstreams", upstreams(snapshot, names));
	return object;
}
