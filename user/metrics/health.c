/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/health.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "user/base/clock.h"
#include "user/base/number.h"

#define DISK_DEGRADED_PERCENT 10 /* free */
#define DISK_UNHEALTHY_PERCENT 5
#define MEMORY_DEGRADED_PERCENT 85 /* used */
#define MEMORY_UNHEALTHY_PERCENT 95
/* As the alert WeirTableFull has it; and so few as nobody notices */
#define TABLE_DEGRADED_PERCENT 10
#define TABLE_FEW 10

const char *health_word(int health)
{
	static const char *const word[] = {"healthy", "degraded", "unhealthy"};

	return word[health < HEALTH_HEALTHY || health > HEALTH_UNHEALTHY ? HEALTH_UNHEALTHY
									 : health];
}

int health_overall(const struct snapshot_component *components, size_t count)
{
	int worst = HEALTH_HEALTHY;

	for (size_t i = 0; i < count; i++)
		if (components[i].status > worst)
			worst = components[i].status;
	return worst;
}

void health_fill(struct snapshot_component *out, const char *name, int health, const char *format,
		 ...)
{
	va_list arguments;

	snprintf(out->name, sizeof(out->name), "%s", name);
	out->status = health;
	va_start(arguments, format);
	vsnprintf(out->message, sizeof(out->message), format, arguments);
	va_end(arguments);
}

struct snapshot_component *health_add(struct snapshot *snapshot, const char *name)
{
	struct snapshot_component *component;

	if (snapshot->components == sizeof(snapshot->component) / sizeof(snapshot->component[0]))
		return NULL;
	component = &snapshot->component[snapshot->components++];
	health_fill(component, name, HEALTH_HEALTHY, "ok");
	return component;
}

static double percent(uint64_t part, uint64_t whole)
{
	return 100.0 * (double)part / (double)whole;
}

void health_table_judge(const struct health_table *table, struct snapshot_component *out)
{
	bool lossy = table->evictions_active > TABLE_FEW &&
		     table->evictions_active * 100 > table->inserts * TABLE_DEGRADED_PERCENT;

	if (lossy)
		health_fill(out, "maps", HEALTH_DEGRADED,
			    "%" PRIu64 " of %" PRIu64
			    " clients that came in took the place of an active one: raise "
			    "table.clients, or lower new_clients in a flood",
			    table->evictions_active, table->inserts);
	else
		health_fill(out, "maps", HEALTH_HEALTHY,
			    "%" PRIu64 " of %" PRIu64 " client entries in use, idle ones included",
			    table->entries, table->capacity);
}

void health_disk_judge(const char *path, uint64_t available_bytes, uint64_t total_bytes,
		       struct snapshot_component *out)
{
	double free_percent;

	if (!total_bytes) {
		health_fill(out, "disk", HEALTH_HEALTHY, "%s has no size", path);
		return;
	}
	free_percent = percent(available_bytes, total_bytes);
	if (free_percent < DISK_UNHEALTHY_PERCENT)
		health_fill(out, "disk", HEALTH_UNHEALTHY,
			    "%.1f %% of %s is free, %d %% is the least", free_percent, path,
			    DISK_UNHEALTHY_PERCENT);
	else if (free_percent < DISK_DEGRADED_PERCENT)
		health_fill(out, "disk", HEALTH_DEGRADED,
			    "%.1f %% of %s is free, %d %% is the warning", free_percent, path,
			    DISK_DEGRADED_PERCENT);
	else
		health_fill(out, "disk", HEALTH_HEALTHY, "%.1f %% of %s is free", free_percent,
			    path);
}

/* What root keeps for itself counts neither as free nor as used, as df(1) has it. */
void health_disk(const char *path, struct snapshot_component *out)
{
	uint64_t start = clock_monotonic_ns();
	struct statvfs fs;

	if (statvfs(path, &fs))
		health_fill(out, "disk", HEALTH_DEGRADED, "cannot read the free space of %s: %s",
			    path, strerror(errno));
	else
		health_disk_judge(path, (uint64_t)fs.f_bavail * fs.f_frsize,
				  (uint64_t)(fs.f_blocks - fs.f_bfree + fs.f_bavail) * fs.f_frsize,
				  out);
	out->check_ms = clock_seconds_since(start) * 1e3;
}

static int memory_health(double used_percent)
{
	if (used_percent >= MEMORY_UNHEALTHY_PERCENT)
		return HEALTH_UNHEALTHY;
	return used_percent >= MEMORY_DEGRADED_PERCENT ? HEALTH_DEGRADED : HEALTH_HEALTHY;
}

void health_memory_judge(const struct health_memory *memory, struct snapshot_component *out)
{
	bool limited = memory->group_limit && memory->group_limit < memory->host_total;
	double host, group;

	if (!memory->host_total) {
		health_fill(out, "memory", HEALTH_DEGRADED, "the size of memory is not known");
		return;
	}
	host = 100 - percent(memory->host_available, memory->host_total);
	group = limited ? percent(memory->group_used, memory->group_limit) : 0;
	if (limited && group >= host)
		health_fill(out, "memory", memory_health(group),
			    "%.1f %% of the control group's %" PRIu64 " MiB is used", group,
			    memory->group_limit >> 20);
	else
		health_fill(out, "memory", memory_health(host),
			    "%.1f %% of the host's %" PRIu64 " MiB is used", host,
			    memory->host_total >> 20);
}

/* "key value" of a file of such lines; kB, where the line says so, become bytes. -ENOENT without the key. */
static int read_field(const char *path, const char *key, uint64_t *value)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	size_t length = strlen(key);
	char line[256];
	char unit[4];
	int found;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		uint64_t number;

		if (strncmp(line, key, length))
			continue;
		found = sscanf(line + length, " %" SCNu64 " %3s", &number, unit);
		if (found < 1)
			return -EINVAL;
		*value = found == 2 && !strcmp(unit, "kB") ? number * 1024 : number;
		return 0;
	}
	return -ENOENT;
}

/* A file that holds one number, or "max" */
static int read_number(const char *path, uint64_t *value)
{
	return read_field(path, "", value);
}

/* Version 2's line of /proc/self/cgroup, "0::/system.slice/weir.service" */
static int group_path(const char *proc, char *path, size_t size)
{
	_cleanup_fclose_ FILE *file = NULL;
	char name[PATH_MAX], line[PATH_MAX];

	snprintf(name, sizeof(name), "%s/self/cgroup", proc);
	file = fopen(name, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::/", 4)) {
			snprintf(path, size, "%s", line + 3);
			return 0;
		}
	}
	return -ENOENT;
}

/* One group's limit and use, taken over when it is nearer to its end than what is known. */
static void consider_group(const char *cgroups, const char *group, struct health_memory *out)
{
	uint64_t limit, used, inactive = 0;
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s%s/memory.max", cgroups, group);
	if (read_number(path, &limit) || !limit)
		return;
	snprintf(path, sizeof(path), "%s%s/memory.current", cgroups, group);
	if (read_number(path, &used))
		return;
	snprintf(path, sizeof(path), "%s%s/memory.stat", cgroups, group);
	read_field(path, "inactive_file", &inactive);
	used -= inactive < used ? inactive : used;
	if (out->group_limit && percent(used, limit) <= percent(out->group_used, out->group_limit))
		return;
	out->group_limit = limit;
	out->group_used = used;
}

int health_memory_read(const char *proc, const char *cgroups, struct health_memory *out)
{
	struct health_memory memory = {0};
	char path[PATH_MAX];
	int error;

	snprintf(path, sizeof(path), "%s/meminfo", proc);
	error = read_field(path, "MemTotal:", &memory.host_total);
	if (!error)
		error = read_field(path, "MemAvailable:", &memory.host_available);
	if (error)
		return error;

	/* The limit may be on any group above ours. */
	if (!group_path(proc, path, sizeof(path))) {
		while (path[0]) {
			consider_group(cgroups, path, &memory);
			*strrchr(path, '/') = '\0';
		}
	}
	*out = memory;
	return 0;
}

void health_memory(struct snapshot_component *out)
{
	struct health_memory memory;
	uint64_t start = clock_monotonic_ns();
	int error;

	error = health_memory_read("/proc", "/sys/fs/cgroup", &memory);
	if (error)
		health_fill(out, "memory", HEALTH_DEGRADED, "cannot read /proc/meminfo: %s",
			    strerror(-error));
	else
		health_memory_judge(&memory, out);
	out->check_ms = clock_seconds_since(start) * 1e3;
}

/* "no answer for 12 s" */
static void describe_silence(double lag_seconds, char *out, size_t size)
{
	if (lag_seconds < 0)
		snprintf(out, size, "no answer yet");
	else
		snprintf(out, size, "no answer for %.0f s", lag_seconds);
}

void health_redis_judge(const struct snapshot_cluster *cluster, struct snapshot_component *out)
{
	char silence[48];

	describe_silence(cluster->lag_seconds, silence, sizeof(silence));
	if (!cluster->redis_up)
		health_fill(out, "redis", HEALTH_DEGRADED, "%s, %s%s%s", cluster->redis_state,
			    silence, cluster->error[0] ? ": " : "", cluster->error);
	else if (cluster->mode == CLUSTER_OUTAGE)
		health_fill(out, "redis", HEALTH_DEGRADED,
			    "up, but there is a limit without a share from it, which holds by its "
			    "on_outage: see `weir cluster`");
	else
		health_fill(out, "redis", HEALTH_HEALTHY, "up, %" PRIu32 " node%s, shares: %s",
			    cluster->nodes, cluster->nodes == 1 ? "" : "s",
			    cluster_mode_word(cluster->mode));
}

void health_control_judge(const struct snapshot *snapshot, uint64_t now_ns,
			  struct snapshot_component *out)
{
	uint64_t age_ns;

	out->check_ms = 0;
	if (!snapshot) {
		health_fill(out, "control", HEALTH_UNHEALTHY,
			    "no figures yet, the daemon is starting");
		return;
	}
	age_ns = now_ns > snapshot->time_ns ? now_ns - snapshot->time_ns : 0;
	if (age_ns > HEALTH_STALE_SECONDS * NS_PER_SEC)
		health_fill(out, "control", HEALTH_UNHEALTHY,
			    "control thread has not reported for %" PRIu64 " s",
			    age_ns / NS_PER_SEC);
	else
		health_fill(out, "control", HEALTH_HEALTHY, "reports each second");
}
