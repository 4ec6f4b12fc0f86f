/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Our own listener over figures made by hand, for scrapers that are real:
 *     latencies LISTEN SOCKET ROUNDS < "LATENCY NS" lines
 * Serves /metrics with histograms of service `web` and upstream `payments` (`dns` has none) that begin
 * empty; each second, ROUNDS times, all samples come once more. LATENCY: as in bpf/abi/latency.h. Runs until it is killed.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/core/histogram.h"
#include "user/base/bounds.h"
#include "user/base/clock.h"
#include "user/base/latency.h"
#include "user/http/http.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct snapshot *latest; /* under the lock */

static struct snapshot *get_snapshot(void *context)
{
	struct snapshot *snapshot;

	(void)context;
	pthread_mutex_lock(&lock);
	snapshot = snapshot_ref(latest);
	pthread_mutex_unlock(&lock);
	return snapshot;
}

static void publish(struct snapshot *snapshot)
{
	struct snapshot *old;

	pthread_mutex_lock(&lock);
	old = latest;
	latest = snapshot;
	pthread_mutex_unlock(&lock);
	snapshot_unref(old);
}

static int no_command(void *context, const char *name, const json_t *arguments,
		      const char *request_id, json_t **reply)
{
	(void)context, (void)name, (void)arguments, (void)request_id;
	*reply = json_object();
	return 503;
}

static ssize_t no_events(void *context, uint64_t *cursor, char *buffer, size_t size, int timeout_ms)
{
	(void)context, (void)cursor, (void)buffer, (void)size, (void)timeout_ms;
	return -ESHUTDOWN;
}

static bool has_started(void *context)
{
	(void)context;
	return true;
}

static int read_samples(const struct bounds *bounds, struct weir_histogram sum[WEIR_LATENCY_COUNT])
{
	static const char *const names[] = {
#define X(name, text, help) [WEIR_LATENCY_##name] = text,
		WEIR_LATENCIES(X)
#undef X
	};
	u64 bound_ns[WEIR_SLOTS];
	char line[128], name[64];
	uint64_t ns;

	memcpy(bound_ns, bounds->ns, sizeof(bound_ns));
	while (fgets(line, sizeof(line), stdin)) {
		size_t i = 0;

		if (sscanf(line, "%63s %" SCNu64, name, &ns) != 2)
			return -EINVAL;
		while (i < WEIR_LATENCY_COUNT && strcmp(names[i], name))
			i++;
		if (i == WEIR_LATENCY_COUNT)
			return -EINVAL;
		sum[i].slot[weir_slot(bound_ns, ns)]++;
		sum[i].sum_ns += ns;
	}
	return 0;
}

static void add_latency(struct snapshot *snapshot, size_t latency, uint16_t owner,
			const struct weir_histogram *round, uint64_t rounds)
{
	struct snapshot_latency *to = &snapshot->latency[snapshot->latencies++];

	to->latency = (enum weir_latency)latency;
	to->owner = owner;
	if (!round)
		return;
	to->sum.sum_ns = round->sum_ns * rounds;
	for (size_t i = 0; i < WEIR_SLOTS; i++)
		to->sum.slot[i] = round->slot[i] * rounds;
	to->count = latency_count(&to->sum);
}

static struct snapshot *make(const struct bounds *bounds, const struct weir_histogram *sum,
			     uint64_t rounds)
{
	struct snapshot *snapshot = snapshot_new();

	if (!snapshot)
		return NULL;
	snapshot->time_ns = clock_monotonic_ns();
	snapshot->following = true;
	strcpy(snapshot->service[1].name, "web");
	strcpy(snapshot->upstream[0].name, "payments");
	strcpy(snapshot->upstream[1].name, "dns");
	memcpy(snapshot->bound_ns, bounds->ns, sizeof(snapshot->bound_ns));
	memcpy(snapshot->bound_kind, bounds->kind, sizeof(snapshot->bound_kind));
	snapshot->bounds = bounds->count;
	snapshot->latency = calloc(WEIR_LATENCY_COUNT + 2, sizeof(*snapshot->latency));
	if (!snapshot->latency) {
		snapshot_unref(snapshot);
		return NULL;
	}
	add_latency(snapshot, WEIR_LATENCY_ROUND_TRIP, 1, &sum[WEIR_LATENCY_ROUND_TRIP], rounds);
	add_latency(snapshot, WEIR_LATENCY_RESPONSE, 1, &sum[WEIR_LATENCY_RESPONSE], rounds);
	for (size_t i = WEIR_LATENCY_CONNECT; i < WEIR_LATENCY_COUNT; i++) {
		add_latency(snapshot, i, 0, &sum[i], rounds);
		add_latency(snapshot, i, 1, NULL, 0);
	}
	return snapshot;
}

int main(int argc, char **argv)
{
	static const uint64_t le_ns[] = {1000000,    2500000,	 5000000,    10000000,	25000000,
					 50000000,   100000000,	 250000000,  500000000, 1000000000,
					 2500000000, 5000000000, 10000000000};
	static const struct http_ops ops = {.snapshot = get_snapshot,
					    .command = no_command,
					    .events = no_events,
					    .started = has_started};
	static struct weir_histogram sum[WEIR_LATENCY_COUNT];
	struct bounds bounds;
	struct http *http;
	char error[256];

	bounds_make(le_ns, sizeof(le_ns) / sizeof(le_ns[0]), &bounds);
	if (argc != 4 || read_samples(&bounds, sum)) {
		fputs("usage: latencies LISTEN SOCKET ROUNDS < \"LATENCY NS\" lines\n", stderr);
		return 2;
	}
	publish(make(&bounds, sum, 0));
	if (http_start(argv[1], argv[2], &ops, &http, error, sizeof(error))) {
		fprintf(stderr, "latencies: %s\n", error);
		return 1;
	}
	for (uint64_t round = 1; round <= strtoull(argv[3], NULL, 10); round++) {
		sleep(1);
		publish(make(&bounds, sum, round));
	}
	for (;;)
		pause();
}
