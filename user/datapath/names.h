/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers for names, stable for the life of the pins: buckets, clients, flows and counters are indexed by
 * them. Pure over a struct weir_state. A name that is no longer configured keeps its number until the
 * number is needed.
 */
#pragma once

#include "bpf/abi/state.h"
#include "user/config/model.h"

struct numbers {
	uint32_t interface[WEIR_INTERFACES]; /* by index in config.interface */
	uint32_t service[WEIR_SERVICES];     /* by index in config.service; [0] is 0 */
	uint32_t tier[WEIR_TIERS];	     /* by index in config.tier; [0] is 0 */
	uint32_t upstream[WEIR_UPSTREAMS];   /* by index in config.upstream */
	uint32_t endpoint[WEIR_ENDPOINTS];   /* one upstream's after the other's */
	/* By number: given to another name than it had; what was counted under it must be zeroed before use */
	bool fresh_service[WEIR_SERVICES];
	bool fresh_upstream[WEIR_UPSTREAMS];
	bool fresh_endpoint[WEIR_ENDPOINTS];
};

/*
 * Finds or gives a number to everything the configuration names, in *state. There is always room:
 * a configuration holds no more of each than the kernel does.
 */
void names_assign(struct weir_state *state, const struct config *config, struct numbers *out);

/* The number that an endpoint of an upstream has; WEIR_ENDPOINTS: none. */
uint32_t names_endpoint(const struct weir_state *state, const char *upstream, const char *endpoint);

/*
 * The counter series of (interface, service, tier). New ones are noted in `fresh` (WEIR_SERIES bytes,
 * set to 1): their counters must be zeroed before use. 0: none is left.
 */
uint32_t names_series(struct weir_state *state, uint32_t interface, uint32_t service, uint32_t tier,
		      uint8_t *fresh);

/* Frees the series of everything that `numbers` does not name; the counters with them. */
void names_forget_series(struct weir_state *state, const struct config *config,
			 const struct numbers *numbers);
