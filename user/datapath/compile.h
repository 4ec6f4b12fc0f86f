/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Configuration -> one side of the kernel's tables. Pure: writes only the side, the list of
 * destinations and the numbers in *state. generation, latency_bank and WEIR_SIDE_PREFIXES are left to
 * who fills the side.
 */
#pragma once

#include "bpf/abi/config.h"
#include "bpf/abi/state.h"
#include "user/config/model.h"
#include "user/datapath/datapath.h"
#include "user/datapath/names.h"

struct destination_entry {
	struct weir_prefix_key key;
	struct weir_destination value;
};

struct compiled {
	struct numbers numbers;
	struct weir_side *side;
	struct destination_entry *destinations; /* sorted */
	size_t destination_count;
	uint8_t fresh[WEIR_SERIES]; /* series whose counters must be zeroed */
};

/*
 * How many units a processor takes of a shared bucket at a time: an eighth of its share of the
 * burst, and what comes in within a millisecond at most. What all of them may hold is taken from the burst.
 */
uint32_t chunk_of(struct weir_limit *limit, enum weir_unit unit, uint32_t cpus);

/*
 * Limits of a cluster are compiled as even shares of the nodes that state->nodes says there are (0: one).
 * cpus: possible processors; ifindex: by index in config.interface, 0 where it is not there. 0, or
 * -errno with a message. *out is released by compiled_free() in any case.
 */
int compile(const struct config *config, uint32_t cpus, const uint32_t *ifindex,
	    struct weir_state *state, struct compiled *out, struct datapath_error *error);
void compiled_free(struct compiled *compiled);
