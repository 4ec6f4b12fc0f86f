/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a cluster limit does without Redis, and what its share is at present: words of configuration, metrics and JSON. */
#pragma once

/* After a lease without an answer. X(NAME, word) */
#define OUTAGES(X)                                      \
	X(SHARE, "share") /* R/N of the last N known */ \
	X(LOCAL, "local") /* R on each node */          \
	X(KEEP, "keep")	  /* the last share */          \
	X(DENY, "deny")	  /* nothing */

enum outage {
#define X(name, word) OUTAGE_##name,
	OUTAGES(X)
#undef X
		OUTAGE_COUNT,
};

/* Of this node. X(NAME, word) */
#define CLUSTER_MODES(X)                                                                           \
	X(STARTING, "starting") /* no answer yet: even shares of the nodes last known */           \
	X(SHARED, "shared")	/* shares as Redis last said */                                    \
	X(HELD, "held")	    /* Redis has lost its memory: shares stay until epochs are complete */ \
	X(OUTAGE, "outage") /* no answer for a lease: each limit by its on_outage */

enum cluster_mode {
#define X(name, word) CLUSTER_##name,
	CLUSTER_MODES(X)
#undef X
		CLUSTER_MODE_COUNT,
};

/* "?" for a number that is none */
const char *outage_word(enum outage outage);
const char *cluster_mode_word(enum cluster_mode mode);
