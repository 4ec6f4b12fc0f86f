/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All figures at one moment, as plain data: the control thread fills one each second (datapath, scan,
 * process, daemon), the formatters (/metrics, status, top) read it. Immutable once published,
 * shared by reference. Only configured things are listed, so its size does not grow with traffic.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/config.h"
#include "bpf/abi/counter.h"
#include "bpf/abi/flow.h"
#include "bpf/abi/latency.h"
#include "user/base/breaker_words.h"
#include "user/base/cleanup.h"
#include "user/base/outage.h"
#include "user/metrics/histogram.h"

struct snapshot_interface {
	char name[16];
	char mode[16]; /* native, generic, tcx, tc, or "absent" */
	uint32_t ifindex;
	uint32_t prog_id;
	bool attached;
};

/* One (interface, service, tier); names index the arrays below */
struct snapshot_series {
	uint16_t interface, service, tier;
	struct weir_series sum; /* over all CPUs */
};

struct snapshot_limit {
	uint16_t service, tier;
	bool group;
	char name[48]; /* label `limit`: as configured, "100/min connections"; unique in (service, tier, group) */
	char unit[12];
	double rate; /* units a second */
	double burst;
	uint64_t refusals;
};

struct snapshot_service {
	char name[WEIR_NAME];
	bool observe;
	uint64_t clients;	  /* entries in the table, parents not counted */
	uint64_t clients_limited; /* of them, over a limit now */
	bool under_pressure;
};

struct snapshot_program {
	char name[32]; /* weir_xdp, weir_tc */
	char hook[16]; /* xdp, tc_ingress */
	char mode[16];
	char interface[16];
	char tag[20]; /* hex */
	uint32_t id;
	uint64_t run_count, run_time_ns; /* only where bpf_stats is on */
	bool stats;
	uint32_t verified_insns;
};

struct snapshot_map {
	char name[16];
	uint64_t entries; /* ~0: not known */
	uint64_t capacity;
	uint64_t memory_bytes;
};

/* A client of `weir top`; the busiest since the last scan */
#define SNAPSHOT_TOP 256
struct snapshot_client {
	uint8_t addr[16]; /* wire order; IPv4 as ::ffff:a.b.c.d */
	uint8_t length;	  /* prefix length in these 128 bits */
	uint8_t flags;	  /* WEIR_CLIENT_*, but for PARENT, which is not one of them */
	bool parent;	  /* a prefix that stands for its unknown clients */
	bool watched;	  /* of a cluster's limits it has shares of its own */
	uint16_t service, tier;
	uint64_t passed, refused;	  /* 32-bit counters since it was first seen */
	double passed_rate, refused_rate; /* packets a second since the last scan */
};

/* One histogram. count is the sum of slot[]; index of its service, or upstream, in the snapshot */
struct snapshot_latency {
	enum weir_latency latency;
	uint16_t owner;
	uint64_t count;
	struct weir_histogram sum; /* over all CPUs */
};

/* The circuit breaker of an endpoint. Times: CLOCK_MONOTONIC */
struct snapshot_breaker {
	enum breaker_state state;
	bool enforced;		    /* false: nobody is refused by the state, it is only observed */
	enum breaker_reason reason; /* why it began */
	enum breaker_reason held;   /* closed: why it would be open, were not too many out */
	uint64_t since_ns;	    /* when the state began */
	uint64_t until_ns;	    /* open: when it becomes half-open; forced: its end; 0: none */
	uint32_t streak;	    /* failures in a row */
	uint64_t calls, failures, slow; /* in the window */
	uint32_t waiting_syns;		/* at present */
	uint32_t ejections;
	uint32_t successes; /* half-open: so far */
	uint64_t probes_ok, probes_failed;
};

struct snapshot_upstream {
	char name[WEIR_NAME]; /* "": unused */
	char breaker_mode[8]; /* off, enforce, observe */
	bool probed;
	uint32_t endpoints,
		out;   /* how many it has, and how many are open, half-open or forced open */
	uint64_t held; /* how often one was not ejected because too many were out */
	uint64_t transitions[BREAKER_STATE_COUNT]
			    [BREAKER_REASON_COUNT]; /* into the state, since the start */
};

struct snapshot_endpoint {
	char name[WEIR_ENDPOINT_NAME]; /* "": unused */
	uint16_t upstream;
	bool http;
	struct weir_calls calls; /* over all CPUs, with what the daemon gave up on */
	uint64_t connections;	 /* open now */
	uint64_t waiting_syns;	 /* SYNs that nobody has answered yet */
	uint32_t addresses;	 /* that the name resolves to; 0: none known yet */
	bool stale; /* the name did not resolve the last time: the addresses are older */
	struct snapshot_breaker breaker;
};

/* A flow of `weir top --flows`; the busiest since the last scan */
struct snapshot_flow {
	uint8_t remote[16], local[16]; /* wire order; IPv4 as ::ffff:a.b.c.d */
	uint16_t rport, lport;
	uint8_t protocol;
	uint8_t state;	/* enum weir_flow_state */
	bool upstream;	/* owner is an endpoint, else a service */
	uint16_t owner; /* index in the snapshot */
	uint16_t interface;
	uint64_t bytes_in, bytes_out, packets_in, packets_out; /* since it was first seen */
	double rate;	       /* bytes a second since the last scan, both ways */
	double silent_seconds; /* since its last packet, to within 17 ms */
};

/* A limit of the cluster, as this node sees it */
struct snapshot_cluster_limit {
	uint16_t limit; /* index in snapshot.limit */
	enum cluster_mode mode;
	enum outage on_outage;
	double share_rate,
		share_burst; /* units/s, units: a group's share, or what each client has that is not hot */
	double ratio;	     /* of the limit: share_rate by its rate, 0 .. 1 */
	double demand; /* units/s here; of limits of clients all watched ones together */
	double level;  /* of a group: units in the shared bucket */
	uint32_t hot;  /* clients with a share of their own */
};

/* A watched client of a cluster limit, the hottest first */
#define SNAPSHOT_HOT 64
struct snapshot_hot {
	uint8_t addr[16]; /* wire order; IPv4 as ::ffff:a.b.c.d */
	uint8_t length;
	uint16_t limit; /* index in snapshot.limit */
	enum cluster_mode mode;
	double demand;	   /* units/s here */
	double share_rate; /* units/s */
	double ratio, level;
};

#define SNAPSHOT_NODES 128
struct snapshot_cluster {
	bool enabled;
	char redis[256]; /* the URL without its password */
	bool redis_up;
	char redis_state[16];	/* word of enum redis_state */
	char error[256];	/* why it is not up, and what to do; "" */
	char breaker[16];	/* of Redis itself: word of enum breaker_state */
	enum cluster_mode mode; /* the worst of all limits */
	uint64_t interval_ns;
	uint32_t nodes;		       /* N */
	char node[SNAPSHOT_NODES][64]; /* names of those that were heard, sorted; the first of them */
	uint32_t node_names;
	uint64_t rounds[3];	/* ok, failed, repeated */
	uint64_t reports_ahead; /* reports before their round */
	double last_success;	/* Unix seconds; 0: never */
	double lag_seconds;	/* since the last answer; -1: never */
	double round_seconds;	/* the last round on the cluster thread, without waiting */
	uint64_t reconnects;
	uint32_t hot_keys, watched; /* clients reported, clients counted */
	double backlog;		    /* units admitted and not acknowledged yet, over all keys */
	struct snapshot_redis_command {
		char name[16]; /* "round", "orders" */
		uint64_t ok, failed;
		struct histogram duration;
	} command[4];
	size_t commands;
	struct snapshot_cluster_limit *limit; /* from malloc */
	size_t limits;
	struct snapshot_hot hot[SNAPSHOT_HOT];
	size_t hots;
};

struct snapshot_component {
	char name[24];
	int status;	   /* 0 healthy, 1 degraded, 2 unhealthy */
	char message[320]; /* room for snapshot_cluster.error and how long that has been so */
	double check_ms;
};

struct snapshot {
	atomic_int refs;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	double unix_time;
	double start_time;   /* of the daemon, Unix seconds */
	uint64_t generation; /* successful reloads, the first load is 1 */
	uint64_t epoch;
	uint64_t reloads_ok, reloads_failed;
	bool reload_ok;
	double reload_ok_time;
	char node[256];
	char libbpf[16];  /* the library's version, "1.1" */
	char hiredis[16]; /* likewise, "1.1.0" */

	struct snapshot_interface interface[WEIR_INTERFACES];
	size_t interfaces;
	struct snapshot_service service[WEIR_SERVICES]; /* by service number; "" = unused */
	char tier[WEIR_TIERS][WEIR_NAME];		/* by tier number; "" = unused */
	struct snapshot_series *series;
	size_t series_count; /* each (interface, service, tier) once */
	struct snapshot_limit *limit;
	size_t limits;
	struct weir_totals totals;
	uint64_t parse_errors[3]; /* ethernet, network, transport */

	struct snapshot_cluster cluster;

	uint64_t table_entries, table_capacity;
	double scan_seconds;		/* the last scan */
	struct histogram scan_duration; /* all scans since the start */
	uint64_t bans;
	uint64_t bans_total[WEIR_BAN_ORIGINS];

	/* Latency. Bounds of slots; of each whether it is a native bound, and whether a configured `le` */
	bool following; /* flows are followed at all */
	uint64_t bound_ns[WEIR_BOUNDS];
	uint8_t bound_kind[WEIR_BOUNDS]; /* WEIR_BOUND_* */
	size_t bounds;
	struct snapshot_latency
		*latency; /* each service followed and each upstream, from the start */
	size_t latencies;
	struct snapshot_upstream upstream[WEIR_UPSTREAMS]; /* by number */
	struct snapshot_endpoint endpoint[WEIR_ENDPOINTS]; /* by number */
	struct histogram
		breaker_reaction; /* from a failure, as the kernel saw it, to the gate that it closed */
	struct weir_flow_sums flow_sums;
	uint64_t flows, flow_capacity;		 /* that still matter, room */
	struct snapshot_flow flow[SNAPSHOT_TOP]; /* by rate, highest first */
	size_t flow_tops;

	struct snapshot_program program[4 * WEIR_INTERFACES];
	size_t programs;
	struct snapshot_map map[24];
	size_t maps;
	struct snapshot_component component[12];
	size_t components;
	struct snapshot_client top[SNAPSHOT_TOP]; /* by passed_rate + refused_rate, highest first */
	size_t tops;
	uint64_t log_messages[8]; /* by syslog priority */
};

/* Empty, with one reference; NULL without memory. It owns series, limit, latency and cluster.limit (from malloc). */
struct snapshot *snapshot_new(void);
struct snapshot *snapshot_ref(struct snapshot *snapshot);

/* The last one frees. NULL is allowed. */
void snapshot_unref(struct snapshot *snapshot);

void cleanup_snapshot(struct snapshot **snapshot);
#define _cleanup_snapshot_ _cleanup_(cleanup_snapshot)
