/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/prefix.h"
#include "user/base/words.h"
#include "user/http/json.h"
#include "user/http/view.h"

static const char *const order_name[] = {
	[VIEW_RATE] = "rate",
	[VIEW_BYTES] = "bytes",
};

int view_flow_order_parse(const char *word, enum view_flow_order *out)
{
	for (size_t i = 0; i < sizeof(order_name) / sizeof(order_name[0]); i++) {
		if (!strcmp(word, order_name[i])) {
			*out = (enum view_flow_order)i;
			return 0;
		}
	}
	return -1;
}

/* Bytes are far below 2^53, where a double would no longer be exact. */
static double measure(const struct snapshot_flow *flow, enum view_flow_order order)
{
	return order == VIEW_BYTES ? (double)(flow->bytes_in + flow->bytes_out) : flow->rate;
}

static int compare(const void *left, const void *right, void *order)
{
	double a =
		measure(*(const struct snapshot_flow *const *)left, *(enum view_flow_order *)order);
	double b = measure(*(const struct snapshot_flow *const *)right,
			   *(enum view_flow_order *)order);

	return (a < b) - (a > b);
}

static json_t *address(const uint8_t addr[16])
{
	char text[PREFIX_TEXT];

	prefix_text(addr, 128, text, sizeof(text));
	return json_string(text);
}

static json_t *protocol(uint8_t number)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", number);
	return json_string(number == IPPROTO_TCP ? "tcp" : number == IPPROTO_UDP ? "udp" : text);
}

/* Number of the upstream of a flow; -1: it is one of a service */
static int upstream_of(const struct snapshot *snapshot, const struct snapshot_flow *flow)
{
	return flow->upstream ? snapshot->endpoint[flow->owner].upstream : -1;
}

/* Whose it is: a service, or an upstream and its endpoint; what does not apply is null */
static void set_owner(json_t **object, const struct snapshot *snapshot,
		      const struct snapshot_flow *flow)
{
	int upstream = upstream_of(snapshot, flow);

	json_set(object, "service",
		 upstream < 0 ? json_text(snapshot->service[flow->owner].name) : json_null());
	json_set(object, "upstream",
		 upstream < 0 ? json_null() : json_text(snapshot->upstream[upstream].name));
	json_set(object, "endpoint",
		 upstream < 0 ? json_null() : json_text(snapshot->endpoint[flow->owner].name));
}

static json_t *view_flow(const struct snapshot *snapshot, const struct snapshot_flow *flow)
{
	json_t *object = json_object();

	json_set(&object, "remote", address(flow->remote));
	json_set(&object, "remote_port", json_number(flow->rport));
	json_set(&object, "local", address(flow->local));
	json_set(&object, "local_port", json_number(flow->lport));
	json_set(&object, "protocol", protocol(flow->protocol));
	json_set(&object, "state", json_string(flow_state_word(flow->state)));
	set_owner(&object, snapshot, flow);
	json_set(&object, "interface",
		 flow->interface < snapshot->interfaces
			 ? json_text(snapshot->interface[flow->interface].name)
			 : json_null());
	json_set(&object, "bytes_in", json_number(flow->bytes_in));
	json_set(&object, "bytes_out", json_number(flow->bytes_out));
	json_set(&object, "packets_in", json_number(flow->packets_in));
	json_set(&object, "packets_out", json_number(flow->packets_out));
	json_set(&object, "bytes_per_second", json_double(flow->rate));
	json_set(&object, "silent_seconds", json_double(flow->silent_seconds));
	return object;
}

static bool wanted(const struct snapshot *snapshot, const struct snapshot_flow *flow,
		   const struct view_flow_filter *filter)
{
	if (filter->service < 0 && filter->upstream < 0)
		return true;
	if (flow->upstream)
		return upstream_of(snapshot, flow) == filter->upstream;
	return flow->owner == filter->service;
}

json_t *view_flows(const struct snapshot *snapshot, uint64_t now_ns,
		   const struct view_flow_filter *filter)
{
	const struct snapshot_flow *chosen[SNAPSHOT_TOP];
	json_t *object = json_object();
	json_t *list = json_array();
	enum view_flow_order order = filter->order;
	size_t found = 0;

	for (size_t i = 0; i < snapshot->flow_tops; i++)
		if (wanted(snapshot, &snapshot->flow[i], filter))
			chosen[found++] = &snapshot->flow[i];
	qsort_r(chosen, found, sizeof(chosen[0]), compare, &order);
	for (size_t i = 0; i < found && i < filter->limit; i++)
		json_add(&list, view_flow(snapshot, chosen[i]));

	json_set(&object, "time", json_time(snapshot->unix_time));
	json_set(&object, "age_seconds", json_age(snapshot, now_ns));
	json_set(&object, "problem", view_telemetry_problem(snapshot));
	json_set(&object, "table", view_flow_table(snapshot));
	json_set(&object, "by", json_string(order_name[filter->order]));
	json_set(&object, "flows", list);
	return object;
}
