/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The circuit breakers of all upstreams, between the state machine (user/breaker) and the kernel (abi/breaker.h): outcomes, counts,
 * flows and probes go in; gates, log lines, events and figures come out. The control thread's alone.
 *
 * What must outlive the daemon is kept beside the gates in the map weir_breaker: a daemon that adopts the pins goes on with it. A daemon that
 * is killed between the writes of two words of it leaves a state that is older than its times, or newer: at worst what was open begins
 * as half-open.
 */
#pragma once

#include <jansson.h>

#include "user/config/model.h"
#include "user/daemon/feed.h"
#include "user/datapath/datapath.h"
#include "user/metrics/snapshot.h"

struct breakers;

/* After the configuration was applied: takes over what the pins hold. NULL without memory or descriptor. */
struct breakers *breakers_new(struct datapath *datapath, const struct config *config,
			      struct feed *feed);
/* The gates stay as they are. NULL is allowed. */
void breakers_free(struct breakers *breakers);

/*
 * After another configuration was applied. What stays keeps its state, what went lets everything through. -ENOMEM: the breakers go on as they
 * were configured.
 */
int breakers_change(struct breakers *breakers, const struct config *config);

/* To poll: a timer; results of probes */
int breakers_timer_fd(const struct breakers *breakers);
int breakers_probes_fd(const struct breakers *breakers);

void breakers_on_timer(struct breakers *breakers);
void breakers_on_probes(struct breakers *breakers);
/* When datapath_outcomes_fd() is readable; takes a void pointer to be a scan's pause. */
void breakers_on_outcomes(void *breakers);

/* The scan has given up on a call: see scan_flows_input. */
void breakers_gave_up(void *breakers, uint32_t endpoint, bool connecting, uint64_t since_ns);
/* Takes connections and waiting SYNs from what the scan has found. */
void breakers_note_flows(struct breakers *breakers, const struct snapshot *found);

/* Has any state changed since the last call? */
bool breakers_changed(struct breakers *breakers);

/* Fills the parts of *out about breakers. */
void breakers_show(const struct breakers *breakers, struct snapshot *out);

/* "open", "close", "auto", "reset" */
enum breakers_action { BREAKERS_OPEN, BREAKERS_CLOSE, BREAKERS_AUTO, BREAKERS_RESET };
int breakers_action_parse(const char *word, enum breakers_action *out);

/*
 * endpoint: NULL for all of the upstream. until_ns: 0 for no end; for open and close. Returns how many endpoints were meant, or -ENOENT
 * if there is no such upstream, -ENXIO if it has no such endpoint.
 */
int breakers_override(struct breakers *breakers, const char *upstream, const char *endpoint,
		      enum breakers_action action, uint64_t until_ns);
/*
 * The same, given at another node at given_ns, perhaps long ago: changes nothing of an endpoint that an operator has decided on since, and
 * resets no state that began since.
 */
int breakers_order(struct breakers *breakers, const char *upstream, const char *endpoint,
		   enum breakers_action action, uint64_t until_ns, uint64_t given_ns);
