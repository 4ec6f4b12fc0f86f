/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>

#include "user/base/prefix.h"
#include "user/http/json.h"
#include "user/http/view.h"

/* An empty text is null: there is nothing to say */
static json_t *text_or_null(const char *text)
{
	return *text ? json_text(text) : json_null();
}

/* What each node is called is cut to the same length, so that programs find this one among them. */
static json_t *nodes(const struct snapshot *snapshot)
{
	const struct snapshot_cluster *cluster = &snapshot->cluster;
	json_t *object = json_object(), *names = json_array();
	char here[sizeof(cluster->node[0])];

	snprintf(here, sizeof(here), "%.*s", (int)sizeof(here) - 1, snapshot->node);
	for (size_t i = 0; i < cluster->node_names; i++)
		json_add(&names, json_text(cluster->node[i]));
	json_set(&object, "count", json_number(cluster->nodes));
	json_set(&object, "here", json_text(here));
	json_set(&object, "names", names);
	return object;
}

static json_t *mean(const struct histogram *duration)
{
	uint64_t count = histogram_count(duration);

	return count ? json_double(duration->sum / (double)count) : json_null();
}

static json_t *commands(const struct snapshot_cluster *cluster)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cluster->commands; i++) {
		const struct snapshot_redis_command *command = &cluster->command[i];
		json_t *object = json_object();

		json_set(&object, "name", json_text(command->name));
		json_set(&object, "ok", json_number(command->ok));
		json_set(&object, "failed", json_number(command->failed));
		json_set(&object, "mean_seconds", mean(&command->duration));
		json_add(&list, object);
	}
	return list;
}

static json_t *redis(const struct snapshot_cluster *cluster)
{
	json_t *object = json_object();

	json_set(&object, "url", json_text(cluster->redis));
	json_set(&object, "up", json_boolean(cluster->redis_up));
	json_set(&object, "state", json_text(cluster->redis_state));
	json_set(&object, "error", text_or_null(cluster->error));
	json_set(&object, "breaker", json_text(cluster->breaker));
	json_set(&object, "reconnects", json_number(cluster->reconnects));
	json_set(&object, "commands", commands(cluster));
	return object;
}

static json_t *rounds(const struct snapshot_cluster *cluster)
{
	json_t *object = json_object();

	json_set(&object, "interval_seconds", json_double((double)cluster->interval_ns / 1e9));
	json_set(&object, "ok", json_number(cluster->rounds[0]));
	json_set(&object, "failed", json_number(cluster->rounds[1]));
	json_set(&object, "repeated", json_number(cluster->rounds[2]));
	json_set(&object, "ahead", json_number(cluster->reports_ahead));
	json_set(&object, "last_success", json_time(cluster->last_success));
	json_set(&object, "lag_seconds",
		 cluster->lag_seconds < 0 ? json_null() : json_double(cluster->lag_seconds));
	json_set(&object, "work_seconds", json_double(cluster->round_seconds));
	return object;
}

/* Which limit it is, as in the status */
static json_t *limit_object(const struct snapshot *snapshot, uint16_t index)
{
	const struct snapshot_limit *limit = &snapshot->limit[index];
	json_t *object = json_object();

	json_set(&object, "service", json_text(snapshot->service[limit->service].name));
	json_set(&object, "tier", json_text(snapshot->tier[limit->tier]));
	json_set(&object, "limit", json_text(limit->name));
	json_set(&object, "unit", json_text(limit->unit));
	return object;
}

static json_t *limits(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->cluster.limits; i++) {
		const struct snapshot_cluster_limit *shared = &snapshot->cluster.limit[i];
		const struct snapshot_limit *limit = &snapshot->limit[shared->limit];
		json_t *object = limit_object(snapshot, shared->limit);

		json_set(&object, "group", json_boolean(limit->group));
		json_set(&object, "rate", json_double(limit->rate));
		json_set(&object, "burst", json_double(limit->burst));
		json_set(&object, "mode", json_string(cluster_mode_word(shared->mode)));
		json_set(&object, "on_outage", json_string(outage_word(shared->on_outage)));
		json_set(&object, "share_rate", json_double(shared->share_rate));
		json_set(&object, "share_burst", json_double(shared->share_burst));
		json_set(&object, "ratio", json_double(shared->ratio));
		json_set(&object, "demand", json_double(shared->demand));
		json_set(&object, "level", limit->group ? json_double(shared->level) : json_null());
		json_set(&object, "hot", json_number(shared->hot));
		json_add(&list, object);
	}
	return list;
}

static json_t *hot_clients(const struct snapshot *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->cluster.hots; i++) {
		const struct snapshot_hot *hot = &snapshot->cluster.hot[i];
		json_t *object = limit_object(snapshot, hot->limit);
		char prefix[PREFIX_TEXT];

		prefix_text(hot->addr, hot->length, prefix, sizeof(prefix));
		json_set(&object, "client", json_string(prefix));
		json_set(&object, "mode", json_string(cluster_mode_word(hot->mode)));
		json_set(&object, "demand", json_double(hot->demand));
		json_set(&object, "share_rate", json_double(hot->share_rate));
		json_set(&object, "ratio", json_double(hot->ratio));
		json_set(&object, "level", json_double(hot->level));
		json_add(&list, object);
	}
	return list;
}

json_t *view_cluster(const struct snapshot *snapshot, uint64_t now_ns, bool clients)
{
	const struct snapshot_cluster *cluster = &snapshot->cluster;
	json_t *object = json_object();

	json_set(&object, "time", json_time(snapshot->unix_time));
	json_set(&object, "age_seconds", json_age(snapshot, now_ns));
	json_set(&object, "enabled", json_boolean(cluster->enabled));
	if (!cluster->enabled)
		return object;
	json_set(&object, "mode", json_string(cluster_mode_word(cluster->mode)));
	json_set(&object, "nodes", nodes(snapshot));
	json_set(&object, "redis", redis(cluster));
	json_set(&object, "rounds", rounds(cluster));
	json_set(&object, "hot_keys", json_number(cluster->hot_keys));
	json_set(&object, "watched", json_number(cluster->watched));
	json_set(&object, "backlog", json_double(cluster->backlog));
	json_set(&object, "limits", limits(snapshot));
	if (clients)
		json_set(&object, "hot", hot_clients(snapshot));
	return object;
}

json_t *view_cluster_summary(const struct snapshot *snapshot)
{
	const struct snapshot_cluster *cluster = &snapshot->cluster;
	json_t *object;

	if (!cluster->enabled)
		return json_null();
	object = json_object();
	json_set(&object, "mode", json_string(cluster_mode_word(cluster->mode)));
	json_set(&object, "nodes", json_number(cluster->nodes));
	json_set(&object, "redis_up", json_boolean(cluster->redis_up));
	json_set(&object, "redis_state", json_text(cluster->redis_state));
	return object;
}
