/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "user/base/bounds.h"

static struct snapshot_series *add_series(struct snapshot *snapshot, size_t interface,
					  size_t service, size_t tier)
{
	struct snapshot_series *series = &snapshot->series[snapshot->series_count++];

	series->interface = (uint16_t)interface;
	series->service = (uint16_t)service;
	series->tier = (uint16_t)tier;
	return series;
}

struct snapshot *make_snapshot(size_t interfaces, size_t services, size_t tiers)
{
	struct snapshot *snapshot = snapshot_new();

	assert_non_null(snapshot);
	snapshot->series = calloc(interfaces * services * tiers, sizeof(*snapshot->series));
	snapshot->interfaces = interfaces;
	for (size_t i = 0; i < interfaces; i++)
		snprintf(snapshot->interface[i].name, sizeof(snapshot->interface[i].name), "eth%u",
			 (uint8_t)i);
	for (size_t i = 0; i < services; i++)
		snprintf(snapshot->service[i].name, WEIR_NAME, "service-%zu", i);
	for (size_t i = 0; i < tiers; i++)
		snprintf(snapshot->tier[i], WEIR_NAME, "tier-%zu", i);
	for (size_t i = 0; i < interfaces; i++)
		for (size_t j = 0; j < services; j++)
			for (size_t k = 0; k < tiers; k++)
				add_series(snapshot, i, j, k);
	return snapshot;
}

void set_bounds(struct snapshot *snapshot, const uint64_t *le_ns, size_t les)
{
	struct bounds bounds;

	bounds_make(le_ns, les, &bounds);
	memcpy(snapshot->bound_ns, bounds.ns, sizeof(snapshot->bound_ns));
	memcpy(snapshot->bound_kind, bounds.kind, sizeof(snapshot->bound_kind));
	snapshot->bounds = bounds.count;
}

struct weir_histogram *add_latency(struct snapshot *snapshot, enum weir_latency latency,
				   uint16_t owner)
{
	struct snapshot_latency *added;

	snapshot->latency =
		realloc(snapshot->latency, (snapshot->latencies + 1) * sizeof(*snapshot->latency));
	assert_non_null(snapshot->latency);
	added = &snapshot->latency[snapshot->latencies++];
	*added = (struct snapshot_latency){.latency = latency, .owner = owner};
	return &added->sum;
}

void add_samples(struct snapshot *snapshot, size_t index, uint64_t ns, uint64_t samples)
{
	struct snapshot_latency *to = &snapshot->latency[index];
	size_t slot = 0;

	while (slot < snapshot->bounds && ns > snapshot->bound_ns[slot])
		slot++;
	to->sum.slot[slot] += samples;
	to->sum.sum_ns += samples * ns;
	to->count += samples;
}

static void fill_latency(struct snapshot *snapshot)
{
	static const uint64_t le_ns[] = {1000000,    2500000,	 5000000,    10000000,	25000000,
					 50000000,   100000000,	 250000000,  500000000, 1000000000,
					 2500000000, 5000000000, 10000000000};
	/* At bounds and just above, below and above them all */
	static const uint64_t sample_ns[] = {0,		  7629,	       7630,	    1000000,
					     1000001,	  1000000000,  1000000001,  10000000000,
					     10000000001, 64000000000, 64000000001, 1000000000000};

	set_bounds(snapshot, le_ns, sizeof(le_ns) / sizeof(le_ns[0]));
	add_latency(snapshot, WEIR_LATENCY_ROUND_TRIP, 0);
	add_latency(snapshot, WEIR_LATENCY_RESPONSE, 0);
	add_latency(snapshot, WEIR_LATENCY_CONNECT, 0);
	add_latency(snapshot, WEIR_LATENCY_CONNECT, 1);
	add_latency(snapshot, WEIR_LATENCY_UPSTREAM_RESPONSE, 0);
	add_latency(snapshot, WEIR_LATENCY_UPSTREAM_RESPONSE, 1);
	for (size_t i = 0; i < sizeof(sample_ns) / sizeof(sample_ns[0]); i++)
		add_samples(snapshot, 0, sample_ns[i], 1);
	add_samples(snapshot, 0, 30000000, 1000000);
	add_samples(snapshot, 2, 99000000000, 3);
	for (uint64_t ns = 1000; ns < 100000000000; ns += ns / 3)
		add_samples(snapshot, 4, ns, ns % 17);

	snapshot->following = true;
	snapshot->flows = 5;
	snapshot->flow_capacity = 131072;
	snapshot->flow_sums = (struct weir_flow_sums){.inserts = 1,
						      .evictions_idle = 2,
						      .evictions_active = 3,
						      .retransmissions = 4,
						      .discarded = {5, 6, 7, 8}};
}

static void fill_upstreams(struct snapshot *snapshot)
{
	struct snapshot_endpoint *http_endpoint = &snapshot->endpoint[0],
				 *other = &snapshot->endpoint[WEIR_ENDPOINTS - 1];

	strcpy(snapshot->upstream[0].name, "payments");
	strcpy(snapshot->upstream[1].name, "dns");
	strcpy(http_endpoint->name, "10.1.2.3:8443");
	http_endpoint->http = true;
	http_endpoint->addresses = 1;
	http_endpoint->connections = 2;
	http_endpoint->calls = (struct weir_calls){.result = {10, 11, 12, 13, 14, 15, 16},
						   .connected = 20,
						   .http = {30, 31, 32, 33, 34, 35}};
	strcpy(other->name, "resolver.example:53");
	other->upstream = 1;
	other->stale = true;
}

/* Two limits of the snapshot are the cluster's; Redis is away, and was there */
static void fill_cluster(struct snapshot *snapshot)
{
	struct snapshot_cluster *cluster = &snapshot->cluster;

	*cluster = (struct snapshot_cluster){
		.enabled = true,
		.mode = CLUSTER_OUTAGE,
		.nodes = 5,
		.rounds = {100, 7, 3},
		.last_success = 1700000000.5,
		.reconnects = 4,
		.hot_keys = 6,
		.backlog = 12.5,
		.command = {{.name = "round", .ok = 100, .failed = 7}, {.name = "orders"}},
		.commands = 2,
		.limits = 2,
	};
	histogram_observe(&cluster->command[0].duration, 0.001);
	cluster->limit = calloc(2, sizeof(*cluster->limit));
	assert_non_null(cluster->limit);
	cluster->limit[0] = (struct snapshot_cluster_limit){.limit = 1, .ratio = 0.25};
	cluster->limit[1] = (struct snapshot_cluster_limit){.limit = 0, .ratio = 0.2};
}

struct snapshot *make_full_snapshot(void)
{
	struct snapshot *snapshot = make_snapshot(2, 1, 1);

	for (size_t i = 0; i < 2; i++) {
		struct weir_series *sum = &snapshot->series[i].sum;

		sum->verdict[WEIR_PASSED] = (struct weir_count){100 + i, 6000 + i};
		sum->verdict[WEIR_LIMITED] = (struct weir_count){UINT64_MAX, 1};
		sum->observed[WEIR_LIMITED] = 5 + i;
		sum->observed[WEIR_PASSED] = 99; /* makes no sense, is not shown */
	}
	snapshot->interface[0].attached = true;
	snapshot->limit = calloc(2, sizeof(*snapshot->limit));
	snapshot->limits = 2;
	snapshot->limit[0] = (struct snapshot_limit){.name = "100/min connections",
						     .unit = "connections",
						     .rate = 100.0 / 60,
						     .burst = 100,
						     .refusals = 3};
	snapshot->limit[1] = (struct snapshot_limit){.group = true,
						     .name = "20MB/s bytes",
						     .unit = "bytes",
						     .rate = 20e6,
						     .burst = 20e6};
	snapshot->service[0].clients = 12;
	snapshot->service[0].under_pressure = true;
	snapshot->parse_errors[1] = 8;
	snapshot->totals = (struct weir_totals){.inserts = 1,
						.evictions_idle = 2,
						.evictions_active = 3,
						.contention = 4,
						.events_lost = 5,
						.events_muted = 6,
						.prefix_lookups = 7};
	snapshot->table_entries = 13;
	snapshot->table_capacity = 1048576;
	snapshot->bans = 2;
	snapshot->bans_total[0] = 9;
	/* One program on both interfaces, one id, one count; and another of the same name */
	snapshot->program[0] = (struct snapshot_program){.name = "weir_xdp",
							 .hook = "xdp",
							 .mode = "native",
							 .interface = "eth0",
							 .tag = "a04f",
							 .id = 61,
							 .run_count = 10,
							 .run_time_ns = 2500,
							 .stats = true};
	snapshot->program[1] = snapshot->program[0];
	strcpy(snapshot->program[1].interface, "eth1");
	snapshot->program[2] = snapshot->program[0];
	strcpy(snapshot->program[2].interface, "eth2");
	snapshot->program[2].id = 62;
	snapshot->program[3] = (struct snapshot_program){.name = "weir_tc",
							 .hook = "tc_ingress",
							 .mode = "tcx",
							 .interface = "eth3",
							 .id = 63};
	snapshot->programs = 4;
	snapshot->map[0] = (struct snapshot_map){.name = "weir_clients",
						 .entries = ~0ULL,
						 .capacity = 131072,
						 .memory_bytes = 75497472};
	snapshot->map[1] = (struct snapshot_map){
		.name = "weir_prefix_0", .entries = 4, .capacity = 131072, .memory_bytes = 4096};
	snapshot->maps = 2;
	for (int i = 0; i < 3; i++) {
		static const char *const name[] = {"datapath", "disk", "memory"};

		strcpy(snapshot->component[i].name, name[i]);
		snapshot->component[i].status = i;
	}
	snapshot->components = 3;
	snapshot->reload_ok = true;
	snapshot->reload_ok_time = 1700000000.25;
	snapshot->generation = 3;
	snapshot->reloads_ok = 2;
	snapshot->reloads_failed = 1;
	snapshot->log_messages[LOG_WARNING] = 4;
	histogram_observe(&snapshot->scan_duration, 0.002);
	strcpy(snapshot->libbpf, "1.1");
	strcpy(snapshot->hiredis, "1.1.0");
	snapshot->start_time = 1700000000;
	fill_latency(snapshot);
	fill_upstreams(snapshot);
	fill_cluster(snapshot);
	return snapshot;
}

static const struct metrics_http http = {
	.handler[0] = {.name = "metrics",
		       .code = {{200, 3}, {405, 0}},
		       .codes = 2,
		       .duration = {.slot = {[1] = 2, [12] = 1}, .sum = 4.25}},
	.handlers = 1,
	.in_progress = 1,
};
static const struct metrics_process process = {
	.cpu_seconds = 0.07,
	.start_time = 1699999999.5,
	.resident_bytes = 4096,
	.virtual_bytes = 8192,
	.open_fds = 9,
	.max_fds = 1024,
	.threads = 4,
};

void write_metrics(enum metrics_format format, struct snapshot *snapshot, struct buffer *out)
{
	struct metrics_input input = {
		.snapshot = snapshot,
		.cluster = metrics_cluster(snapshot),
		.http = &http,
		.process = &process,
	};

	assert_int_equal(metrics_write(format, &input, out), 0);
	assert_non_null(buffer_string(out));
}

void assert_has(struct buffer *text, const char *part)
{
	if (!strstr(buffer_string(text), part))
		fail_msg("no \"%s\" in:\n%s", part, buffer_string(text));
}

void assert_has_not(struct buffer *text, const char *part)
{
	if (strstr(buffer_string(text), part))
		fail_msg("\"%s\" in:\n%s", part, buffer_string(text));
}

void assert_section(struct buffer *text, const char *from, const char *to, const char *expected)
{
	const char *start = strstr(buffer_string(text), from);
	const char *end = start ? strstr(start, to) : NULL;
	_cleanup_free_ char *got = end ? strndup(start, (size_t)(end - start)) : NULL;

	assert_non_null(got);
	assert_string_equal(got, expected);
}

size_t count_of(const char *text, const char *part)
{
	size_t found = 0;

	while ((text = strstr(text, part))) {
		found++;
		text++;
	}
	return found;
}

static void write_file(const char *path, enum metrics_format format, struct snapshot *snapshot)
{
	_cleanup_fclose_ FILE *file = fopen(path, "we");
	_cleanup_buffer_ struct buffer text = {0};

	assert_non_null(file);
	write_metrics(format, snapshot, &text);
	assert_int_equal(fwrite(text.data, 1, text.length, file), text.length);
}

int run_on(enum metrics_format format, struct snapshot *snapshot, const char *command)
{
	char folder[] = "/tmp/weir-test-metrics-XXXXXX", file[64], text[64], part[4096];
	_cleanup_buffer_ struct buffer line = {0}, output = {0};
	size_t got;
	FILE *pipe;
	int status;

	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/file", folder);
	snprintf(text, sizeof(text), "%s/text", folder);
	write_file(file, format, snapshot);
	write_file(text, METRICS_TEXT, snapshot);
	buffer_format(&line, "FILE=%s TEXT=%s; %s", file, text, command);
	fflush(NULL);
	pipe = popen(buffer_string(&line), "r");
	assert_non_null(pipe);
	while ((got = fread(part, 1, sizeof(part), pipe)))
		buffer_add(&output, part, got);
	status = WEXITSTATUS(pclose(pipe));
	unlink(file);
	unlink(text);
	rmdir(folder);
	if (status)
		print_message("# %s: %d: %s\n", command, status, buffer_string(&output));
	return status;
}

void skip_without(const char *command, int absent, const char *reason)
{
	if (WEXITSTATUS(system(command)) != absent) /* NOLINT: no input in it */
		return;
	print_message("# skip: %s\n", reason);
	skip();
}
