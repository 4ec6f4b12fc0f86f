/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A cluster in simulated time, for tests of the control law: N nodes with local buckets, a ledger on each that reports
 * its keys (user/cluster/ledger.h), and shared buckets that read what they send (tests/unit/ledger_redis.h). Whole units in steps of 5 ms; a report is counted when it is sent, its answer is
 * there 5 ms later. Each node looks for an empty bucket every 10 ms.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/cluster/ledger.h"

enum { SIM_NODES = 100, SIM_KEYS = 8 };

struct sim {
	unsigned int nodes;
	unsigned int keys,
		shards; /* 0 is 1. The demand is that of each key; results are of the worst */
	struct law_limit limit;
	double interval, seconds; /* s */
	/* units/s at a node, at a time in s; demand is for its use */
	double (*demand_of)(const struct sim *sim, unsigned int node, double now);
	double demand;
	double report_from;	       /* s: of what follows in the result */
	double outage_from, outage_to; /* s: Redis does not answer */
	double stagger;		       /* s: in which all nodes find out that it does again */
	double flushed_at;	       /* s: it loses its memory; 0: never */
	/* So many nodes, the last of all, come or go then, in s */
	unsigned int joining, crashing;
	double join_at, crash_at;
	double lost; /* part of the answers that get lost; their reports are sent again T/4 later */
	double lost_requests; /* part of the reports that never get there; sent again likewise */
	double late;   /* part of the rounds that a node is late with, each by up to an interval */
	double drift;  /* so much faster than theirs goes the clock of Redis */
	bool gift;     /* a greater burst adds to the level of the local bucket: wrong, see law.h */
	bool aligned;  /* an epoch begins when the simulation does; else anywhere in it */
	uint64_t seed; /* of the phases of nodes and epochs, and of what gets lost */
};

struct sim_result {
	double excess;	 /* by R: beyond the true bucket, at the worst moment of all */
	double long_run; /* admitted by time and R */
	double sum;	 /* of all rates in force, by R, at the worst moment of all */
	double reports;	 /* by node and interval */
	uint64_t refused, refused_before; /* units: from report_from on; before it */
	double served[SIM_NODES];	  /* part of what a node was asked for that it admitted */
	double rate[SIM_NODES];		  /* in force at the end, by R */
	double least;			  /* of the first node's rates, by R, from report_from on */
};

struct sim_result sim_run(const struct sim *sim);
