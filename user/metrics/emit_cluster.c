/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Families about the cluster and its Redis; the share of a limit is among the limits. */
#include "user/metrics/writer.h"

void metrics_emit_cluster_mode(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (unsigned int mode = 0; mode < CLUSTER_MODE_COUNT; mode++)
		metrics_number(writer, input->cluster->mode == mode, cluster_mode_word(mode));
}

void metrics_emit_redis_command_duration(struct metrics_writer *writer,
					 const struct metrics_input *input)
{
	for (size_t i = 0; i < input->cluster->commands; i++)
		metrics_histogram(writer, &input->cluster->command[i].duration,
				  input->cluster->command[i].name);
}

void metrics_emit_redis_commands(struct metrics_writer *writer, const struct metrics_input *input)
{
	for (size_t i = 0; i < input->cluster->commands; i++) {
		const struct snapshot_redis_command *command = &input->cluster->command[i];

		metrics_number(writer, command->ok, command->name, "ok");
		metrics_number(writer, command->failed, command->name, "failed");
	}
}

void metrics_emit_cluster_rounds(struct metrics_writer *writer, const struct metrics_input *input)
{
	static const char *const result[] = {"ok", "failed", "repeated"};

	for (size_t i = 0; i < sizeof(result) / sizeof(result[0]); i++)
		metrics_number(writer, input->cluster->rounds[i], result[i]);
}

metrics_scalar(redis_up, cluster->redis_up) metrics_scalar(cluster_nodes, cluster->nodes)
	metrics_scalar(redis_reconnects, cluster->reconnects)
		metrics_scalar(cluster_last_success, cluster->last_success)
			metrics_scalar(cluster_hot_keys, cluster->hot_keys)
				metrics_scalar(cluster_backlog, cluster->backlog)
