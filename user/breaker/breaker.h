/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The circuit breakers of one upstream: a state for each endpoint, what moves it, and what the kernel is to
 * enforce. docs/breakers.md says it for operators. Pure: no kernel, no thread, no clock.
 *
 * Time: ns of CLOCK_MONOTONIC, passed to each call. One that is earlier than in a call before counts as that one,
 * so events that were stamped a little before the last tick do no harm. Every call first does what time has
 * brought for the endpoint it is about.
 *
 * One thread at a time. Endpoints are numbers below the count given to breaker_new().
 *
 * Who feeds it:
 *   breaker_outcome() for each failed call, at once; while half-open, for each that succeeded, too
 *   breaker_sample()  for each endpoint about every 100 ms: what was counted since, and the gauges
 *   breaker_tick()    after the samples, and no later than breaker_next_ns()
 * and after any of these writes breaker_gate() of the endpoint (after a tick: of all) where the kernel finds it, if it
 * is not what it was.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/config/model.h"

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
#define BREAKER_REASONS(X)                                                           \
	X(NONE, "none")                                                              \
	/* closed, or half-open, to open */                                          \
	X(CONSECUTIVE, "consecutive_failures")                                       \
	X(FAILURE_RATIO, "failure_ratio")                                            \
	X(SLOW_RATIO, "slow_ratio")                                                  \
	X(CONNECTIONS, "max_connections")                                            \
	X(WAITING_SYNS, "waiting_syns")                                              \
	X(SUCCESS_RATE, "success_rate")                                              \
	X(PROBE_FAILED, "probe_failed") /* while half-open */                        \
	X(PROBE_SLOW, "probe_slow")	/* likewise, and slow_ratio is configured */ \
	/* the way back */                                                           \
	X(RECOVERY, "recovery")		  /* it was open long enough: half-open */   \
	X(PROBES_PASSED, "probes_passed") /* half_open_successes: closed */          \
	/* people */                                                                 \
	X(MANUAL, "manual")		    /* an override, or its end by `auto` */  \
	X(OVERRIDE_ENDED, "override_ended") /* its time was over */                  \
	X(RESET, "reset")                                                            \
	X(CONFIGURED, "configured") /* another mode */                               \
	X(RESTORED, "restored")	    /* as it was before a reload or a restart */

enum breaker_reason {
#define X(name, word) BREAKER_BY_##name,
	BREAKER_REASONS(X)
#undef X
		BREAKER_REASON_COUNT,
};

const char *breaker_state_word(enum breaker_state state);
const char *breaker_reason_word(enum breaker_reason reason);

/* As it was when the state changed, or is now. The window: what a ratio is a ratio of */
struct breaker_figures {
	uint32_t streak;       /* consecutive failures in the state */
	uint64_t calls;	       /* in the window */
	uint64_t failures;     /* likewise */
	uint64_t slow;	       /* likewise */
	uint32_t connections;  /* open ones */
	uint32_t waiting_syns; /* that nobody has answered yet */
	uint32_t ejections; /* in a row, less the healthy intervals: recovery is that many times longer */
	uint64_t retry_ns; /* open: when it becomes half-open */
	uint64_t until_ns; /* forced: when the override ends; 0: never */
};

struct breaker_change {
	unsigned int endpoint;
	enum breaker_state from, to;
	enum breaker_reason reason;
	bool enforced; /* false: mode observe, and no override: nobody is refused */
	uint64_t now_ns;
	struct breaker_figures
		figures; /* what led to it; ejections, retry_ns and until_ns of the new state */
};

/* Called at each change of a state, from within the call that brought it; it must not call back into the breaker. */
typedef void breaker_changed(void *context, const struct breaker_change *change);

struct breaker;

/*
 * All endpoints closed (disabled in mode off). config is copied, and must be one that config_parse() could have
 * made. endpoints: 1 .. WEIR_ENDPOINTS. seed: any; the same seed and calls give the same waits. NULL without memory.
 */
struct breaker *breaker_new(const struct config_breaker *config, unsigned int endpoints,
			    uint64_t seed, uint64_t now_ns, breaker_changed *changed,
			    void *context);
void breaker_free(struct breaker *breaker); /* NULL is allowed */

/*
 * Another configuration from now on. States stay, but mode off disables what is not forced, and another mode closes
 * what was disabled. Waits that have begun go on, but no longer than one that began now could.
 */
void breaker_configure(struct breaker *breaker, const struct config_breaker *config,
		       uint64_t now_ns);

/* What became of a call. Not for calls that were refused here. */
struct breaker_outcome {
	unsigned int endpoint;
	bool failed;
	bool slow; /* it succeeded, but late */
	uint32_t streak; /* consecutive failures with this one, as the kernel has it; 0: unknown, one more */
	uint64_t began_ns; /* when the call began: one from before the present state decides nothing in it */
};
void breaker_outcome(struct breaker *breaker, const struct breaker_outcome *outcome,
		     uint64_t now_ns);

struct breaker_sample {
	uint64_t from_ns; /* when the sample before was taken: what was counted since is in this one */
	uint64_t calls; /* completed, with failures and slow ones */
	uint64_t failures, slow;
	uint32_t connections, waiting_syns; /* at present */
};

/*
 * A sample that began before the present state is left out of the window: it may count calls from before. That
 * loses at most the 100 ms after a change.
 */
void breaker_sample(struct breaker *breaker, unsigned int endpoint,
		    const struct breaker_sample *sample, uint64_t now_ns);

/* What time alone brings, for all endpoints, and the comparison of their success rates */
void breaker_tick(struct breaker *breaker, uint64_t now_ns);

/* When a tick has something to do, if nothing else happens before; UINT64_MAX: never */
uint64_t breaker_next_ns(const struct breaker *breaker);

/* ------------------------------------------------------------------------------------ by operators */

/* Open or closed whatever happens, in every mode, until that time (0: until told otherwise). */
void breaker_force(struct breaker *breaker, unsigned int endpoint, bool open, uint64_t until_ns,
		   uint64_t now_ns);

/*
 * Ends an override, else does nothing. What was forced open becomes half-open, if no more are out than
 * may be; what was forced closed becomes closed.
 */
void breaker_auto(struct breaker *breaker, unsigned int endpoint, uint64_t now_ns);

/* Closed, as if nothing had ever happened: without override, ejections and window */
void breaker_reset(struct breaker *breaker, unsigned int endpoint, uint64_t now_ns);

/* ---------------------------------------------------------------------------------- for the kernel */

enum breaker_verdict {
	BREAKER_PASS,	/* everything */
	BREAKER_PERMIT, /* the first `permits` calls of the round; the rest is refused */
	BREAKER_REFUSE, /* everything */
};

/*
 * A grace beyond what the daemon does by itself, so that the kernel never acts before a daemon that is alive: ten
 * ticks of 100 ms.
 */
#define BREAKER_GRACE_NS UINT64_C(1000000000)
/*
 * How long an override holds without a daemon, which renews it in time: long enough for a restart, short enough that
 * nobody is locked out by a daemon that is gone.
 */
#define BREAKER_LEASE_NS UINT64_C(60000000000)

/* No padding: two are the same if memcmp() says so. */
struct breaker_gate {
	uint32_t verdict; /* enum breaker_verdict */
	uint32_t permits; /* PERMIT: at least 1, never more than half_open_permits */
	uint32_t round; /* of permits: each new number brings new ones. Never the same for two rounds in a row */
	uint32_t reserved;
	uint64_t since_ns; /* calls from before count for nothing; the kernel may leave them out, too */
	uint64_t deadline_ns; /* then the kernel lets everything through by itself. 0 for PASS */
};

void breaker_gate(const struct breaker *breaker, unsigned int endpoint, struct breaker_gate *out);

/* ------------------------------------------------------------------------------------- for showing */

struct breaker_view {
	enum breaker_state state;
	bool enforced;	    /* false: mode observe, and no override */
	uint64_t since_ns;  /* of the state */
	uint32_t successes; /* half-open: so far */
	/* closed: why it would be open, were not too many out; NONE: it would not */
	enum breaker_reason held;
	struct breaker_figures figures;
};
void breaker_view(const struct breaker *breaker, unsigned int endpoint, struct breaker_view *out);

/* Open, half-open or forced open */
unsigned int breaker_out(const struct breaker *breaker);
/* How often an endpoint was not ejected because too many were out */
uint64_t breaker_held(const struct breaker *breaker);

/* ------------------------------------------------------- across a reload, or a restart of the daemon */

/* What is to be known of an endpoint. Times as they were: CLOCK_MONOTONIC goes on when a daemon ends. */
struct breaker_saved {
	uint8_t state; /* enum breaker_state */
	uint8_t reserved[3];
	uint32_t ejections;
	uint64_t retry_ns;
	uint64_t until_ns;
};
void breaker_save(const struct breaker *breaker, unsigned int endpoint, struct breaker_saved *out);

/*
 * Into a breaker that was just made. 0; or -EINVAL, and nothing changes, for what no breaker has saved. A state that
 * the configuration does not allow any more (mode off, too many out) is closed or disabled instead.
 * What was open and half-open meanwhile begins anew as half-open.
 */
int breaker_restore(struct breaker *breaker, unsigned int endpoint,
		    const struct breaker_saved *saved, uint64_t now_ns);
