/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>

#include "user/base/version.h"
#include "user/http/json.h"
#include "user/http/view.h"
#include "user/metrics/health.h"

void view_components(const struct snapshot *snapshot, uint64_t now_ns, struct view_components *out)
{
	struct snapshot_component control = {0};

	out->count = 0;
	health_control_judge(snapshot, now_ns, &control);
	if (control.status != HEALTH_HEALTHY)
		out->at[out->count++] = control;
	for (size_t i = 0; snapshot && i < snapshot->components; i++)
		out->at[out->count++] = snapshot->component[i];
	out->health = health_overall(out->at, out->count);
}

json_t *view_component_list(const struct view_components *components)
{
	json_t *list = json_array();

	for (size_t i = 0; i < components->count; i++) {
		const struct snapshot_component *row = &components->at[i];
		json_t *object = json_object();

		json_set(&object, "name", json_text(row->name));
		json_set(&object, "status", json_string(health_word(row->status)));
		json_set(&object, "message", json_text(row->message));
		json_set(&object, "check_duration_ms", json_double(row->check_ms));
		json_add(&list, object);
	}
	return list;
}

double view_uptime(const struct snapshot *snapshot)
{
	double seconds = snapshot ? snapshot->unix_time - snapshot->start_time : 0;

	return seconds > 0 ? seconds : 0;
}

json_t *view_detailed(const struct snapshot *snapshot, uint64_t now_ns, int *health)
{
	struct view_components components;
	json_t *object = json_object();

	view_components(snapshot, now_ns, &components);
	*health = components.health;
	json_set(&object, "status", json_string(health_word(components.health)));
	json_set(&object, "version", json_string(weir_version()));
	json_set(&object, "uptime_seconds", json_double(view_uptime(snapshot)));
	json_set(&object, "node", json_text(snapshot ? snapshot->node : ""));
	json_set(&object, "components", view_component_list(&components));
	return object;
}

/* "component: message" of those with this status */
static void add_reasons(const struct view_components *components, int status, json_t **reasons)
{
	for (size_t i = 0; i < components->count; i++) {
		const struct snapshot_component *row = &components->at[i];
		char reason[sizeof(row->name) + sizeof(row->message) + 2];

		if (row->status != status)
			continue;
		snprintf(reason, sizeof(reason), "%s: %s", row->name, row->message);
		json_add(reasons, json_text(reason));
	}
}

json_t *view_ready(const struct snapshot *snapshot, uint64_t now_ns, int *health)
{
	struct view_components components;
	json_t *object = json_object();
	json_t *reasons = json_array();

	view_components(snapshot, now_ns, &components);
	*health = components.health;
	/* The worst first: /healthz prints only one. */
	add_reasons(&components, HEALTH_UNHEALTHY, &reasons);
	add_reasons(&components, HEALTH_DEGRADED, &reasons);
	json_set(&object, "status",
		 json_string(components.health == HEALTH_UNHEALTHY ? "not_ready" : "ready"));
	json_set(&object, "reasons", reasons);
	return object;
}
