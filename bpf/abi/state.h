/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a daemon must know to adopt the pins of another: map weir_state (array of one, mapped by the
 * daemon, its only writer). The kernel programs read the hash seeds from their own .rodata; the daemon that loads
 * a program copies them from here, so that an upgraded program finds every client again.
 */
#pragma once

#include "types.h"

struct weir_series_id {
	u8 used;
	u8 interface;
	u8 service;
	u8 tier;
};

struct weir_endpoint_id {
	char upstream[WEIR_NAME];
	char name[WEIR_ENDPOINT_NAME]; /* HOST:PORT as configured; "": free */
};

struct weir_state {
	u32 layout;	/* WEIR_LAYOUT; 0: never finished setting up */
	u32 sets;	/* of the client table */
	u64 seed[3];	/* seed[1], seed[2] odd */
	u64 created_ns; /* CLOCK_REALTIME */
	u64 adoptions;	/* daemons that have adopted these pins */
	u32 flow_sets;	/* of the flow table */
	u32 nodes;	/* of the cluster, as last known; 0: never known */
	u64 reserved[9];
	/* Numbers are stable by name for the life of the pins: buckets and counters are indexed by them */
	char interface[WEIR_INTERFACES][16];
	char service[WEIR_SERVICES][WEIR_NAME];
	char tier[WEIR_TIERS][WEIR_NAME];
	struct weir_series_id series[WEIR_SERIES];
	char upstream[WEIR_UPSTREAMS][WEIR_NAME];
	struct weir_endpoint_id endpoint[WEIR_ENDPOINTS];
};
weir_assert_offset(struct weir_state, interface, 128);
