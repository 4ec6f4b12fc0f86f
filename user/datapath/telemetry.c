// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/telemetry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

/* The largest per-CPU value that is emptied here */
#define VALUE_BYTES sizeof(struct weir_histogram)
_Static_assert(sizeof(struct weir_calls) <= VALUE_BYTES, "one block of zeros serves both");

/* zero: a value for each processor */
static int empty_histogram(struct datapath *datapath, u32 index, const void *zero)
{
	return bpf_map_update_elem(datapath->map[MAP_LATENCY], &index, zero, BPF_ANY) ? -errno : 0;
}

static int empty_bank(struct datapath *datapath, u32 bank, const void *zero)
{
	int result = 0;

	for (u32 i = 0; !result && i < WEIR_HISTOGRAMS; i++)
		result = empty_histogram(datapath, bank * WEIR_HISTOGRAMS + i, zero);
	return result;
}

static int empty_owner(struct datapath *datapath, u32 bank, enum weir_latency first,
		       enum weir_latency second, u32 owner, const void *zero)
{
	int result = empty_histogram(datapath, weir_histogram_index(bank, first, owner), zero);

	return result ? result
		      : empty_histogram(datapath, weir_histogram_index(bank, second, owner), zero);
}

static int empty_endpoint(struct datapath *datapath, u32 endpoint, const void *zero)
{
	if (bpf_map_update_elem(datapath->map[MAP_CALLS], &endpoint, zero, BPF_ANY))
		return -errno;
	datapath->late[endpoint] = (struct weir_late){};
	datapath->breaker[endpoint] = (struct weir_breaker){};
	return 0;
}

static bool same_bounds(const struct weir_side *a, const struct weir_side *b)
{
	return a->bounds == b->bounds && !memcmp(a->bound_ns, b->bound_ns, sizeof(a->bound_ns));
}

/* Histograms of numbers with other names. The idle bank is emptied as a whole when its turn comes. */
static int empty_fresh(struct datapath *datapath, const struct numbers *numbers, u32 bank,
		       const void *zero)
{
	int result = 0;

	for (u32 i = 0; !result && i < WEIR_SERVICES; i++)
		if (numbers->fresh_service[i])
			result = empty_owner(datapath, bank, WEIR_LATENCY_ROUND_TRIP,
					     WEIR_LATENCY_RESPONSE, i, zero);
	for (u32 i = 0; !result && i < WEIR_UPSTREAMS; i++)
		if (numbers->fresh_upstream[i])
			result = empty_owner(datapath, bank, WEIR_LATENCY_CONNECT,
					     WEIR_LATENCY_UPSTREAM_RESPONSE, i, zero);
	return result;
}

int telemetry_prepare(struct datapath *datapath, struct compiled *compiled)
{
	_cleanup_free_ void *zero = calloc((size_t)datapath->cpus, VALUE_BYTES);
	const struct weir_side *active = datapath_side(datapath);
	const struct numbers *numbers = &compiled->numbers;
	bool same = same_bounds(active, compiled->side);
	u32 bank = same ? active->latency_bank & 1 : !(active->latency_bank & 1);
	int result;

	if (!zero)
		return -ENOMEM;
	compiled->side->latency_bank = bank;
	result = same ? empty_fresh(datapath, numbers, bank, zero)
		      : empty_bank(datapath, bank, zero);
	if (!result)
		result = addresses_forget(datapath, numbers->fresh_endpoint);
	for (u32 i = 0; !result && i < WEIR_ENDPOINTS; i++)
		if (numbers->fresh_endpoint[i])
			result = empty_endpoint(datapath, i, zero);
	return result;
}
