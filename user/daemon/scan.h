/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One pass over the client table, as memory: how many clients each service has, how many of them are
 * over a limit, and the busiest since the last pass. Entries change under it; a torn one is one odd
 * line in `weir top`, for a second.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi/client.h"
#include "bpf/abi/config.h"
#include "user/metrics/snapshot.h"

struct scan;

/* Memory for what the last pass saw: 8 bytes for each entry of the table. NULL without memory. */
struct scan *scan_new(uint32_t sets);
void scan_free(struct scan *scan);

/*
 * A pass over a large table takes tens of milliseconds. What cannot wait so long on this thread is done in between:
 * run(context), if not NULL, is called about each millisecond.
 */
struct scan_pause {
	void (*run)(void *context);
	void *context;
};
/* Memory read between two pauses: 2 MiB, at 2 GB/s or more */
#define SCAN_PAUSE_BYTES 2097152

static inline void scan_pause(const struct scan_pause *pause, size_t index, size_t bytes)
{
	if (pause->run && index % (SCAN_PAUSE_BYTES / bytes) == 0)
		pause->run(pause->context);
}

/* What a pass reads beside the table */
struct scan_input {
	const struct weir_client_set *set;
	uint32_t sets;
	const struct weir_side *side; /* the active one */
	uint64_t now_ns;	      /* CLOCK_MONOTONIC */
	struct scan_pause pause;
};

/*
 * The bits of a prefix that a client's address was cut to, 0 .. 128, from the mask its service uses. number: of the service, or'ed with
 * WEIR_CLIENT_PARENT
 */
unsigned int scan_client_length(const struct weir_side *side, const uint8_t addr[16],
				uint8_t number);

/* Fills service[].clients and .clients_limited, table_entries, top[] and tops of *out. */
void scan_run(struct scan *scan, const struct scan_input *input, struct snapshot *out);
