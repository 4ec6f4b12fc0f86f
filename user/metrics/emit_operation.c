/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Families about Weir itself: kernel programs, operation, process. */
#include "user/metrics/writer.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "user/base/version.h"

void metrics_emit_interface_attached(struct metrics_writer *writer,
				     const struct metrics_input *input)
{
	for (size_t i = 0; i < input->snapshot->interfaces; i++)
		metrics_number(writer, input->snapshot->interface[i].attached,
			       input->snapshot->interface[i].name);
}

void metrics_emit_program_info(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (size_t i = 0; i < input->snapshot->programs; i++) {
		const struct snapshot_program *program = &input->snapshot->program[i];
		char id[12];

		snprintf(id, sizeof(id), "%" PRIu32, program->id);
		metrics_number(writer, 1, program->name, id, program->tag, program->hook,
			       program->mode, program->interface);
	}
}

/*
 * Sums run_count or run_time_ns over the programs of one name: one program attached to two interfaces is
 * listed twice under one id and has one count. False unless index is the first of its name with stats.
 */
static bool program_total(const struct snapshot *snapshot, size_t index, size_t offset,
			  uint64_t *total)
{
	const struct snapshot_program *first = &snapshot->program[index];

	*total = 0;
	for (size_t i = 0; i < snapshot->programs; i++) {
		const struct snapshot_program *program = &snapshot->program[i];
		bool counted = false;

		if (!program->stats || strcmp(program->name, first->name))
			continue;
		if (i < index)
			return false;
		for (size_t j = index; j < i && !counted; j++)
			counted = snapshot->program[j].stats &&
				  snapshot->program[j].id == program->id;
		if (!counted)
			*total += *(const uint64_t *)((const char *)program + offset);
	}
	return first->stats;
}

void metrics_emit_program_runs(struct metrics_writer *writer, const struct metrics_input *input)
{
	uint64_t runs;

	for (size_t i = 0; i < input->snapshot->programs; i++)
		if (program_total(input->snapshot, i, offsetof(struct snapshot_program, run_count),
				  &runs))
			metrics_number(writer, runs, input->snapshot->program[i].name);
}

void metrics_emit_program_seconds(struct metrics_writer *writer, const struct metrics_input *input)
{
	uint64_t ns;

	for (size_t i = 0; i < input->snapshot->programs; i++)
		if (program_total(input->snapshot, i,
				  offsetof(struct snapshot_program, run_time_ns), &ns))
			metrics_real(writer, (double)ns / 1e9, input->snapshot->program[i].name);
}

void metrics_emit_map_entries(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (size_t i = 0; i < input->snapshot->maps; i++)
		if (input->snapshot->map[i].entries != ~0ULL)
			metrics_number(writer, input->snapshot->map[i].entries,
				       input->snapshot->map[i].name);
}

void metrics_emit_map_capacity(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (size_t i = 0; i < input->snapshot->maps; i++)
		metrics_number(writer, input->snapshot->map[i].capacity,
			       input->snapshot->map[i].name);
}

void metrics_emit_map_memory(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (size_t i = 0; i < input->snapshot->maps; i++)
		metrics_number(writer, input->snapshot->map[i].memory_bytes,
			       input->snapshot->map[i].name);
}

void metrics_emit_events_lost(struct metrics_writer *writer, const struct metrics_input *input)
{
	metrics_number(writer, input->snapshot->totals.events_lost, "events");
}

void metrics_emit_events_muted(struct metrics_writer *writer, const struct metrics_input *input)
{
	metrics_number(writer, input->snapshot->totals.events_muted, "events");
}

void metrics_emit_component_healthy(struct metrics_writer *writer,
				    const struct metrics_input *input)
{
	for (size_t i = 0; i < input->snapshot->components; i++) {
		const struct snapshot_component *component = &input->snapshot->component[i];

		metrics_real(writer, 1 - component->status / 2.0, component->name);
	}
}

metrics_scalar(reload_successful, snapshot->reload_ok)
	metrics_scalar(reload_timestamp, snapshot->reload_ok_time)
		metrics_scalar(generation, snapshot->generation)

			void metrics_emit_reloads(struct metrics_writer *writer,
						  const struct metrics_input *input)
{
	metrics_number(writer, input->snapshot->reloads_ok, "success");
	metrics_number(writer, input->snapshot->reloads_failed, "failure");
}

void metrics_emit_http_requests(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (size_t i = 0; i < input->http->handlers; i++) {
		const struct metrics_handler *handler = &input->http->handler[i];

		for (size_t j = 0; j < handler->codes; j++) {
			char code[12];

			snprintf(code, sizeof(code), "%u", handler->code[j].code);
			metrics_number(writer, handler->code[j].count, handler->name, code);
		}
	}
}

void metrics_emit_http_duration(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (size_t i = 0; i < input->http->handlers; i++)
		metrics_histogram(writer, &input->http->handler[i].duration,
				  input->http->handler[i].name);
}

metrics_scalar(http_in_progress, http->in_progress)

	void metrics_emit_log_messages(struct metrics_writer *writer,
				       const struct metrics_input *input)
{
	metrics_number(writer, input->snapshot->log_messages[LOG_ERR], "error");
	metrics_number(writer, input->snapshot->log_messages[LOG_WARNING], "warning");
	metrics_number(writer, input->snapshot->log_messages[LOG_INFO], "info");
	metrics_number(writer, input->snapshot->log_messages[LOG_DEBUG], "debug");
}

void metrics_emit_scan_duration(struct metrics_writer *writer, const struct metrics_input *input)
{
	metrics_histogram(writer, &input->snapshot->scan_duration);
}

void metrics_emit_build_info(struct metrics_writer *writer, const struct metrics_input *input)
{
	metrics_number(writer, 1, weir_version(), weir_revision(), input->snapshot->libbpf,
		       input->snapshot->hiredis);
}

metrics_scalar(start_time, snapshot->start_time)

	metrics_scalar(process_cpu, process->cpu_seconds) metrics_scalar(process_resident,
									 process->resident_bytes)
		metrics_scalar(process_virtual, process->virtual_bytes)
			metrics_scalar(process_open_fds, process->open_fds)
				metrics_scalar(process_max_fds, process->max_fds)
					metrics_scalar(process_start, process->start_time)
						metrics_scalar(process_threads, process->threads)
