/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "latency_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/core/histogram.h"
#include "user/base/bounds.h"
#include "user/config/prefix.h"

#define MS 1000000ULL

enum { OTHER, WEB, SSH };
enum { API = 3, DB = 4 };

static const uint64_t default_le[] = {
	MS,	  5 * MS / 2, 5 * MS,	 10 * MS,   25 * MS,   50 * MS,	   100 * MS,
	250 * MS, 500 * MS,   1000 * MS, 2500 * MS, 5000 * MS, 10000 * MS,
};

static void fill_bounds(struct snapshot *snapshot)
{
	struct bounds bounds;

	bounds_make(default_le, sizeof(default_le) / sizeof(default_le[0]), &bounds);
	memcpy(snapshot->bound_ns, bounds.ns, sizeof(snapshot->bound_ns));
	memcpy(snapshot->bound_kind, bounds.kind, sizeof(snapshot->bound_kind));
	snapshot->bounds = bounds.count;
}

static void follow(struct snapshot *snapshot, enum weir_latency latency, uint16_t owner)
{
	snapshot->latency[snapshot->latencies++] =
		(struct snapshot_latency){.latency = latency, .owner = owner};
}

void latency_add(struct snapshot *snapshot, enum weir_latency latency, int owner, uint64_t ns,
		 uint64_t count)
{
	u64 bound_ns[WEIR_SLOTS];

	memset(bound_ns, 0xff, sizeof(bound_ns));
	memcpy(bound_ns, snapshot->bound_ns, snapshot->bounds * sizeof(bound_ns[0]));
	for (size_t i = 0; i < snapshot->latencies; i++) {
		struct snapshot_latency *row = &snapshot->latency[i];

		if (row->latency != latency || row->owner != owner)
			continue;
		row->sum.slot[weir_slot(bound_ns, ns)] += count;
		row->sum.sum_ns += ns * count;
		row->count += count;
	}
}

static void fill_latency(struct snapshot *snapshot)
{
	snapshot->latency = calloc(8, sizeof(*snapshot->latency));
	follow(snapshot, WEIR_LATENCY_ROUND_TRIP, OTHER);
	follow(snapshot, WEIR_LATENCY_RESPONSE, OTHER);
	follow(snapshot, WEIR_LATENCY_ROUND_TRIP, WEB);
	follow(snapshot, WEIR_LATENCY_RESPONSE, WEB);
	follow(snapshot, WEIR_LATENCY_CONNECT, API);
	follow(snapshot, WEIR_LATENCY_UPSTREAM_RESPONSE, API);
	follow(snapshot, WEIR_LATENCY_CONNECT, DB);
	follow(snapshot, WEIR_LATENCY_UPSTREAM_RESPONSE, DB);
	latency_add(snapshot, WEIR_LATENCY_ROUND_TRIP, WEB, 200000, 40);
	latency_add(snapshot, WEIR_LATENCY_RESPONSE, WEB, 900000, 60);
	latency_add(snapshot, WEIR_LATENCY_RESPONSE, WEB, 12 * MS, 30);
	latency_add(snapshot, WEIR_LATENCY_RESPONSE, WEB, 110 * MS, 9);
	latency_add(snapshot, WEIR_LATENCY_RESPONSE, WEB, 1600 * MS, 1);
	latency_add(snapshot, WEIR_LATENCY_CONNECT, API, 350000, 20);
	latency_add(snapshot, WEIR_LATENCY_UPSTREAM_RESPONSE, API, 70000 * MS, 2);
}

static void fill_upstreams(struct snapshot *snapshot)
{
	struct snapshot_endpoint *first = &snapshot->endpoint[5], *second = &snapshot->endpoint[6];

	strcpy(snapshot->upstream[API].name, "api");
	strcpy(snapshot->upstream[DB].name, "db");
	*first = (struct snapshot_endpoint){.name = "10.1.2.3:8443",
					    .upstream = API,
					    .http = true,
					    .connections = 3,
					    .addresses = 1};
	first->calls.result[WEIR_RESULT_OK] = 1200;
	first->calls.result[WEIR_RESULT_SLOW] = 7;
	first->calls.result[WEIR_RESULT_HTTP_5XX] = 30;
	first->calls.result[WEIR_RESULT_REFUSED] = 2;
	first->calls.connected = 20;
	first->calls.http[2] = 1207;
	first->calls.http[5] = 30;
	*second = (struct snapshot_endpoint){
		.name = "api.example:443", .upstream = API, .addresses = 2, .stale = true};
	second->calls.result[WEIR_RESULT_OK] = 5;
	snapshot->endpoint[9] =
		(struct snapshot_endpoint){.name = "db.example:5432", .upstream = DB};
}

static void set_address(uint8_t addr[16], const char *text)
{
	struct config_prefix prefix;

	if (config_parse_prefix(text, &prefix))
		abort();
	memcpy(addr, prefix.addr, sizeof(prefix.addr));
}

static void fill_flows(struct snapshot *snapshot)
{
	struct snapshot_flow *flow = snapshot->flow;

	flow[0] = (struct snapshot_flow){.rport = 40312,
					 .lport = 443,
					 .protocol = 6,
					 .state = WEIR_FLOW_OPEN,
					 .owner = WEB,
					 .bytes_in = 12345,
					 .bytes_out = 9876543,
					 .packets_in = 100,
					 .packets_out = 6600,
					 .rate = 125000,
					 .silent_seconds = 0.02};
	flow[1] = (struct snapshot_flow){.rport = 8443,
					 .lport = 51000,
					 .protocol = 6,
					 .state = WEIR_FLOW_CLOSED,
					 .upstream = true,
					 .owner = 5,
					 .bytes_in = 20000000,
					 .bytes_out = 1,
					 .packets_in = 9,
					 .packets_out = 8,
					 .rate = 40,
					 .silent_seconds = 130};
	flow[2] = (struct snapshot_flow){.rport = 5353,
					 .lport = 53,
					 .protocol = 17,
					 .state = WEIR_FLOW_ASKED,
					 .owner = OTHER,
					 .bytes_in = 80,
					 .packets_in = 1,
					 .rate = 80,
					 .silent_seconds = 1.5};
	set_address(flow[0].remote, "203.0.113.7");
	set_address(flow[0].local, "198.51.100.1");
	set_address(flow[1].remote, "10.1.2.3");
	set_address(flow[1].local, "10.1.2.1");
	set_address(flow[2].remote, "2001:db8:7::42");
	set_address(flow[2].local, "2001:db8::1");
	snapshot->flow_tops = 3;
}

struct snapshot *latency_snapshot(void)
{
	struct snapshot *snapshot = snapshot_new();

	strcpy(snapshot->node, "edge-1");
	snapshot->unix_time = 1700000012.5;
	strcpy(snapshot->interface[0].name, "eth0");
	snapshot->interfaces = 1;
	strcpy(snapshot->service[OTHER].name, "other");
	strcpy(snapshot->service[WEB].name, "web");
	strcpy(snapshot->service[SSH].name, "ssh");
	strcpy(snapshot->tier[0], "anonymous");
	snapshot->following = true;
	snapshot->flows = 1234;
	snapshot->flow_capacity = 131072;
	snapshot->flow_sums = (struct weir_flow_sums){.inserts = 5000,
						      .evictions_idle = 60,
						      .evictions_active = 0,
						      .retransmissions = 8,
						      .discarded = {7, 1, 0, 0}};
	fill_bounds(snapshot);
	fill_latency(snapshot);
	fill_upstreams(snapshot);
	fill_flows(snapshot);
	return snapshot;
}
