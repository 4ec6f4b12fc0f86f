// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which clients have a share of their own, and which of those Redis hears of. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/cluster/hot.h"
#include "user/daemon/cluster_internal.h"

/* Who wants less than it would have anyhow is watched for so many rounds more, and at least for a second */
#define COLD_ROUNDS 10
#define COLD_NS 1000000000ULL

static double even_rate(const struct cluster *cluster, const struct cluster_key *key)
{
	return cluster_even_share(cluster, &cluster->limit[key->limit].law).rate;
}

static void set_reported(struct cluster *cluster, struct cluster_key *key, bool on)
{
	if (key->reported == on)
		return;
	key->reported = on;
	if (on)
		cluster->reported++;
	else
		cluster->reported--;
	ledger_report(cluster->ledger, key->handle, on);
}

/* --------------------------------------------------------------------------------------- watching */

void cluster_unwatch(struct cluster *cluster, uint16_t number)
{
	struct cluster_client *client = &cluster->client[number];

	for (unsigned int k = 0; k < client->keys; k++) {
		set_reported(cluster, &client->key[k], false);
		ledger_drop(cluster->ledger, client->key[k].handle);
	}
	shares_unwatch(cluster->datapath, number);
	memset(client, 0, sizeof(*client));
	cluster->watched--;
}

static int add_key(struct cluster *cluster, struct cluster_client *client, uint16_t number,
		   uint16_t limit, uint64_t now_ns)
{
	struct cluster_key *key = &client->key[client->keys];
	char id[SEAL_NAME];

	if (seal_name(cluster->seal, cluster->limit[limit].id, client->hot.addr,
		      sizeof(client->hot.addr), id))
		return -EIO;
	key->limit = limit;
	key->number = number;
	key->handle = ledger_add(cluster->ledger, id, &cluster->limit[limit].law, key, now_ns);
	if (key->handle < 0)
		return key->handle;
	client->keys++;
	ledger_report(cluster->ledger, key->handle, false);
	key->share = cluster_even_share(cluster, &cluster->limit[limit].law);
	return 0;
}

static void watch(void *context, const struct weir_hot *hot)
{
	struct cluster *cluster = context;
	uint64_t now_ns = cluster->ticked_ns;
	int number = shares_watch(cluster->datapath, cluster->generation, hot);
	struct cluster_client *client;

	if (number <= 0 || cluster->client[number].used)
		return;
	/* Until the nodes have agreed on a secret, a client has no name that they share. It may ask again. */
	if (!seal_is_agreed(cluster->seal)) {
		shares_unwatch(cluster->datapath, (uint32_t)number);
		return;
	}
	client = &cluster->client[number];
	*client = (struct cluster_client){.used = true, .hot = *hot, .busy_ns = now_ns};
	cluster->watched++;
	for (size_t i = 0; i < cluster->limits; i++) {
		const struct shares_limit *limit = &cluster->limit[i].info.limit;

		if (limit->group || limit->service != hot->service || limit->tier != hot->tier)
			continue;
		if (client->keys == WEIR_LIMITS ||
		    add_key(cluster, client, (uint16_t)number, (uint16_t)i, now_ns))
			break;
	}
	if (!client->keys)
		cluster_unwatch(cluster, (uint16_t)number);
}

void cluster_forget_clients(struct cluster *cluster)
{
	for (uint16_t n = 1; cluster->client && n < WEIR_SHARES; n++)
		if (cluster->client[n].used)
			cluster_unwatch(cluster, n);
}

void cluster_check_seal(struct cluster *cluster)
{
	if (seal_epoch(cluster->seal) == cluster->seal_epoch)
		return;
	cluster->seal_epoch = seal_epoch(cluster->seal);
	cluster_forget_clients(cluster);
}

void cluster_on_hot(struct cluster *cluster, uint64_t now_ns)
{
	cluster->ticked_ns = now_ns;
	shares_read_hot(cluster->datapath, watch, cluster);
}

/* --------------------------------------------------------------------------------------- choosing */

/*
 * Between two choices: who is new and wants more than half of an even share is reported at once, while there is room. Its time is
 * counted from a choice before, so that a single packet is not taken for a flood.
 */
static void report_new(struct cluster *cluster, uint64_t now_ns)
{
	double seconds = (double)(now_ns - cluster->chosen_ns + CLUSTER_TICK_NS) / 1e9;

	for (uint16_t n = 1; cluster->watched && n < WEIR_SHARES; n++) {
		struct cluster_client *client = &cluster->client[n];

		for (unsigned int k = 0; client->used && k < client->keys; k++) {
			struct cluster_key *key = &client->key[k];

			if (!key->reported && key->units &&
			    (double)key->units / seconds >= HOT_FROM * even_rate(cluster, key) &&
			    cluster->reported < cluster->config->cluster.hot_clients)
				set_reported(cluster, key, true);
		}
	}
}

/* Demand since the last choice, and half of what was before: one pause is no end */
static size_t gather(struct cluster *cluster, uint64_t now_ns, struct hot_client *out,
		     struct cluster_key **keys)
{
	double seconds = (double)(now_ns - cluster->chosen_ns) / 1e9;
	size_t count = 0;

	for (uint16_t n = 1; n < WEIR_SHARES; n++) {
		struct cluster_client *client = &cluster->client[n];

		for (unsigned int k = 0; client->used && k < client->keys; k++) {
			struct cluster_key *key = &client->key[k];
			double demand = (double)key->units / seconds;

			key->units = 0;
			key->demand = demand > key->demand ? demand : (key->demand + demand) / 2;
			if (key->demand >= HOT_STAY * even_rate(cluster, key))
				client->busy_ns = now_ns;
			out[count] =
				(struct hot_client){.key = client->hot.hash ^ k,
						    .demand = key->demand,
						    .rate = cluster->limit[key->limit].law.rate,
						    .was_chosen = key->reported};
			keys[count++] = key;
		}
	}
	return count;
}

static void unwatch_cold(struct cluster *cluster, uint64_t now_ns)
{
	uint64_t life = COLD_ROUNDS * cluster->config->cluster.interval_ns;

	if (life < COLD_NS)
		life = COLD_NS;
	for (uint16_t n = 1; n < WEIR_SHARES; n++)
		if (cluster->client[n].used && now_ns - cluster->client[n].busy_ns > life)
			cluster_unwatch(cluster, n);
}

static void choose_clients(struct cluster *cluster, uint64_t now_ns)
{
	size_t room = cluster->watched * WEIR_LIMITS, most = cluster->config->cluster.hot_clients;
	_cleanup_free_ struct hot_client *hot = calloc(room, sizeof(*hot));
	_cleanup_free_ struct cluster_key **keys = calloc(room, sizeof(*keys));
	_cleanup_free_ size_t *chosen = calloc(most, sizeof(*chosen));
	_cleanup_free_ bool *is_chosen = calloc(room, sizeof(*is_chosen));
	size_t count, chosen_count;

	if (!hot || !keys || !chosen || !is_chosen)
		return; /* those who were reported still are */
	count = gather(cluster, now_ns, hot, keys);
	chosen_count = hot_choose(hot, count, ledger_nodes(cluster->ledger), chosen, most);
	for (size_t i = 0; i < chosen_count; i++)
		is_chosen[chosen[i]] = true;
	for (size_t i = 0; i < count; i++)
		set_reported(cluster, keys[i], is_chosen[i]);
	unwatch_cold(cluster, now_ns);
}

void cluster_choose(struct cluster *cluster, uint64_t now_ns)
{
	double seconds = (double)(now_ns - cluster->chosen_ns) / 1e9;

	if (now_ns - cluster->chosen_ns < cluster->config->cluster.interval_ns) {
		report_new(cluster, now_ns);
		return;
	}
	for (size_t i = 0; i < cluster->limits; i++) {
		struct cluster_key *group = cluster->limit[i].key;

		if (!group)
			continue;
		group->demand = (double)group->units / seconds;
		group->units = 0;
	}
	if (cluster->watched)
		choose_clients(cluster, now_ns);
	cluster->chosen_ns = now_ns;
}
