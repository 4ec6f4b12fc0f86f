/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The states of a circuit breaker and why they change, and what both are called everywhere: user/breaker decides them. */
#pragma once

#include <stdbool.h>

/* X(NAME, word) */
#define BREAKER_STATES(X)                                                              \
	X(CLOSED, "closed")		  /* calls go through, outcomes are watched */ \
	X(OPEN, "open")			  /* calls are refused until the retry */      \
	X(HALF_OPEN, "half_open")	  /* a few calls go through and decide */      \
	X(FORCED_OPEN, "forced_open")	  /* by an operator; outcomes are nothing */   \
	X(FORCED_CLOSED, "forced_closed") /* likewise */                               \
	X(DISABLED, "disabled")		  /* mode off: calls go through, nobody watches */

enum breaker_state {
#define X(name, word) BREAKER_##name,
	BREAKER_STATES(X)
#undef X
		BREAKER_STATE_COUNT,
};

/* Why a state changed. X(NAME, word) */
#define BREAKER_REASONS(X)                                                            \
	X(NONE, "none")                                                               \
	/* closed, or half-open, to open */                                           \
	X(CONSECUTIVE, "consecutive_failures")                                        \
	X(FAILURE_RATIO, "failure_ratio")                                             \
	X(SLOW_RATIO, "slow_ratio")                                                   \
	X(CONNECTIONS, "max_connections")                                             \
	X(WAITING_SYNS, "waiting_syns")                                               \
	X(SUCCESS_RATE, "success_rate")                                               \
	X(PROBE_FAILED, "probe_failed") /* while half-open */                         \
	X(PROBE_SLOW, "probe_slow")	/* likewise, and slow_ratio is configured */  \
	/* the way back */                                                            \
	X(RECOVERY, "recovery")		  /* it was open long enough: half-open */    \
	X(ANSWERS, "answers_again")	  /* active probes say so: half-open early */ \
	X(PROBES_PASSED, "probes_passed") /* half_open_successes: closed */           \
	/* people */                                                                  \
	X(MANUAL, "manual")		    /* an override, or its end by `auto` */   \
	X(OVERRIDE_ENDED, "override_ended") /* its time was over */                   \
	X(RESET, "reset")                                                             \
	X(CONFIGURED, "configured") /* another mode */                                \
	X(RESTORED, "restored")	    /* as it was before a reload or a restart */

enum breaker_reason {
#define X(name, word) BREAKER_BY_##name,
	BREAKER_REASONS(X)
#undef X
		BREAKER_REASON_COUNT,
};

const char *breaker_state_word(enum breaker_state state);
const char *breaker_reason_word(enum breaker_reason reason);

/* Can a state be entered for this reason? What cannot be needs no counter. */
bool breaker_reason_leads_to(enum breaker_reason reason, enum breaker_state state);
