// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is known of the cluster, from its thread to a snapshot of the control thread's. */
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/daemon/cluster_internal.h"
#include "user/daemon/scan.h"

#define SHOW_NS 100000000ULL

/* ------------------------------------------------------------------------------------ on its thread */

static void note_limit(struct cluster *cluster, const struct cluster_limit *limit,
		       struct snapshot_cluster_limit *out)
{
	const struct shares_value even = cluster_even_value(cluster, &limit->law);
	struct ledger_view view;

	*out = (struct snapshot_cluster_limit){
		.mode = ledger_mode(cluster->ledger),
		.on_outage = limit->law.on_outage,
		.share_rate = even.rate,
		.share_burst = even.burst,
	};
	if (limit->key) {
		ledger_view(cluster->ledger, limit->key->handle, &view);
		out->mode = view.mode;
		out->share_rate = view.share.rate;
		out->share_burst = view.share.burst;
		out->demand = limit->key->demand;
		out->level = view.level;
		cluster->shown.backlog += (double)view.backlog;
	}
	out->ratio = out->share_rate / limit->law.rate;
}

/* By how much of their limit they want, the hottest first */
static void keep_hottest(struct snapshot_cluster *shown, double *wants,
			 const struct snapshot_hot *hot, double want)
{
	size_t at = shown->hots;

	if (at == SNAPSHOT_HOT) {
		if (want <= wants[--at])
			return;
	} else {
		shown->hots++;
	}
	for (; at && wants[at - 1] < want; at--) {
		shown->hot[at] = shown->hot[at - 1];
		wants[at] = wants[at - 1];
	}
	shown->hot[at] = *hot;
	wants[at] = want;
}

static void note_clients(struct cluster *cluster)
{
	struct snapshot_cluster *shown = &cluster->shown;
	double wants[SNAPSHOT_HOT];

	for (uint16_t n = 1; cluster->watched && n < WEIR_SHARES; n++) {
		const struct cluster_client *client = &cluster->client[n];

		for (unsigned int k = 0; client->used && k < client->keys; k++) {
			const struct cluster_key *key = &client->key[k];
			struct snapshot_cluster_limit *limit = &shown->limit[key->limit];
			struct ledger_view view;
			struct snapshot_hot hot = {.limit = key->limit};

			ledger_view(cluster->ledger, key->handle, &view);
			shown->backlog += (double)view.backlog;
			limit->demand += key->demand;
			if (!key->reported)
				continue;
			limit->hot++;
			hot.mode = view.mode;
			hot.demand = key->demand;
			hot.share_rate = view.share.rate;
			hot.ratio = view.ratio;
			hot.level = view.level;
			memcpy(hot.addr, client->hot.addr, sizeof(hot.addr));
			keep_hottest(shown, wants, &hot,
				     key->demand / cluster->limit[key->limit].law.rate);
		}
	}
}

static void note_redis(struct cluster *cluster, uint64_t now_ns)
{
	struct snapshot_cluster *shown = &cluster->shown;
	const struct cluster_redis *redis = &cluster->redis;
	uint64_t answered_ns = ledger_answered_ns(cluster->ledger);
	struct breaker_view view;

	snprintf(shown->redis, sizeof(shown->redis), "%s", cluster->config->cluster.redis.shown);
	shown->redis_up = redis->state == REDIS_STATE_OK;
	snprintf(shown->redis_state, sizeof(shown->redis_state), "%s",
		 redis_state_word(redis->state));
	shown->error[0] = 0;
	if (!shown->redis_up && redis->state != REDIS_STATE_NEVER)
		snprintf(shown->error, sizeof(shown->error), "%.160s; %s", redis->error,
			 redis_state_remedy(redis->state));
	if (redis->breaker) {
		breaker_view(redis->breaker, 0, &view);
		snprintf(shown->breaker, sizeof(shown->breaker), "%s",
			 breaker_state_word(view.state));
	}
	shown->lag_seconds = answered_ns ? (double)(now_ns - answered_ns) / 1e9 : -1;
}

static void note_counters(struct cluster *cluster)
{
	const struct snapshot_cluster *from = &cluster->figures;
	struct snapshot_cluster *shown = &cluster->shown;

	memcpy(shown->node, from->node, sizeof(from->node));
	shown->node_names = from->node_names;
	memcpy(shown->rounds, from->rounds, sizeof(from->rounds));
	memcpy(shown->command, from->command, sizeof(from->command));
	shown->commands = from->commands;
	shown->reports_ahead = from->reports_ahead;
	shown->last_success = from->last_success;
	shown->round_seconds = from->round_seconds;
	shown->reconnects = from->reconnects;
}

void cluster_note(struct cluster *cluster, uint64_t now_ns)
{
	struct snapshot_cluster *shown = &cluster->shown;

	if (now_ns - cluster->shown_ns < SHOW_NS)
		return;
	cluster->shown_ns = now_ns;
	pthread_mutex_lock(&cluster->lock);
	if (!shown->limit)
		shown->limit = calloc(CLUSTER_LIMITS, sizeof(*shown->limit));
	shown->enabled = shown->limit;
	if (shown->limit) {
		shown->mode = ledger_mode(cluster->ledger);
		shown->interval_ns = cluster->config->cluster.interval_ns;
		shown->nodes = ledger_nodes(cluster->ledger);
		shown->backlog = 0;
		shown->hots = 0;
		shown->watched = (uint32_t)cluster->watched;
		shown->hot_keys = (uint32_t)cluster->reported;
		shown->limits = cluster->limits;
		for (size_t i = 0; i < cluster->limits; i++) {
			cluster->shown_limit[i] = cluster->limit[i].info.limit;
			note_limit(cluster, &cluster->limit[i], &shown->limit[i]);
		}
		note_clients(cluster);
		note_redis(cluster, now_ns);
		note_counters(cluster);
	}
	pthread_mutex_unlock(&cluster->lock);
}

/* --------------------------------------------------------------------------- on the control thread */

/* Its place in out->limit, where limits of one (service, tier) stand in their order; out->limits: not there (any more) */
static size_t place_of(const struct snapshot *out, const struct shares_limit *limit)
{
	unsigned int index = 0;

	for (size_t i = 0; i < out->limits; i++)
		if (out->limit[i].service == limit->service && out->limit[i].tier == limit->tier &&
		    out->limit[i].group == limit->group && index++ == limit->index)
			return i;
	return out->limits;
}

/* Numbers of the cluster thread's limits become places in the snapshot; what is of an earlier configuration goes. */
static void translate(const struct cluster *cluster, const struct weir_side *side,
		      struct snapshot *out)
{
	struct snapshot_cluster *to = &out->cluster;
	size_t hots = 0, limits = 0;
	uint16_t place[CLUSTER_LIMITS] = {0};

	for (size_t i = 0; i < to->limits; i++) {
		place[i] = (uint16_t)place_of(out, &cluster->shown_limit[i]);
		to->limit[limits] = to->limit[i];
		to->limit[limits].limit = place[i];
		if (place[i] < out->limits)
			limits++;
	}
	for (size_t i = 0; i < to->hots; i++) {
		struct snapshot_hot hot = to->hot[i];

		hot.limit = place[hot.limit];
		if (hot.limit == out->limits)
			continue;
		hot.length = (uint8_t)scan_client_length(side, hot.addr,
							 (uint8_t)out->limit[hot.limit].service);
		to->hot[hots++] = hot;
	}
	to->limits = limits;
	to->hots = hots;
}

void cluster_show(struct cluster *cluster, struct snapshot *out)
{
	pthread_mutex_lock(&cluster->lock);
	out->cluster = cluster->shown;
	out->cluster.limit = NULL;
	if (cluster->shown.enabled)
		out->cluster.limit = calloc(CLUSTER_LIMITS, sizeof(*out->cluster.limit));
	if (out->cluster.limit) {
		memcpy(out->cluster.limit, cluster->shown.limit,
		       cluster->shown.limits * sizeof(*out->cluster.limit));
		translate(cluster, datapath_side(cluster->datapath), out);
	} else {
		out->cluster.limits = out->cluster.hots = 0;
	}
	pthread_mutex_unlock(&cluster->lock);
}
