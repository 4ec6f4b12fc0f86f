/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Snapshot -> the JSON of docs/api.md, pure: the time is passed in. Each returns a new object, or NULL without memory.
 * now_ns: CLOCK_MONOTONIC.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/metrics/snapshot.h"

json_t *view_status(const struct snapshot *snapshot, uint64_t now_ns);

enum view_order { VIEW_TOTAL, VIEW_REFUSED, VIEW_PASSED };

/* "total", "refused", "passed": 0, or -1 with *out untouched */
int view_order_parse(const char *word, enum view_order *out);

/* service: number, or -1 for all */
json_t *view_top(const struct snapshot *snapshot, uint64_t now_ns, size_t limit, int service,
		 enum view_order order);

/* The names asked for, of services and upstreams alike; none: all */
struct view_names {
	const char *const *at;
	size_t count;
};
json_t *view_latency(const struct snapshot *snapshot, uint64_t now_ns,
		     const struct view_names *names);

enum view_flow_order { VIEW_RATE, VIEW_BYTES };

/* "rate", "bytes": 0, or -1 with *out untouched */
int view_flow_order_parse(const char *word, enum view_flow_order *out);

/* What is left of the busiest flows. service, upstream: number, or -1 for all; both: flows of either */
struct view_flow_filter {
	size_t limit;
	int service, upstream;
	enum view_flow_order order;
};
json_t *view_flows(const struct snapshot *snapshot, uint64_t now_ns,
		   const struct view_flow_filter *filter);

json_t *view_breakers(const struct snapshot *snapshot, uint64_t now_ns);

/* clients: with the addresses of hot ones */
json_t *view_cluster(const struct snapshot *snapshot, uint64_t now_ns, bool clients);

/* For the status: what matters of it; null where none is configured */
json_t *view_cluster_summary(const struct snapshot *snapshot);

/* What several views have: the endpoints of an upstream, the flow table, why there is no telemetry (or null) */
json_t *view_endpoints(const struct snapshot *snapshot, int upstream);
json_t *view_flow_table(const struct snapshot *snapshot);
json_t *view_telemetry_problem(const struct snapshot *snapshot);

/* Health. snapshot may be NULL: the daemon has not reported yet. *health: enum health, the worst. */
json_t *view_detailed(const struct snapshot *snapshot, uint64_t now_ns, int *health);
json_t *view_ready(const struct snapshot *snapshot, uint64_t now_ns, int *health);

/* What the views of health share: the snapshot's components and, when it has something to say, its age */
#define VIEW_COMPONENTS \
	(sizeof(((struct snapshot *)0)->component) / sizeof(struct snapshot_component))
struct view_components {
	struct snapshot_component at[VIEW_COMPONENTS + 1];
	size_t count;
	int health; /* the worst */
};
void view_components(const struct snapshot *snapshot, uint64_t now_ns, struct view_components *out);
json_t *view_component_list(const struct view_components *components);
double view_uptime(const struct snapshot *snapshot);
