/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Families about traffic: packets, limits, clients. */
#include "user/metrics/writer.h"

#include <string.h>

#include "user/base/words.h"

/* A counter of packets or of bytes for each series and verdict */
static void emit_counts(struct metrics_writer *writer, const struct snapshot *snapshot,
			size_t offset)
{
	for (size_t i = 0; i < snapshot->series_count; i++) {
		const struct snapshot_series *series = &snapshot->series[i];

		for (u32 verdict = 0; verdict < WEIR_VERDICT_COUNT; verdict++) {
			const struct weir_count *count = &series->sum.verdict[verdict];

			metrics_number(writer, *(const u64 *)((const char *)count + offset),
				       snapshot->interface[series->interface].name,
				       snapshot->service[series->service].name,
				       snapshot->tier[series->tier], verdict_word(verdict));
		}
	}
}

void metrics_emit_packets(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_counts(writer, input->snapshot, offsetof(struct weir_count, packets));
}

void metrics_emit_bytes(struct metrics_writer *writer, const struct metrics_input *input)
{
	emit_counts(writer, input->snapshot, offsetof(struct weir_count, bytes));
}

static bool same_combination(const struct snapshot_series *one, const struct snapshot_series *other)
{
	return one->service == other->service && one->tier == other->tier;
}

static bool seen_before(const struct snapshot *snapshot, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_combination(&snapshot->series[i], &snapshot->series[index]))
			return true;
	return false;
}

/* Over all interfaces. Quadratic in at most 1024 series: half a million comparisons, 0.3 ms. */
void metrics_emit_observed(struct metrics_writer *writer, const struct metrics_input *input)
{
	const struct snapshot *snapshot = input->snapshot;

	for (size_t i = 0; i < snapshot->series_count; i++) {
		const struct snapshot_series *first = &snapshot->series[i];
		u64 sum[WEIR_VERDICT_COUNT] = {0};

		if (seen_before(snapshot, i))
			continue;
		for (size_t j = i; j < snapshot->series_count; j++)
			if (same_combination(first, &snapshot->series[j]))
				for (u32 v = 0; v < WEIR_VERDICT_COUNT; v++)
					sum[v] += snapshot->series[j].sum.observed[v];
		for (u32 v = 0; v < WEIR_VERDICT_COUNT; v++)
			if (weir_is_refusal(v))
				metrics_number(writer, sum[v],
					       snapshot->service[first->service].name,
					       snapshot->tier[first->tier], verdict_word(v));
	}
}

void metrics_emit_parse_errors(struct metrics_writer *writer, const struct metrics_input *input)
{
	static const char *const layer[] = {"ethernet", "network", "transport"};

	for (size_t i = 0; i < 3; i++)
		metrics_number(writer, input->snapshot->parse_errors[i], layer[i]);
}

static const char *bucket(const struct snapshot_limit *limit)
{
	return limit->group ? "group" : "client";
}

/* A figure of a limit, under all its labels */
static void emit_of_limit(struct metrics_writer *writer, const struct snapshot *snapshot,
			  const struct snapshot_limit *limit, double figure)
{
	metrics_real(writer, figure, snapshot->service[limit->service].name,
		     snapshot->tier[limit->tier], limit->name, limit->unit, bucket(limit));
}

void metrics_emit_limit_rate(struct metrics_writer *writer, const struct metrics_input *input)
{
	const struct snapshot *snapshot = input->snapshot;

	for (size_t i = 0; i < snapshot->limits; i++)
		emit_of_limit(writer, snapshot, &snapshot->limit[i], snapshot->limit[i].rate);
}

void metrics_emit_limit_burst(struct metrics_writer *writer, const struct metrics_input *input)
{
	const struct snapshot *snapshot = input->snapshot;

	for (size_t i = 0; i < snapshot->limits; i++)
		emit_of_limit(writer, snapshot, &snapshot->limit[i], snapshot->limit[i].burst);
}

void metrics_emit_limit_share(struct metrics_writer *writer, const struct metrics_input *input)
{
	const struct snapshot *snapshot = input->snapshot;

	for (size_t i = 0; i < input->cluster->limits; i++) {
		const struct snapshot_cluster_limit *shared = &input->cluster->limit[i];

		emit_of_limit(writer, snapshot, &snapshot->limit[shared->limit], shared->ratio);
	}
}

void metrics_emit_limit_refusals(struct metrics_writer *writer, const struct metrics_input *input)
{
	const struct snapshot *snapshot = input->snapshot;

	for (size_t i = 0; i < snapshot->limits; i++) {
		const struct snapshot_limit *limit = &snapshot->limit[i];

		metrics_number(writer, limit->refusals, snapshot->service[limit->service].name,
			       snapshot->tier[limit->tier], limit->name, bucket(limit));
	}
}

/* Each service in use */
#define for_each_service(service, snapshot)                                \
	for (const struct snapshot_service *service = (snapshot)->service; \
	     service < (snapshot)->service + WEIR_SERVICES; service++)     \
		if (service->name[0])

void metrics_emit_clients(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_service(service, input->snapshot)
		metrics_number(writer, service->clients, service->name);
}

void metrics_emit_clients_limited(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_service(service, input->snapshot)
		metrics_number(writer, service->clients_limited, service->name);
}

void metrics_emit_under_pressure(struct metrics_writer *writer, const struct metrics_input *input)
{
	for_each_service(service, input->snapshot)
		metrics_number(writer, service->under_pressure, service->name);
}

metrics_scalar(table_entries, snapshot->table_entries)
	metrics_scalar(table_capacity, snapshot->table_capacity)
		metrics_scalar(inserts, snapshot->totals.inserts)

			void metrics_emit_evictions(struct metrics_writer *writer,
						    const struct metrics_input *input)
{
	metrics_number(writer, input->snapshot->totals.evictions_idle, "idle");
	metrics_number(writer, input->snapshot->totals.evictions_active, "active");
}

metrics_scalar(contention, snapshot->totals.contention)
	metrics_scalar(prefix_lookups, snapshot->totals.prefix_lookups)
		metrics_scalar(bans_active, snapshot->bans)

			void metrics_emit_bans_total(struct metrics_writer *writer,
						     const struct metrics_input *input)
{
	for (unsigned int i = 0; i < WEIR_BAN_ORIGINS; i++)
		metrics_number(writer, input->snapshot->bans_total[i],
			       ban_origin_word((enum weir_ban_origin)i));
}
