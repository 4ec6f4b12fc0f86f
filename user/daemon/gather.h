/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Datapath, scan and daemon -> one snapshot. Run by the control thread, each second and after changes. */
#pragma once

#include "user/config/model.h"
#include "user/daemon/resolve.h"
#include "user/daemon/scan.h"
#include "user/daemon/scan_flows.h"
#include "user/datapath/datapath.h"
#include "user/metrics/snapshot.h"

/* What outlives one snapshot */
struct gather {
	struct datapath *datapath;
	const struct config *config;
	struct scan *scan;
	struct scan_flows *scan_flows;
	struct resolve *resolve;
	struct breakers *breakers;
	struct cluster *cluster;
	struct scan_pause pause; /* what a scan does in between */
	struct histogram scan_duration;
	double start_time;
	uint64_t reloads_ok, reloads_failed;
	bool reload_ok;
	double reload_ok_time;
	char reload_error[160];
	/* Totals up to two minutes ago and up to one, for the health of the table */
	struct {
		uint64_t time_ns; /* 0: none yet */
		struct weir_totals totals;
	} mark[2];
	uint64_t pressure[WEIR_SERVICES]; /* refusals and parent judgements at the last snapshot */
};

/*
 * NULL without memory. previous: what is told by a scan of the table is taken from it, for a snapshot
 * between two seconds: rates over a few milliseconds mean nothing, and a reload need not wait for a scan.
 */
struct snapshot *gather_snapshot(struct gather *gather, const struct snapshot *previous);
