// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counters, programs, maps and events: everything that is only read */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/datapath/internal.h"

const struct weir_state *datapath_names(const struct datapath *datapath)
{
	return datapath->state;
}

uint64_t datapath_epoch(const struct datapath *datapath)
{
	return datapath->control->word >> 1;
}

const struct weir_side *datapath_side(const struct datapath *datapath)
{
	return &datapath->side[WEIR_SIDE(datapath->control->word)];
}

uint32_t datapath_generation(const struct datapath *datapath)
{
	return datapath_side(datapath)->generation;
}

struct datapath_table datapath_table(const struct datapath *datapath)
{
	return (struct datapath_table){datapath->clients, datapath->sets};
}

/* Adds up the values of all CPUs, which are nothing but u64 counters, `words` of them. */
static int sum(const struct datapath *datapath, enum map_index map, uint32_t key, size_t words,
	       u64 *out)
{
	_cleanup_free_ u64 *values = calloc((size_t)datapath->cpus * words, sizeof(*values));

	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(datapath->map[map], &key, values))
		return -errno;
	memset(out, 0, words * sizeof(*out));
	for (int cpu = 0; cpu < datapath->cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			out[i] += values[(size_t)cpu * words + i];
	return 0;
}

int datapath_series(struct datapath *datapath, uint32_t series, struct weir_series *out)
{
	return sum(datapath, MAP_SERIES, series, sizeof(*out) / sizeof(u64), (u64 *)out);
}

int datapath_totals(struct datapath *datapath, struct weir_totals *out)
{
	return sum(datapath, MAP_TOTALS, 0, sizeof(*out) / sizeof(u64), (u64 *)out);
}

int datapath_histogram(struct datapath *datapath, enum weir_latency latency, uint32_t owner,
		       struct weir_histogram *out)
{
	uint32_t bank = datapath_side(datapath)->latency_bank & 1;

	return sum(datapath, MAP_LATENCY, weir_histogram_index(bank, latency, owner),
		   sizeof(*out) / sizeof(u64), (u64 *)out);
}

int datapath_calls(struct datapath *datapath, uint32_t endpoint, struct weir_calls *out)
{
	return sum(datapath, MAP_CALLS, endpoint, sizeof(*out) / sizeof(u64), (u64 *)out);
}

int datapath_flow_sums(struct datapath *datapath, struct weir_flow_sums *out)
{
	return sum(datapath, MAP_FLOW_SUMS, 0, sizeof(*out) / sizeof(u64), (u64 *)out);
}

struct datapath_flows datapath_flows(const struct datapath *datapath)
{
	return (struct datapath_flows){datapath->flows, datapath->flow_sets, datapath->late};
}

int datapath_program_fd(struct datapath *datapath, int which)
{
	if (which == PROGRAM_FLOW_IN || which == PROGRAM_FLOW_OUT)
		load_flow_programs(datapath);
	return datapath->program[which];
}

int datapath_program(struct datapath *datapath, int which, struct datapath_program *out)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);

	if (datapath->program[which] < 0)
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(datapath->program[which], &info, &length))
		return -errno;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", info.name);
	out->id = info.id;
	for (size_t i = 0; i < sizeof(info.tag); i++)
		snprintf(out->tag + 2 * i, 3, "%02x", info.tag[i]);
	out->run_count = info.run_cnt;
	out->run_time_ns = info.run_time_ns;
	out->verified_insns = info.verified_insns;
	return 0;
}

/* What a map takes of kernel memory, as the kernel itself says in fdinfo */
static uint64_t map_memory(int fd)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *file = NULL;
	unsigned long long bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	return bytes;
}

size_t datapath_maps(struct datapath *datapath, struct datapath_map *out, size_t size)
{
	size_t count = size < MAP_COUNT ? size : MAP_COUNT;

	for (size_t i = 0; i < count; i++) {
		struct bpf_map_info info = {};
		uint32_t length = sizeof(info);

		memset(&out[i], 0, sizeof(out[i]));
		snprintf(out[i].name, sizeof(out[i].name), "%s", map_names[i]);
		if (bpf_obj_get_info_by_fd(datapath->map[i], &info, &length))
			continue;
		out[i].capacity = info.max_entries;
		out[i].memory_bytes = map_memory(datapath->map[i]);
	}
	return count;
}

int datapath_events_fd(struct datapath *datapath)
{
	return ring_buffer__epoll_fd(datapath->ring);
}

int datapath_events(struct datapath *datapath,
		    void (*handle)(void *context, const struct weir_event *event), void *context)
{
	datapath->on_event = handle;
	datapath->on_event_context = context;
	return ring_buffer__consume(datapath->ring);
}

struct datapath_breakers datapath_breakers(const struct datapath *datapath)
{
	return (struct datapath_breakers){datapath->breaker};
}

int datapath_outcomes_fd(struct datapath *datapath)
{
	return ring_buffer__epoll_fd(datapath->outcomes);
}

int datapath_outcomes(struct datapath *datapath,
		      void (*handle)(void *context, const struct weir_outcome *outcome),
		      void *context)
{
	datapath->on_outcome = handle;
	datapath->on_outcome_context = context;
	return ring_buffer__consume(datapath->outcomes);
}
