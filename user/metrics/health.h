/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is healthy: pure evaluations over numbers, and readers that fetch the numbers. The daemon
 * fills a snapshot's components with them; user/http only reads the components. Degraded is still ready.
 */
#pragma once

#include <stdint.h>

#include "user/metrics/snapshot.h"

enum health { HEALTH_HEALTHY, HEALTH_DEGRADED, HEALTH_UNHEALTHY };

/* "healthy", "degraded", "unhealthy" */
const char *health_word(int health);

/* Worst of the components; of none: healthy. */
int health_overall(const struct snapshot_component *components, size_t count);

/* Fills *out: name and message are cut to fit. check_ms is the caller's. */
void health_fill(struct snapshot_component *out, const char *name, int health, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

/* The client table now, and what came to it in the last minute or two */
struct health_table {
	uint64_t entries, capacity;
	uint64_t inserts, evictions_active;
};

/*
 * Degraded while more than a tenth of the clients that come in, and more than a few, take the place of an active one: that begins anew with
 * a full burst. How full it is says nothing: an idle client stays until somebody needs its place.
 */
void health_table_judge(const struct health_table *table, struct snapshot_component *out);

/* Appends a component to the snapshot and returns it, NULL when there is no room. */
struct snapshot_component *health_add(struct snapshot *snapshot, const char *name);

/*
 * Component `disk`: free space of the file system that holds path, as an unprivileged process could use it.
 * Under 10 % degraded, under 5 % unhealthy. A file system without a size (proc, bpf) is healthy.
 */
void health_disk_judge(const char *path, uint64_t available_bytes, uint64_t total_bytes,
		       struct snapshot_component *out);
void health_disk(const char *path, struct snapshot_component *out);

/*
 * Component `memory`: use of the host's memory, or of the control group's limit, whichever is nearer to its end.
 * From 85 % degraded, from 95 % unhealthy. A limit of 0 or not below host_total counts as none.
 */
struct health_memory {
	uint64_t host_total, host_available; /* bytes: MemTotal, MemAvailable */
	uint64_t group_limit,
		group_used; /* bytes: memory.max; memory.current without inactive page cache */
};
void health_memory_judge(const struct health_memory *memory, struct snapshot_component *out);

/* proc "/proc", cgroups "/sys/fs/cgroup"; 0 or -errno. No control group, no limit: not an error. */
int health_memory_read(const char *proc, const char *cgroups, struct health_memory *out);
void health_memory(struct snapshot_component *out);

/*
 * Component `redis`, of a cluster that is enabled: degraded while Redis does not answer, with its state, since when, and what to do.
 * Never unhealthy: limits hold without it, each by its on_outage.
 */
void health_redis_judge(const struct snapshot_cluster *cluster, struct snapshot_component *out);

/*
 * Component `control`: whether the control thread still reports. The snapshot (NULL: none yet) is unhealthy
 * when it is more than HEALTH_STALE_SECONDS old at now_ns (CLOCK_MONOTONIC).
 */
#define HEALTH_STALE_SECONDS 10
void health_control_judge(const struct snapshot *snapshot, uint64_t now_ns,
			  struct snapshot_component *out);
