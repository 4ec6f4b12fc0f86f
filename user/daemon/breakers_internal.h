/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What breakers*.c share; nobody else includes it. */
#pragma once

#include "user/breaker/breaker.h"
#include "user/daemon/breakers.h"
#include "user/daemon/probe.h"

/* What became of the calls of an endpoint since its numbers began */
struct breakers_counts {
	uint64_t calls, failures, slow;
};

struct breakers_endpoint {
	char name[WEIR_ENDPOINT_NAME];
	uint32_t number;	       /* in the kernel; WEIR_ENDPOINTS: none, which cannot be */
	struct breaker_gate gate;      /* as last written */
	struct breakers_counts seen;   /* in the last sample */
	struct breakers_counts probed; /* since then, by probes: the kernel does not count them */
	uint32_t connections, waiting_syns; /* in the last scan */
	uint32_t probes_in_a_row;	    /* good ones, since the state began */
	uint64_t probes_ok, probes_failed;
	enum breaker_reason reason; /* of the state */
	uint64_t since_ns;
	uint64_t ordered_ns; /* when the last override was given, here or elsewhere; 0: none */
};

struct breakers_upstream {
	char name[WEIR_NAME];
	struct breakers *all;
	const struct config_upstream *config; /* in breakers.config */
	struct breaker *breaker;
	struct breakers_endpoint *endpoint;
	unsigned int endpoints;
	uint64_t transitions[BREAKER_STATE_COUNT][BREAKER_REASON_COUNT];
};

/* A change that is to be told, once it is enforced */
struct breakers_news {
	struct breakers_upstream *upstream;
	struct breaker_change change;
};

struct breakers {
	struct datapath *datapath;
	struct config *config;
	struct feed *feed;
	struct breakers_upstream *upstream[WEIR_UPSTREAMS]; /* as in config */
	size_t upstreams;
	/* By number of the endpoint: whose it is; upstream NULL: nobody's */
	struct {
		struct breakers_upstream *upstream;
		unsigned int endpoint;
	} owner[WEIR_ENDPOINTS];
	struct probes *probes;
	int timer;
	uint64_t sampled_ns;
	struct histogram reaction;
	bool changed;
	/* What is at work: for the news */
	uint64_t outcome_ns; /* when the kernel saw the call end; 0: it is none */
	struct breakers_news news[2 * WEIR_ENDPOINTS];
	size_t newses;
};

/* breakers_gate.c: makes the kernel and the pins say what the state machine says of an endpoint, and then tells the news. */
void breakers_settle_endpoint(struct breakers_upstream *upstream, unsigned int endpoint);
/* The same of all endpoints */
void breakers_settle(struct breakers_upstream *upstream);
/* Lets everything through, and forgets. */
void breakers_let_go(struct breakers *breakers, uint32_t number);
/* What an earlier daemon, or this one before a reload, has left: into a new breaker. After a reload that is no news. */
void breakers_recall(struct breakers_upstream *upstream, unsigned int endpoint, bool reload,
		     uint64_t now_ns);

/* breakers_feed.c: what the kernel and the scan have counted of an endpoint; *out untouched if that cannot be read */
void breakers_count(const struct breakers *breakers, uint32_t number, struct breakers_counts *out);

/* breakers_tell.c */
void breakers_note(void *upstream, const struct breaker_change *change);
void breakers_tell(struct breakers *breakers);
